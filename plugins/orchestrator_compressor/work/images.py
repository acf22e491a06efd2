"""Images on a node: a sequence's folder is listed, its gaps named, and each header looked at.

A sequence with a hole is a shorter film to ffmpeg, and one with another size in the middle is
scaled: both end with code 0.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from orchestrator.api import Cause
from orchestrator_compressor import sequences, span
from orchestrator_compressor.sequences import Images, Pattern
from orchestrator_compressor.work.trouble import Trouble

if TYPE_CHECKING:
    from fractions import Fraction

HEAD_BYTES = 4096
TAGS_MAX = 1000  #: of a TIFF's directory
SIZE_TAGS = (256, 257)
PROGRESS_FILES = 500

Point = str | int | None


@dataclass(frozen=True, slots=True)
class Listed:
    """The files of a sequence."""

    pattern: Pattern
    numbers: tuple[int, ...]  #: in their order


def listed(path: str) -> Listed:
    """List the folder of a sequence.

    Raises Trouble, of cause ``source``, if it holds none of its files, or cannot be read.
    """
    found = sequences.pattern(path)
    if found is None:
        raise _refused(path, "is no pattern; write name.%04d.exr or name.####.exr")
    if found.kind is None:
        known = " ".join(sorted(each for ends in sequences.KINDS.values() for each in ends))
        raise _refused(path, f"is no image of a kind that is read here: {known}")
    _check_seen(path, found)
    try:
        with os.scandir(found.folder or ".") as entries:
            numbers = [found.number(each.name) for each in entries]
    except OSError as error:
        raise _refused(path, f"its folder cannot be read: {error.strerror or error}") from error
    there = sorted(number for number in numbers if number is not None)
    if not there:
        raise _refused(path, "there is no such file; put them there, or name another source")
    return Listed(found, tuple(there))


def meant(path: str, points: tuple[Point, Point], rate: Fraction) -> Images:
    """Return the files from the in point to the one before the out point.

    A whole number is that of a file; else points are times and frames as of any source.
    Raises Trouble, of cause ``source``, for a hole between them, named, or points outside.
    """
    found = listed(path)
    first, end = found.numbers[0], found.numbers[-1] + 1
    begin, until = (_number(path, each, found, rate) for each in points)
    lo, hi = first if begin is None else begin, end if until is None else until
    if not first <= lo < hi <= end:
        has = f"it has {first} to {end - 1}"
        raise _refused(path, f"in and out mean files {lo} to {hi - 1}, and {has}; mend them")
    if holes := list(sequences.gaps(found.numbers, lo, hi)):
        lacks = sequences.lacking(holes, found.pattern.digits)
        raise _refused(path, f"sequence lacks {lacks}; put them there, or set in and out")
    return Images(first=lo, count=hi - lo, rate=rate)


def check(path: str, images: Images) -> None:
    """Look at the header of each file.

    Raises Trouble, of cause ``source``, where one is no such image or has another size.
    """
    found = sequences.pattern(path)
    assert found  # it was listed
    wanted = None
    for number in range(images.first, images.first + images.count):
        size = _size(found.path(number), found.kind or "")
        wanted = wanted or size
        if size != wanted:
            name, other = found.name(number), found.name(images.first)
            shape = f"{size[0]}x{size[1]} and {other} {wanted[0]}x{wanted[1]}"
            raise _refused(path, f"{name} has {shape}; make them alike, or set in and out")
        if (number - images.first) % PROGRESS_FILES == 0:
            print(f"frame={number - images.first}", flush=True)


def fingerprint(path: str, first: int, count: int) -> dict[str, object]:
    """Return what tells whether files of a sequence are still the same: names, sizes, times.

    Raises Trouble, of cause ``source``, if one is missing or no plain file.
    """
    found = sequences.pattern(path)
    if found is None:
        raise _refused(path, "is no pattern of a sequence")
    _check_seen(path, found)
    digest, total = hashlib.sha256(), 0
    for number in range(first, first + count):
        try:
            status = os.stat(found.path(number))
        except OSError as error:
            lacks = f"sequence lacks {number:0{found.digits}d}: {error.strerror}"
            raise _refused(path, lacks) from error
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            raise _refused(path, f"{found.name(number)} is empty or no plain file; copy it again")
        digest.update(f"{number} {status.st_size} {status.st_mtime_ns}\n".encode())
        total += status.st_size
    return {"first": first, "count": count, "size": total, "sha256": digest.hexdigest()}


def is_print(wanted: Mapping[str, object]) -> bool:
    """Whether a fingerprint is a sequence's."""
    return "count" in wanted


