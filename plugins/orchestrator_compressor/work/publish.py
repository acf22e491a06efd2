"""publish: put the verified file at its destination, whole or not at all (R2).

Part file named after the attempt, in the same folder → fsync → hash compared with the ledger's →
rename → fsync of the folder.  Done twice it writes the same bytes; killed anywhere, the
destination holds what it held before or the whole new file.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator_compressor.work import fingerprint
from orchestrator_compressor.work.attempt import CHUNK_BYTES, ask, sha256, sync
from orchestrator_compressor.work.trouble import STORAGE_ERRNOS, Trouble, unready

NAME_BYTES_MAX = 255
NUMBERS_MAX = 9999  #: of ``name-2`` and so on; more means that something loops
AT_FDCWD = -100  #: of <fcntl.h>: paths as they are
RENAME_NOREPLACE = 1  #: of <linux/fs.h>
#: What a file system without hard links, or another file system, answers to `link`.
NO_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS, errno.EACCES}
)
#: What no other try can mend.
FINAL = frozenset(
    {errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL}
)


@dataclass(frozen=True, slots=True)
class Publish:
    """What is asked."""

    file: str  #: of the assembling attempt
    sha256: str  #: as the ledger has it
    destination: str
    attempt: str  #: names the part file
    source: str = ""
    fingerprint: Mapping[str, object] = field(default_factory=dict)  #: {}: not asked
    ifExists: str = "fail"  #: fail | replace | number


def run(_words: list[str]) -> dict[str, object]:
    """Publish, and return destination, size and hash."""
    wanted = ask(Publish)
    destination = Path(wanted.destination)
    if wanted.source and wanted.fingerprint:
        fingerprint.check(wanted.source, wanted.fingerprint)
    try:
        placed = _publish(wanted, destination)
    except OSError as error:
        raise _trouble(error, destination) from error
    return {
        "destination": str(placed),
        "size": placed.stat().st_size,
        "sha256": wanted.sha256,
    }


def _publish(wanted: Publish, destination: Path) -> Path:
    if not Path(wanted.file).is_file():
        raise Trouble(f"{wanted.file}: is missing; it is assembled again")
    if standing := _standing(wanted, destination):
        return standing
    _make_folders(destination.parent)
    part = destination.with_name(_part_name(destination.name, wanted.attempt))
    part.unlink(missing_ok=True)
    _sweep(destination, wanted.attempt)
    try:
        _bring(wanted, part)
        placed = _rename(wanted, part, destination)
    finally:
        part.unlink(missing_ok=True)
    sync(destination.parent)
    return placed


def _sweep(destination: Path, attempt: str) -> None:
    """Remove the part files of this ledger's earlier attempts: a power cut leaves them behind."""
    ledger = attempt.rpartition("-")[0] or attempt
    for other in destination.parent.iterdir():
        start, _, end = other.name.rpartition(f".{ledger}")
        if start == f".{destination.name}" and end.endswith(".part"):
            other.unlink(missing_ok=True)


def _part_name(name: str, attempt: str) -> str:
    full = f".{name}.{attempt}.part"
    return full if len(os.fsencode(full)) <= NAME_BYTES_MAX else f".{attempt}.part"


def _standing(wanted: Publish, destination: Path) -> Path | None:
    """Return where the very file stands already: a crash came between rename and report."""
    if wanted.ifExists == "number":
        made_ns = Path(wanted.file).stat().st_mtime_ns
        # An equal file that is older is another batch's, and this one gets a number of its own.
        recent = (p for p in _numbered(destination) if p.stat().st_mtime_ns >= made_ns)
        return next((path for path in recent if _is_ours(wanted, path)), None)
    if _is_ours(wanted, destination):
        return destination
    if wanted.ifExists == "fail" and os.path.lexists(destination):
        sentence = f"{destination}: exists; choose another name, or ifExists: replace | number"
        raise Trouble(sentence, final=True)
    return None


def _numbered(destination: Path) -> list[Path]:
    """Return the names of a numbered destination that are taken, in order."""
    taken = []
    for path in _names(destination):
        if not os.path.lexists(path):
            break
        taken.append(path)
    return taken


def _names(destination: Path) -> list[Path]:
    more = (destination.with_stem(f"{destination.stem}-{n}") for n in range(2, NUMBERS_MAX + 1))
    return [destination, *more]


def _is_ours(wanted: Publish, path: Path) -> bool:
    if not path.is_file() or path.stat().st_size != Path(wanted.file).stat().st_size:
        return False
    return sha256(path) == wanted.sha256


def _bring(wanted: Publish, part: Path) -> None:
    """Make the part file: by a link where both stand on one file system, else by a copy.

    Raises Trouble if its hash is not the ledger's.
    """
    try:
        os.link(wanted.file, part)
        found = sha256(part)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        found = _copy(Path(wanted.file), part)
    if found != wanted.sha256:
        sentence = f"{wanted.file}: its hash is {found} instead of {wanted.sha256}"
        raise Trouble(f"{sentence}; it is made again")
    sync(part)


def _copy(source: Path, part: Path) -> str:
    """Copy to another file system, and return the hash of what can be read back."""
    with source.open("rb") as reading, part.open("xb") as writing:
        shutil.copyfileobj(reading, writing, CHUNK_BYTES)
        writing.flush()
        os.fsync(writing.fileno())
    return sha256(part)


def _rename(wanted: Publish, part: Path, destination: Path) -> Path:
    if wanted.ifExists == "replace":
        part.replace(destination)
        return destination
    names = _names(destination) if wanted.ifExists == "number" else [destination]
    for path in names:
        try:
            _place(part, path)
        except FileExistsError:
            continue
        return path
    sentence = f"{destination}: exists; choose another name, or ifExists: replace | number"
    raise Trouble(sentence, final=True)


def _place(part: Path, path: Path) -> None:
    """Give the part its name without ever replacing a file, even one made this instant.

    Raises FileExistsError if there is one.
    """
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        _rename_exclusively(part, path)


def _rename_exclusively(part: Path, path: Path) -> None:
    """Rename where there are no hard links (SMB, FAT); the kernel refuses to replace if it can."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is not None:
        words = (AT_FDCWD, os.fsencode(part), AT_FDCWD, os.fsencode(path), RENAME_NOREPLACE)
        if renameat2(*words) == 0:
            return
        code = ctypes.get_errno()
        if code not in {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}:
            raise OSError(code, os.strerror(code), os.fspath(path))
    # Neither: a file made between these two lines would be lost, a half one never shown.
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))
    part.rename(path)


def _make_folders(folder: Path) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        sync(each.parent)


def _trouble(error: OSError, destination: Path) -> Trouble:
    if error.errno in STORAGE_ERRNOS:
        return unready(destination.parent, error.errno)
    return Trouble(
        f"{destination}: cannot be written: {error.strerror or error};"
        " choose another destination, or give permission",
        final=error.errno in FINAL,
    )
