"""publish: put the verified file at its destination, whole or not at all (R2).

Part file named after the attempt, in the same folder → fsync → hash compared with the ledger's →
rename → fsync of the folder.  Done twice it writes the same bytes; killed anywhere, the
destination holds what it held before or the whole new file.  What stands beside it, as its report,
comes after it in the same way.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrator_compressor.work import fingerprint, folder, rename
from orchestrator_compressor.work.attempt import CHUNK_BYTES, ask, sha256, sync
from orchestrator_compressor.work.trouble import STORAGE_ERRNOS, Trouble, unready

NAME_BYTES_MAX = 255
NUMBERS_MAX = 9999  #: of ``name-2`` and so on; more means that something loops
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
    extras: Sequence[Mapping[str, str]] = ()  #: file, sha256, suffix: what stands beside it
    reports: Sequence[Mapping[str, Any]] = ()  #: file, sha256, destination: what tells of it


class Occupied(Trouble):
    """Something stands where nothing may be replaced."""

    def __init__(self, path: Path) -> None:
        sentence = f"{path}: exists; choose another name, or ifExists: replace | number"
        super().__init__(sentence, final=True)


def run(_words: list[str]) -> dict[str, object]:
    """Publish, and return destination, size and hash."""
    wanted = ask(Publish)
    if wanted.source and wanted.fingerprint:
        fingerprint.check(wanted.source, wanted.fingerprint)
    reports = [replace(wanted, extras=(), reports=(), **each) for each in wanted.reports]
    for each in reports:
        _check_free(each)
    placed = _placed(wanted)
    told = [_placed(each) for each in reports]
    return {**placed, **({"reports": told} if told else {})}


def _check_free(wanted: Publish) -> None:
    """Raise Trouble where a report could not be placed after its output."""
    if not Path(wanted.file).is_file():
        raise Trouble(f"{wanted.file}: is missing; it is made again")
    _standing(wanted, Path(wanted.destination))


def _placed(wanted: Publish) -> dict[str, object]:
    """Put one file in its place."""
    destination = Path(wanted.destination)
    try:
        if wanted.extras:
            placed = _together(wanted, destination)
        else:
            placed, _ = _publish(wanted, destination)
    except OSError as error:
        raise trouble(error, destination) from error
    return {
        "destination": str(placed),
        "size": placed.stat().st_size,
        "sha256": wanted.sha256,
        **({"beside": len(wanted.extras)} if wanted.extras else {}),
    }


def _publish(wanted: Publish, destination: Path) -> tuple[Path, bool]:
    """Return where the file is, and whether it was put there now: it may have stood already."""
    if not Path(wanted.file).is_file():
        raise Trouble(f"{wanted.file}: is missing; it is assembled again")
    if standing := _standing(wanted, destination):
        return standing, False
    make_folders(destination.parent)
    part = destination.with_name(_part_name(destination.name, wanted.attempt))
    part.unlink(missing_ok=True)
    _sweep(destination, wanted.attempt)
    try:
        _bring(wanted, part)
        placed = _rename(wanted, part, destination)
    finally:
        part.unlink(missing_ok=True)
    sync(destination.parent)
    return placed, True


def _together(wanted: Publish, destination: Path) -> Path:
    """Put what stands beside a file in place, then the file itself; return where it is.

    The file is the last: who sees it sees all of it.  Raises Trouble before anything is placed if
    something is in the way; what was placed goes again if only a later step finds so.
    """
    if wanted.ifExists != "number":
        return _place_all(wanted, destination)
    plain = replace(wanted, ifExists="fail")
    for path in names(destination):
        if not any(_is_taken(*each) for each in _parts(plain, path)):
            try:
                return _place_all(plain, path)
            except Occupied:
                continue
    raise Occupied(destination)


def _place_all(wanted: Publish, destination: Path) -> Path:
    parts = _parts(wanted, destination)
    if wanted.ifExists == "fail":
        for part, path in parts:
            if os.path.lexists(path) and not _is_ours(part, path):
                raise Occupied(path)
    made: list[Path] = []
    try:
        for part, path in parts:
            is_free = not os.path.lexists(path)
            if _place_part(part, path) and is_free:
                made.append(path)
    except Occupied:
        for path in made:
            folder.remove(path)
        raise
    return destination


def _place_part(part: Publish, path: Path) -> bool:
    """Return whether it was placed; False: it stood already."""
    if not Path(part.file).is_dir():
        return _publish(part, path)[1]
    if _is_ours(part, path):
        return False
    make_folders(path.parent)
    try:
        folder.publish(
            Path(part.file), part.sha256, path, part.attempt, is_new=part.ifExists != "replace"
        )
    except FileExistsError as error:
        raise Occupied(path) from error
    return True


def _parts(wanted: Publish, destination: Path) -> list[tuple[Publish, Path]]:
    """Return all that is placed, the file itself last.

    Raises Trouble if some of it is gone.
    """
    found = []
    for each in wanted.extras:
        path = destination.with_name(destination.stem + each["suffix"])
        if not Path(each["file"]).exists():
            raise Trouble(f"{each['file']}: is missing; it is made again")
        part = replace(wanted, file=each["file"], sha256=each["sha256"], extras=())
        found.append((part, path))
    return [*found, (replace(wanted, extras=()), destination)]


def _is_taken(part: Publish, path: Path) -> bool:
    """Whether a name has something else, or an equal thing that is older: another batch's."""
    if not os.path.lexists(path):
        return False
    made_ns = Path(part.file).stat().st_mtime_ns
    return not (_is_ours(part, path) and path.stat().st_mtime_ns >= made_ns)


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
        recent = (p for p in numbered(destination) if p.stat().st_mtime_ns >= made_ns)
        return next((path for path in recent if _is_ours(wanted, path)), None)
    if _is_ours(wanted, destination):
        return destination
    if wanted.ifExists == "fail" and os.path.lexists(destination):
        raise Occupied(destination)
    return None


def numbered(destination: Path) -> list[Path]:
    """Return the names of a numbered destination that are taken, in order."""
    taken = []
    for path in names(destination):
        if not os.path.lexists(path):
            break
        taken.append(path)
    return taken


def names(destination: Path) -> list[Path]:
    """Return what a destination may be called, in order: its own name, name-2, …"""
    more = (destination.with_stem(f"{destination.stem}-{n}") for n in range(2, NUMBERS_MAX + 1))
    return [destination, *more]


def _is_ours(wanted: Publish, path: Path) -> bool:
    if Path(wanted.file).is_dir():
        return path.is_dir() and folder.is_plain(path) and folder.digest(path) == wanted.sha256
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
    tried = names(destination) if wanted.ifExists == "number" else [destination]
    for path in tried:
        try:
            _place(part, path)
        except FileExistsError:
            continue
        return path
    raise Occupied(destination)


def _place(part: Path, path: Path) -> None:
    """Give the part its name without ever replacing a file, even one made this instant.

    Raises FileExistsError if there is one.
    """
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        rename.exclusively(part, path)


def make_folders(folder: Path) -> None:
    """Make a folder and those above it, and bring their names to the disk."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        sync(each.parent)


def trouble(error: OSError, destination: Path) -> Trouble:
    """Return what to say of an error of the destination's file system."""
    if error.errno in STORAGE_ERRNOS:
        return unready(destination.parent, error.errno)
    return Trouble(
        f"{destination}: cannot be written: {error.strerror or error};"
        " choose another destination, or give permission",
        final=error.errno in FINAL,
    )
