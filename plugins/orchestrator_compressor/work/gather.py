"""gather: bring the images of all segments into one folder; nothing is encoded, nothing renumbered."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator_compressor.work import frames
from orchestrator_compressor.work.attempt import CHUNK_BYTES, ask, sha256, sync
from orchestrator_compressor.work.frames import Frame
from orchestrator_compressor.work.publish import NO_LINK
from orchestrator_compressor.work.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Gather:
    """What is asked."""

    segments: Sequence[Mapping[str, object]]  #: path, sha256 of the listing, first, count
    folder: str


def run(_words: list[str]) -> dict[str, object]:
    """Gather, and return the facts of the folder.

    Raises Trouble where a segment lacks an image, or has another than was accepted.
    """
    wanted = ask(Gather)
    folder = Path(wanted.folder)
    folder.mkdir()
    found: list[Frame] = []
    for each in wanted.segments:
        found += _brought(each, folder, len(found))
    sync(folder)
    return frames.write(found)


def _brought(segment: Mapping[str, object], folder: Path, done: int) -> list[Frame]:
    listed, home = frames.read(segment), Path(str(segment["path"])).parent
    if len(listed) != segment["count"]:
        raise Trouble(f"{home}: lists {len(listed)} images instead of {segment['count']}")
    if len({each.name for each in listed}) != len(listed):
        raise Trouble(f"{home}: lists an image twice")
    for n, each in enumerate(listed):
        try:
            bring(home / each.name, folder / each.name, each)
        except (Trouble, FileNotFoundError) as error:
            spoiled = [home.name] if home.is_dir() else []
            raise Trouble(f"{error}; its task is done again", spoiled=spoiled) from error
        for line in frames.told(done + n):
            print(line, flush=True)
    return listed


def bring(source: Path, target: Path, frame: Frame) -> None:
    """Give an image another name: by a link on one file system, else by a copy.

    Raises Trouble if it is not what was listed, FileExistsError if that name is taken.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        with source.open("rb") as reading, target.open("xb") as writing:
            shutil.copyfileobj(reading, writing, CHUNK_BYTES)
    sync(target)
    if target.stat().st_size != frame.size or sha256(target) != frame.sha256:
        raise Trouble(f"{source}: has changed since it was accepted")
