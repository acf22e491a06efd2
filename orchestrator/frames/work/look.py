"""look: whether the scene is there, and which of the wanted frames are, whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.frames.names import Sequence as Frames
from orchestrator.frames.names import sequence_of
from orchestrator.frames.work import movies
from orchestrator.frames.work.attempt import leave
from orchestrator.frames.work.images import NotAnImage
from orchestrator.frames.work.trouble import Trouble
from orchestrator.model.work import Cause

THERE = "there.json"
SEEN = "seen.json"
"""What is known of each frame that stays, by its index."""

INLINE_RUNS_MAX = 200
"""More runs of frames go into a file: a result must stay small."""


def run(asked: Mapping[str, Any]) -> Mapping[str, object]:
    """Return which frames are there, as runs of their indexes.

    Raises Trouble, final, where the scene is missing or nothing could be written.
    """
    for path in asked["reads"]:
        _check_scene(Path(path))
    if "sequence" not in asked:
        return {}
    sequence = sequence_of(asked["sequence"])
    folder = Path(sequence.pattern.folder)
    _check_folder(folder)
    seen = _whole(sequence, folder) if asked["skips"] else _standing(sequence, folder)
    digest = leave(seen, SEEN) if asked["skips"] else ""
    runs = list(_runs(sorted(int(index) for index in seen)))
    told: dict[str, object] = {"list": SEEN, "list_sha256": digest} if digest else {}
    if len(runs) <= INLINE_RUNS_MAX:
        return {**told, "there": runs}
    return {**told, "there": {"file": THERE, "sha256": leave(runs, THERE)}}


def _check_scene(path: Path) -> None:
    """Raise Trouble, of cause ``source``, where a job's scene is not there."""
    try:
        path.stat()
    except OSError as error:
        gone = isinstance(error, FileNotFoundError | NotADirectoryError)
        fact = "is missing" if gone else f"cannot be read: {error.strerror or error}"
        raise Trouble(f"scene {path}: {fact}", Cause.SOURCE, final=True) from error


def _check_folder(folder: Path) -> None:
    """Raise Trouble, final, where nothing could be written: before an hour of rendering."""
    nearest = next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))
    if not nearest.is_dir():
        raise Trouble(f"{folder}: {nearest} is no folder; choose another destination", final=True)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise Trouble(
            f"{folder}: {nearest} cannot be written; give permission, or choose another destination",
            final=True,
        )


def _named(sequence: Frames, folder: Path) -> Iterator[tuple[int, str]]:
    """Yield index and name of each wanted frame that has something at its place.

    Raises Trouble, final, where that is no file.
    """
    try:
        with os.scandir(folder) as entries:
            there = {entry.name: entry.is_file(follow_symlinks=False) for entry in entries}
    except FileNotFoundError:
        return
    frames = sequence.span.frames() if sequence.pattern.digits else sequence.span.frames()[:1]
    for index, frame in enumerate(frames):
        name = sequence.name(frame)
        if name not in there:
            continue
        if not there[name]:
            raise Trouble(f"{folder / name}: is no plain file; choose another name", final=True)
        yield index, name


def _standing(sequence: Frames, folder: Path) -> dict[str, object]:
    return {str(index): name for index, name in _named(sequence, folder)}


def _whole(sequence: Frames, folder: Path) -> dict[str, object]:
    """Return what is known of the frames that are there and whole."""
    found: dict[str, object] = {}
    frames = sequence.span.frames()
    single = 1 if sequence.pattern.digits else len(frames)
    for index, name in _named(sequence, folder):
        try:
            image = movies.look(folder / name, single)
        except NotAnImage:
            continue
        number = sequence.number(frames[index])
        found[str(index)] = {"name": name, "number": number, **image.data()}
    return found


def _runs(indexes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of each run of indexes."""
    first = last = None
    for index in indexes:
        if last is not None and index != last + 1:
            yield first or 0, last
            first = None
        first = index if first is None else first
        last = index
    if last is not None:
        yield first or 0, last
