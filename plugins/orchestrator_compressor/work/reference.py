"""Movies whose media stand in other files: found, checked, and read through a movie of our own.

ffmpeg follows such references by rules of its own, and not all kinds of them.  So it is never let
near those of a stranger: it is given the same index, written anew, in which each leads to a file that
was looked at before, and only for that index it may follow (T04).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from orchestrator.api import Cause
from orchestrator_compressor.facts import STAND_IN
from orchestrator_compressor.work import boxes
from orchestrator_compressor.work.trouble import Trouble

FILES_MAX = 32
CHARS_MAX = 3000
"""So many files, with names so long in all, are followed: their list travels in a result."""

SUFFIXES = (
    *(".3gp", ".aac", ".aif", ".aifc", ".aiff", ".au", ".avi", ".caf", ".dv", ".flac", ".m2v"),
    *(".m4a", ".m4v", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf"),
    *(".qt", ".ts", ".w64", ".wav"),
)
"""Only what is called like media is followed: before it can be looked into it may be copied."""

_standing: dict[str, str] = {}
"""Source -> what it is read through, in this process."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a movie refers to."""

    index: boxes.Index
    files: tuple[str, ...]  #: in the order of `index.references`

    @property
    def absent(self) -> tuple[str, ...]:
        """Return those that are not there, or are no plain files."""
        return tuple(path for path in self.files if not is_there(path))


def find(source: str, origin: str, known: Sequence[str] = ()) -> Found | None:
    """Return what a movie refers to; None: all of it is in the file itself.

    `origin`: where it stands, if `source` is a copy; `known`: the files, where they are known
    already.  Raises Trouble, final, for references that cannot be followed.
    """
    index = boxes.read(source)
    if index is None:
        return None
    if index.elsewhere:
        _refuse(source, f"it only points to {', '.join(index.elsewhere)}; name the movie itself")
    if not index.references:
        return None
    if index.is_split:
        _refuse(source, "it refers to other files and is fragmented; save it self-contained")
    if index.is_odd:
        _refuse(source, "it refers to other files from odd places; save it self-contained")
    if known and len(known) == len(index.references):
        return Found(index, tuple(known))
    files = tuple(_file(each, source, origin) for each in index.references)
    if len(files) > FILES_MAX or sum(map(len, files)) > CHARS_MAX:
        more = f"it refers to {len(files)} files, more than are followed; save it self-contained"
        _refuse(source, more)
    return Found(index, files)


def stand_in(source: str, found: Found) -> None:
    """Write the index of our own, and let `source` be read through it from now on."""
    paths = [_named(path, number) for number, path in enumerate([source, *found.files])]
    Path(STAND_IN).write_bytes(boxes.pointed(found.index, paths[0], paths[1:]))
    _standing[source] = os.path.abspath(STAND_IN)


def stamp(path: str) -> dict[str, int]:
    """Return what tells whether a file is still the same.  Raises Trouble if it is not there."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}; put it there", Cause.SOURCE) from error
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def path_of(source: str) -> str:
    """Return what a source is read through; nearly always itself."""
    return _standing.get(source, source)


def options(source: str) -> dict[str, str]:
    """Return what a reader must be told beside its guards."""
    return {"enable_drefs": "1", "use_absolute_path": "1"} if source in _standing else {}


def _file(found: boxes.Reference, source: str, origin: str) -> str:
    candidates = boxes.candidates(found, origin)
    if not candidates:
        _refuse(source, f"{boxes.described(found)} cannot be followed; save it self-contained")
    path = next((path for path in candidates if is_there(path)), candidates[0])
    if os.path.splitext(path)[1].lower() not in SUFFIXES:
        _refuse(
            source, f"it refers to {path}, which is not called like media; save it self-contained"
        )
    return path


def _named(path: str, number: int) -> str:
    """Return a path that an entry can hold: a colon would be taken for a stroke."""
    if ":" not in path:
        return path
    link = os.path.abspath(f"media-{number:03d}")
    os.symlink(path, link)
    return link


def is_there(path: str) -> bool:
    """Whether a plain file is there that can be read."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode) and os.access(path, os.R_OK)
    except (OSError, ValueError):
        return False


def _refuse(source: str, why: str) -> NoReturn:
    raise Trouble(f"{source}: {why}", Cause.SOURCE, final=True)
