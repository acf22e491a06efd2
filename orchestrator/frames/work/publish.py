"""publish: put frames that were looked at in their places, each whole or not at all (R2).

Part file named after the attempt, in the same folder → hash compared with what was looked at → fsync
→ rename → fsync of the folder.  Done twice it writes the same bytes; killed anywhere, each name holds
what it held before or the whole new file.
"""

from __future__ import annotations

import importlib
import os
import posixpath
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.frames.work import rename
from orchestrator.frames.work.attempt import (
    CHUNK_BYTES,
    FOLDER,
    FRAMES,
    PUBLISHED,
    leave,
    left,
    sha256,
    sync,
)
from orchestrator.frames.work.trouble import Trouble, of_destination
from orchestrator.system import open_plain

NAME_BYTES_MAX = 255
NOTED_MAX = 8  #: frames that a note names


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """What is asked."""

    made: Path  #: the rendering attempt's folder
    sha256: str  #: of the list in it
    made_by: str  #: the rendering attempt's id
    folder: Path
    destination: str  #: the pattern, for people
    frames: Sequence[tuple[str, str]]  #: number, and name at the destination
    single: int  #: so many frames are in each of these files
    replaces: bool
    mends: bool  #: what stands there broken may be replaced
    attempt: str  #: names the part files
    sweeps: bool  #: an earlier attempt may have left some


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One file to be put in its place."""

    number: str  #: of its frame
    file: Path
    path: Path  #: its place
    size: int
    sha256: str
    mtime_ns: int
    is_beside: bool = False  #: no frame itself


def run(asked: Mapping[str, Any]) -> Mapping[str, object]:
    """Return where they are, how many, and their bytes; the list of them stands in a file."""
    wanted = _asked(asked)
    listed = left(wanted.made / FRAMES, wanted.sha256)
    if listed is None:
        raise _spoiled(wanted, wanted.made / FRAMES)
    pieces = [piece for piece in _pieces(wanted, listed) if not _stays(wanted, piece)]
    for piece in pieces:  # before the first is placed: what is rendered anew may be others
        _check_made(wanted, piece)
    folders = sorted({piece.path.parent for piece in pieces})
    for folder in folders:
        _make(folder)
    if wanted.sweeps:
        sweep({piece.path for piece in pieces}, wanted.attempt)
    for piece in pieces:
        try:
            _place(wanted, piece)
        except OSError as error:
            raise of_destination(error, piece.path) from error
    for folder in folders:
        sync(folder)
    return _told(wanted, listed, pieces)


def sweep(paths: Iterable[Path], attempt: str) -> None:
    """Remove the part files of this ledger's earlier attempts: a power cut leaves them behind."""
    ledger = attempt.rpartition("-")[0] or attempt
    names: dict[Path, set[str]] = {}
    for path in paths:
        names.setdefault(path.parent, set()).add(path.name)
    for folder, known in names.items():
        with os.scandir(folder) as entries:
            parts = [each.name for each in entries if each.name.endswith(".part")]
        for part in parts:
            start, _, _ = part.rpartition(f".{ledger}-")
            if start[:1] == "." and start[1:] in known:
                (folder / part).unlink(missing_ok=True)


def _asked(asked: Mapping[str, Any]) -> Publish:
    return Publish(
        made=Path(asked["from"]),
        sha256=asked["sha256"],
        made_by=asked["made_by"],
        folder=Path(asked["folder"]),
        destination=asked["destination"],
        frames=asked["frames"],
        single=int(asked.get("single", 1)),
        replaces=asked["ifExists"] == "replace",
        mends=asked["mends"],
        attempt=asked["attempt"],
        sweeps=asked["sweeps"],
    )


def _pieces(wanted: Publish, listed: Mapping[str, Any]) -> Iterator[Piece]:
    """Yield what stands beside the frames, then the frames: who sees one sees all of it."""
    names = {name for _, name in wanted.frames}
    own = {number for number, _ in wanted.frames}
    for relative, known in listed["beside"].items():
        if known["number"] in own and posixpath.normpath(relative) not in names:
            yield replace(_piece(wanted, known, relative), is_beside=True)
    for number, name in wanted.frames:
        yield _piece(wanted, {**listed["frames"][number], "number": number}, name)


def _piece(wanted: Publish, known: Mapping[str, Any], name: str) -> Piece:
    return Piece(
        number=known["number"],
        file=wanted.made / FOLDER / known["file"],
        path=wanted.folder / name,
        size=known["size"],
        sha256=known["sha256"],
        mtime_ns=known["mtime_ns"],
    )


def _check_made(wanted: Publish, piece: Piece) -> None:
    """Raise Trouble where a file is not the one that was looked at, as far as its entry tells."""
    try:
        status = os.lstat(piece.file)
    except FileNotFoundError as error:
        raise _spoiled(wanted, piece.file) from error
    if not stat.S_ISREG(status.st_mode) or status.st_size != piece.size:
        raise _spoiled(wanted, piece.file)
    if status.st_mtime_ns != piece.mtime_ns and sha256(piece.file) != piece.sha256:
        raise _spoiled(wanted, piece.file)