def _check_seen(path: str, found: Pattern) -> None:
    """Raise Trouble where there is no such folder: another node may see it."""
    if not os.path.isdir(found.folder or "."):
        raise Trouble(f"{path}: there is no folder {found.folder} on this node; mount it there")


def _number(path: str, point: Point, found: Listed, rate: Fraction) -> int | None:
    if point is None or isinstance(point, int):
        return point
    first, count = found.numbers[0], found.numbers[-1] + 1 - found.numbers[0]
    whole = Images(first=first, count=count, rate=rate).table
    try:
        frame = span.at(point, whole, rate)
    except ValueError as error:
        raise _refused(path, str(error)) from error
    return first + frame


def _size(path: str, kind: str) -> tuple[int, int]:
    try:
        with open(path, "rb") as file:
            size = SIZES[kind](file)
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror or error}") from error
    except (struct.error, IndexError, ValueError, KeyError) as error:
        raise _refused(path, f"is no {kind.upper()} image, or is damaged; copy it again") from error
    if min(size) < 1:
        raise _refused(path, "has no size, or is damaged; copy it again")
    return size


def _png(file: BinaryIO) -> tuple[int, int]:
    head = file.read(24)
    if head[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError(head[:8])
    width, height = struct.unpack(">2I", head[16:])
    return int(width), int(height)


def _dpx(file: BinaryIO) -> tuple[int, int]:
    head = file.read(780)
    order = {b"SDPX": ">", b"XPDS": "<"}[head[:4]]
    width, height = struct.unpack(f"{order}2I", head[772:780])
    return int(width), int(height)


def _jpeg(file: BinaryIO) -> tuple[int, int]:
    if file.read(2) != b"\xff\xd8":
        raise ValueError("no start")
    while True:
        mark, kind, length = struct.unpack(">BBH", file.read(4))
        if mark != 0xFF:
            raise ValueError("no marker")
        if 0xC0 <= kind <= 0xCF and kind not in {0xC4, 0xC8, 0xCC}:
            _, height, width = struct.unpack(">B2H", file.read(5))
            return int(width), int(height)
        file.seek(length - 2, os.SEEK_CUR)


def _tiff(file: BinaryIO) -> tuple[int, int]:
    head = file.read(8)
    order = {b"II*\0": "<", b"MM\0*": ">"}[head[:4]]
    file.seek(struct.unpack(f"{order}I", head[4:])[0])
    count = struct.unpack(f"{order}H", file.read(2))[0]
    found: dict[int, int] = {}
    for _ in range(min(count, TAGS_MAX)):
        entry = file.read(12)
        tag, type_ = struct.unpack(f"{order}2H", entry[:4])
        if tag in SIZE_TAGS:
            found[tag] = struct.unpack_from(f"{order}{'H' if type_ == 3 else 'I'}", entry, 8)[0]
    return found[256], found[257]


def _exr(file: BinaryIO) -> tuple[int, int]:
    if file.read(4) != b"\x76\x2f\x31\x01":
        raise ValueError("no EXR")
    file.read(4)
    while name := _text(file):
        kind = _text(file)
        value = file.read(struct.unpack("<I", file.read(4))[0])
        if name == b"displayWindow" and kind == b"box2i":
            left, top, right, bottom = struct.unpack("<4i", value)
            return int(right - left + 1), int(bottom - top + 1)
    raise ValueError("no window")


def _text(file: BinaryIO) -> bytes:
    """Return the bytes up to the next zero."""
    found = bytearray()
    while len(found) < HEAD_BYTES:
        byte = file.read(1)
        if byte in {b"", b"\0"}:
            break
        found += byte
    return bytes(found)


SIZES = {"png": _png, "dpx": _dpx, "jpeg": _jpeg, "tiff": _tiff, "exr": _exr}


def there(path: str) -> bool:
    """Whether a file of this very name is there."""
    return Path(path).is_file()


def _refused(path: str, why: str) -> Trouble:
    return Trouble(f"{path}: {why}", Cause.SOURCE, final=True)
