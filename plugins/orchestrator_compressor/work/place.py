"""place: put a verified folder at its destination, whole or not at all (R2): images, or a package.

A folder named after the attempt, beside the destination → each file linked or copied, and hashed →
one rename of the folder.  Done twice it leaves the same files; killed anywhere, the destination holds
what it held before or the whole new folder.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator_compressor import sequences
from orchestrator_compressor.sequences import Pattern
from orchestrator_compressor.work import fingerprint, frames, publish, rename
from orchestrator_compressor.work.attempt import ask, sha256, sync
from orchestrator_compressor.work.frames import Frame
from orchestrator_compressor.work.gather import bring
from orchestrator_compressor.work.trouble import Trouble

STREAM = r"(?:sound|\d+p(?:-\d+)?|\d+)"
PIECE = re.compile(
    rf"master\.m3u8|manifest\.mpd|{STREAM}\.m3u8|{STREAM}-init\.mp4|{STREAM}-\d{{6}}\.m4s"
)
"""Names in a package; a film that is called otherwise is nobody's to remove."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is asked."""

    folder: str  #: of what was made
    listing: str
    sha256: str  #: of the listing
    destination: str  #: of images a pattern, else a folder: made or replaced as a whole
    attempt: str  #: names the folder beside it
    is_package: bool = False  #: pieces and playlists, with their own names
    source: str = ""
    fingerprint: Mapping[str, object] = field(default_factory=dict)
    ifExists: str = "fail"  #: fail | replace | number


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a folder goes, and what such a folder holds."""

    folder: Path
    renamed: Callable[[Sequence[Frame]], list[Frame]]  #: as the files are called there
    is_ours: Callable[[str], bool]  #: whether a file of that name may go with a folder replaced
    what: str


def run(_words: list[str]) -> dict[str, object]:
    """Place, and return destination, size and the hash of the listing."""
    wanted = ask(Place)
    home = _package(wanted) if wanted.is_package else _images(wanted)
    if wanted.source and wanted.fingerprint:
        fingerprint.check(wanted.source, wanted.fingerprint)
    listed = frames.read({"path": wanted.listing, "sha256": wanted.sha256})
    try:
        placed = _place(wanted, home, listed)
    except OSError as error:
        raise publish.trouble(error, home.folder) from error
    return {
        "destination": str(placed),
        "size": sum(each.size for each in listed),
        "sha256": wanted.sha256,
        "frames": len(listed),
    }


def _images(wanted: Place) -> Home:
    pattern = sequences.pattern(wanted.destination)
    if pattern is None:
        raise Trouble(f"{wanted.destination}: is no pattern; a fault of the program", final=True)
    return Home(
        folder=Path(pattern.folder),
        renamed=lambda listed: _renamed(pattern, listed),
        is_ours=lambda name: pattern.number(name) is not None,
        what=f"image of {pattern.name(0)}",
    )


def _package(wanted: Place) -> Home:
    return Home(
        folder=Path(wanted.destination),
        renamed=list,
        is_ours=lambda name: PIECE.fullmatch(name) is not None,
        what="piece of a film, or playlist",
    )


def _place(wanted: Place, home: Home, listed: Sequence[Frame]) -> Path:
    folder = home.folder
    renamed = home.renamed(listed)
    part = folder.with_name(f".{folder.name}.{wanted.attempt}.part")
    if folder.parent.is_dir():
        _sweep(folder, wanted.attempt)
    if standing := _standing(wanted, folder, renamed):
        return standing
    _check_free(wanted, home)
    publish.make_folders(folder.parent)
    part.mkdir()
    try:
        for source, each in zip(listed, renamed, strict=True):
            bring(Path(wanted.folder) / source.name, part / each.name, each)
        sync(part)
        placed = _rename(wanted, part, home)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    sync(folder.parent)
    return placed


def _renamed(pattern: Pattern, listed: Sequence[Frame]) -> list[Frame]:
    """Return the images as they are called at the destination."""
    ours = Pattern(folder="", prefix="frame.", digits=6, suffix=Path(listed[0].name).suffix)
    found = []
    for each in listed:
        number = ours.number(each.name)
        if number is None:
            raise Trouble(f"{each.name}: is no name of ours; a fault of the program")
        found.append(Frame(pattern.name(number), each.size, each.sha256))
    return found


def _sweep(folder: Path, attempt: str) -> None:
    """Remove the folders of this ledger's earlier attempts: a power cut leaves them behind."""
    ledger = attempt.rpartition("-")[0] or attempt
    parts = [other for other in folder.parent.iterdir() if _is_part(other.name, folder, ledger)]
    rename.restore(folder, parts)
    for other in parts:
        shutil.rmtree(other, ignore_errors=True)


def _is_part(name: str, folder: Path, ledger: str) -> bool:
    start, _, end = name.rpartition(f".{ledger}")
    return start == f".{folder.name}" and end.endswith(".part")


def _standing(wanted: Place, folder: Path, renamed: Sequence[Frame]) -> Path | None:
    """Return where the very images stand already: a crash came between rename and report."""
    if wanted.ifExists != "number":
        return folder if _is_ours(folder, renamed) else None
    made_ns = Path(wanted.listing).stat().st_mtime_ns
    for path in publish.numbered(folder):
        if path.stat().st_mtime_ns >= made_ns and _is_ours(path, renamed):
            return path
    return None


def _is_ours(folder: Path, renamed: Sequence[Frame]) -> bool:
    if not folder.is_dir() or set(os.listdir(folder)) != {each.name for each in renamed}:
        return False
    sizes = all((folder / each.name).stat().st_size == each.size for each in renamed)
    return sizes and all(sha256(folder / each.name) == each.sha256 for each in renamed)


def _check_free(wanted: Place, home: Home) -> None:
    """Raise Trouble, final, for a folder that must not be replaced: only one of its kind may be."""
    folder = home.folder
    if not os.path.lexists(folder) or wanted.ifExists == "number":
        return
    if wanted.ifExists == "fail":
        raise _exists(folder)
    others = list(_others(home))
    if others:
        raise _alien(home, others[0])


def _others(home: Home) -> Iterator[str]:
    folder = home.folder
    if not folder.is_dir() or folder.is_symlink():
        yield "no folder"
        return
    for name in sorted(os.listdir(folder)):
        path = folder / name
        if not home.is_ours(name) or path.is_symlink() or not path.is_file():
            yield name


def _rename(wanted: Place, part: Path, home: Home) -> Path:
    folder = home.folder
    if wanted.ifExists == "replace" and os.path.lexists(folder):
        old = part.with_name(f"{part.name.removesuffix('.part')}.old.part")
        put_away = rename.exchanged(part, folder, old)
        if late := list(_others(replace(home, folder=put_away))):  # put there while we copied
            rename.exchanged(put_away, folder, old.with_suffix(".back.part"))
            raise _alien(home, late[0])
        shutil.rmtree(put_away, ignore_errors=True)
        return folder
    names = publish.names(folder) if wanted.ifExists == "number" else [folder]
    for path in names:
        try:
            rename.exclusively(part, path)
        except FileExistsError:
            continue
        return path
    raise _exists(folder)


def _alien(home: Home, name: str) -> Trouble:
    sentence = f"{home.folder}: holds {name}, which is no {home.what}"
    return Trouble(f"{sentence}; choose a folder of its own", final=True)


def _exists(folder: Path) -> Trouble:
    sentence = f"{folder}: exists; choose another folder, or ifExists: replace | number"
    return Trouble(sentence, final=True)
