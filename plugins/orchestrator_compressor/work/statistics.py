"""What a first pass left, brought beside the second: encoders look for it by a fixed name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator_compressor.work.attempt import CHUNK_BYTES
from orchestrator_compressor.work.trouble import Trouble


def bring(named: Sequence[Mapping[str, object]]) -> list[Path]:
    """Copy the files into the current folder, and return the copies.

    Raises Trouble for one that is not what was recorded: it is made again (T21).
    """
    return [_bring(each) for each in named]


def _bring(named: Mapping[str, object]) -> Path:
    path, digest = Path(str(named["path"])), hashlib.sha256()
    copy = Path(path.name)
    try:
        with path.open("rb") as source, copy.open("wb") as file:
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
    except FileNotFoundError as error:
        if path.parent.is_dir():  # else the storage itself may be gone
            raise _changed(path) from error
        raise
    if digest.hexdigest() != named["sha256"]:
        raise _changed(path)
    return copy


def _changed(path: Path) -> Trouble:
    return Trouble(
        f"{path}: has changed since it was accepted; its task is done again",
        spoiled=[path.parent.name],
    )
