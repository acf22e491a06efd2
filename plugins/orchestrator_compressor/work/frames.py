"""The images that an encoder wrote: counted, hashed, listed in a file, decoded again in samples."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator_compressor import sequences
from orchestrator_compressor.sequences import Pattern
from orchestrator_compressor.work.attempt import sha256, sync, write_whole
from orchestrator_compressor.work.trouble import Trouble

LISTING = "frames.json"
PROGRESS_FRAMES = 100


@dataclass(frozen=True, slots=True)
class Frame:
    """One image."""

    name: str
    size: int
    sha256: str


def names(pattern: str, first: int, count: int) -> list[str]:
    """Return what so many images are called, in order."""
    found = _pattern(pattern)
    return [found.name(number) for number in range(first, first + count)]


def numbers(folder: Path, pattern: str) -> list[int]:
    """Return the numbers of the images in a folder, in order."""
    found = _pattern(pattern)
    told = (found.number(name) for name in os.listdir(folder))
    return sorted(number for number in told if number is not None)


def take(folder: Path, name: str) -> Frame:
    """Bring an image to the disk, and return its facts.

    Raises Trouble if it is empty or missing.
    """
    path = folder / name
    try:
        sync(path)
        size = path.stat().st_size
        digest = sha256(path)
    except FileNotFoundError as error:
        raise Trouble(f"{name}: is missing; it is made again") from error
    if not size:
        raise Trouble(f"{name}: is empty; it is made again")
    return Frame(name, size, digest)


def write(found: Sequence[Frame]) -> dict[str, object]:
    """Write the listing, and return ``file``, ``size`` of all images, ``sha256`` of the listing."""
    rows = [[each.name, each.size, each.sha256] for each in found]
    data = json.dumps(rows, indent=0).encode()
    write_whole(Path(LISTING), data)
    payload = hashlib.sha256("".join(each.sha256 for each in found).encode()).hexdigest()
    return {
        "file": LISTING,
        "size": sum(each.size for each in found),
        "sha256": hashlib.sha256(data).hexdigest(),
        "payload_sha256": payload,
        "frames": len(found),
    }


def read(named: Mapping[str, object]) -> list[Frame]:
    """Return the images of a listing; ``path`` and ``sha256`` of it are in `named`.

    Raises Trouble if it is another than was accepted: its task is done again; and for a name that
    leads out of the listing's folder.
    """
    path, wanted = Path(str(named["path"])), str(named["sha256"])
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise Trouble(f"{path}: is missing", spoiled=_spoiled(path)) from error
    if hashlib.sha256(data).hexdigest() != wanted:
        raise Trouble(f"{path}: has changed since it was accepted", spoiled=_spoiled(path))
    found = [Frame(str(name), int(size), str(digest)) for name, size, digest in json.loads(data)]
    for each in found:
        if each.name in {"", ".", ".."} or Path(each.name).name != each.name:
            raise Trouble(f"{path}: lists {each.name[:80]!r}, which is no name of a file")
    return found


def told(done: int) -> Iterator[str]:
    """Yield a line of progress, now and then."""
    if done % PROGRESS_FRAMES == 0:
        yield f"gate={done}"


def _spoiled(path: Path) -> list[str]:
    return [path.parent.name] if path.parent.is_dir() else []


def _pattern(text: str) -> Pattern:
    found = sequences.pattern(text)
    if found is None:
        raise Trouble(f"{text}: is no pattern; a fault of the program")
    return found
