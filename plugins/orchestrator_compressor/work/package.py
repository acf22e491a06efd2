"""package: rungs and sound become a folder of pieces and playlists; nothing is encoded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator_compressor.work import child, frames
from orchestrator_compressor.work.assemble import check_unchanged
from orchestrator_compressor.work.attempt import ask, sync
from orchestrator_compressor.work.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Package:
    """What is asked."""

    folder: str  #: to make, in the attempt's
    rungs: Sequence[Mapping[str, str]]  #: name, path, sha256
    audio: Mapping[str, str] | None = None  #: path, sha256


def run(words: list[str]) -> dict[str, object]:
    """Package, and return the facts of the folder: its listing, its size."""
    wanted = ask(Package)
    check_unchanged([*wanted.rungs, *([wanted.audio] if wanted.audio else [])])
    folder = Path(wanted.folder)
    folder.mkdir()
    ended = child.run(words)
    if ended.code:
        raise child.trouble(ended, wanted.folder, "packaging")
    names = sorted(os.listdir(folder))
    if not names:
        raise Trouble(f"{wanted.folder}: ffmpeg ended well and wrote nothing")
    found = [frames.take(folder, name) for name in names]
    sync(folder)
    facts = frames.write(found)
    del facts["frames"]  # they are files here
    return {**facts, "files": len(found)}
