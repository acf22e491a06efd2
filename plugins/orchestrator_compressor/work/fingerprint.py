"""The fingerprint of a source: whether it is still the file that was indexed (F22)."""

from __future__ import annotations

import getpass
import hashlib
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from orchestrator.api import Cause
from orchestrator_compressor.work import images
from orchestrator_compressor.work.trouble import Trouble

EDGE_BYTES = 1 << 20  #: hashed at the head, and as much at the tail


def take(path: str) -> dict[str, object]:
    """Return size, mtime_ns, inode and the hash of head and tail of a source.

    Raises Trouble, of cause ``source``, if it cannot be read, is empty or is no regular file: a
    pipe or a device is never opened, because opening it could wait for ever (T06).
    """
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise Trouble(f"{path}: is {what}; name a media file", Cause.SOURCE)
        if not status.st_size:
            raise Trouble(f"{path}: is empty; copy it again", Cause.SOURCE)
        edges = _edges(path, status.st_size)
    except OSError as error:
        raise Trouble(f"{path}: {reason(error)}", Cause.SOURCE) from error
    return {
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "inode": status.st_ino,
        "sha256": edges,
    }


def check(path: str, wanted: Mapping[str, object]) -> None:
    """Raise Trouble, of cause ``source``, unless the file at `path` still has this fingerprint."""
    if images.is_print(wanted):
        first, count = (int(str(wanted[key])) for key in ("first", "count"))
        found = images.fingerprint(path, first, count)
    else:
        found = take(path)
    for key, name in (
        ("size", "size"),
        ("mtime_ns", "time"),
        ("inode", "inode"),
        ("sha256", "hash"),
    ):
        if key in wanted and wanted[key] != found[key]:
            raise Trouble(
                f"{path}: has changed since it was indexed ({name} {wanted[key]} is now"
                f" {found[key]}); submit the batch again",
                Cause.SOURCE,
                final=True,
            )


def _edges(path: str, size: int) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        digest.update(file.read(EDGE_BYTES))
        file.seek(max(0, size - EDGE_BYTES))
        digest.update(file.read(EDGE_BYTES))
    return digest.hexdigest()


def reason(error: OSError) -> str:
    """Return why a file cannot be read, and what to do."""
    if isinstance(error, FileNotFoundError):
        return "is missing; put it there, or name another"
    if isinstance(error, PermissionError):
        return f"cannot be read by user {_user()}; give it read permission"
    return f"cannot be read: {error.strerror or error}"


def _user() -> str:
    if sys.platform == "win32":
        name = getpass.getuser()
    else:
        name = str(os.getuid())
    return name
