"""What a step on a node ends with, if not well: one sentence, and what kind of fault it is."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from orchestrator.model.work import Cause

STORAGE_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE})
FINAL = frozenset(
    {errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL}
)
"""What no other try can mend."""


class Trouble(Exception):
    """It cannot be done; the sentence is ``subject: fact; what to do``."""

    def __init__(
        self,
        sentence: str,
        cause: Cause = Cause.FAILED,
        *,
        final: bool = False,
        spoiled: Sequence[str] = (),
    ) -> None:
        super().__init__(sentence)
        self.cause = cause
        self.final = final  #: another try cannot end otherwise
        self.spoiled = spoiled  #: attempts whose files were changed since they were accepted

    def record(self) -> dict[str, object]:
        """Return what ``result.json`` says of it."""
        final: dict[str, object] = {"final": True} if self.final else {}
        spoiled = {"spoiled": list(self.spoiled)} if self.spoiled else {}
        return {"error": str(self), "cause": self.cause.value, **final, **spoiled}


def unready(folder: str | os.PathLike[str], code: int | None = errno.ENOSPC) -> Trouble:
    """Return the trouble of a storage that cannot take more now; it costs no try (P10)."""
    fact = {
        errno.EDQUOT: "has reached its quota; free some space",
        errno.EROFS: "is read-only; make it writable",
        errno.ESTALE: "is not there any more; mount it again",
    }.get(code or 0, "is full; free some space")
    return Trouble(f"storage {os.fspath(folder)} {fact}, it goes on by itself", Cause.UNREADY)


def of_os_error(error: OSError, folder: str | os.PathLike[str]) -> Trouble:
    """Return the trouble that an error of the operating system means while `folder` is used."""
    if error.errno in STORAGE_ERRNOS:
        return unready(folder, error.errno)
    where = error.filename if error.filename is not None else os.fspath(folder)
    return Trouble(f"{where}: {error.strerror or error}")


def of_destination(error: OSError, path: Path) -> Trouble:
    """Return what to say of an error of the destination's file system."""
    if error.errno in STORAGE_ERRNOS:
        return unready(path.parent, error.errno)
    return Trouble(
        f"{path}: cannot be written: {error.strerror or error};"
        " choose another destination, or give permission",
        final=error.errno in FINAL,
    )