def _place(wanted: Publish, piece: Piece) -> None:
    """Put one file in its place, unless it stands there already: a crash came before the report."""
    replaces = _may_replace(wanted, piece)
    if replaces is None:
        return
    part = piece.path.with_name(_part_name(piece.path.name, wanted.attempt))
    part.unlink(missing_ok=True)
    try:
        _bring(wanted, piece, part)
        if replaces:
            part.replace(piece.path)
        else:
            rename.exclusively(part, piece.path)
    except FileExistsError as error:
        if (
            _may_replace(wanted, piece) is not None
        ):  # else an attempt that was given up put it there
            raise _occupied(piece.path) from error
    finally:
        part.unlink(missing_ok=True)


def _may_replace(wanted: Publish, piece: Piece) -> bool | None:
    """Return whether what stands in the place is replaced; None: it is this very file.

    Raises Trouble, final, where it must stay.
    """
    try:
        status = os.lstat(piece.path)
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(status.st_mode):
        raise Trouble(f"{piece.path}: is a folder; choose another destination", final=True)
    is_file = stat.S_ISREG(status.st_mode)  # a link is replaced itself, or stays
    if is_file and status.st_size == piece.size and sha256(piece.path) == piece.sha256:
        return None
    if wanted.replaces or (wanted.mends and is_file and _is_broken(piece.path, wanted.single)):
        return True
    raise _occupied(piece.path)


def _stays(wanted: Publish, piece: Piece) -> bool:
    """Whether a whole file beside a frame that was missing stays: an earlier render put it there."""
    if not (piece.is_beside and wanted.mends) or wanted.replaces or not piece.path.is_file():
        return False
    is_ours = piece.path.stat().st_size == piece.size and sha256(piece.path) == piece.sha256
    return not is_ours and not piece.path.is_symlink() and not _is_broken(piece.path, 1)


def _is_broken(path: Path, frames: int) -> bool:
    movies = importlib.import_module("orchestrator.frames.work.movies")  # seldom needed, and slow
    try:
        movies.look(path, frames)
    except movies.NotAnImage:
        return True
    return False


def _bring(wanted: Publish, piece: Piece, part: Path) -> None:
    """Make the part file: by a link where both stand on one file system, else by a copy.

    Raises Trouble if it is not what was looked at.
    """
    try:
        os.link(piece.file, part, follow_symlinks=False)
    except FileNotFoundError as error:
        raise _spoiled(wanted, piece.file) from error
    except OSError as error:
        if error.errno not in rename.NO_LINK:
            raise
        _copy(piece.file, part)
    if os.path.islink(part) or sha256(part) != piece.sha256:
        raise _spoiled(wanted, piece.file)
    sync(part)


def _copy(source: Path, part: Path) -> None:
    with open(open_plain(os.fspath(source)), "rb") as reading, part.open("xb") as writing:
        shutil.copyfileobj(reading, writing, CHUNK_BYTES)
        writing.flush()
        os.fsync(writing.fileno())


def _make(folder: Path) -> None:
    """Make a folder and those above it, and bring their names to the disk."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in missing:
            sync(each.parent)
    except OSError as error:
        raise of_destination(error, folder) from error


def _told(wanted: Publish, listed: Mapping[str, Any], pieces: Sequence[Piece]) -> dict[str, object]:
    """Return the result, after leaving what is known of each file."""
    about: dict[str, object] = {}
    facts = {**{(wanted.folder / name): listed["frames"][n] for n, name in wanted.frames}}
    for piece in pieces:
        known = facts.get(piece.path) or listed["beside"][_relative(wanted, piece)]
        status = os.lstat(piece.path)
        about[_relative(wanted, piece)] = {
            **known,
            "mtime_ns": status.st_mtime_ns,
            "number": piece.number,
        }
    return {
        "destination": wanted.destination,
        "frames": len(wanted.frames),
        "size": sum(piece.size for piece in pieces),
        **(
            {"beside": len(pieces) - len(wanted.frames)} if len(pieces) > len(wanted.frames) else {}
        ),
        "notes": notes({n: listed["frames"][n] for n, _ in wanted.frames}),
        "list": PUBLISHED,
        "list_sha256": leave(about, PUBLISHED),
    }


def notes(frames: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what a person should know of frames that were accepted."""
    black = [number for number, known in frames.items() if known["is_black"]]
    blind = [number for number, known in frames.items() if not known["width"]]
    said = []
    if black:
        said.append(f"black all over: frame {named(black)}")
    if blind:
        said.append(f"not decoded, only size and beginning were looked at: frame {named(blind)}")
    return said


def named(numbers: Sequence[str]) -> str:
    """Return some numbers, and how many more there are."""
    more = len(numbers) - NOTED_MAX
    return ", ".join(numbers[:NOTED_MAX]) + (f" and {more} more" if more > 0 else "")


def _relative(wanted: Publish, piece: Piece) -> str:
    return os.path.relpath(piece.path, wanted.folder)


def _part_name(name: str, attempt: str) -> str:
    full = f".{name}.{attempt}.part"
    return full if len(os.fsencode(full)) <= NAME_BYTES_MAX else f".{attempt}.part"


def _occupied(path: Path) -> Trouble:
    return Trouble(f"{path}: exists; choose another name, or ifExists: replace", final=True)


def _spoiled(wanted: Publish, file: Path) -> Trouble:
    """Return the trouble of a frame that is not what was looked at: its segment is done again."""
    sentence = f"{file}: is gone, or was changed since it was looked at; it is rendered again"
    return Trouble(sentence, spoiled=[wanted.made_by])
