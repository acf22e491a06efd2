"""Signs that a file ends too early, for kinds whose decoders fill what lacks with black."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

CUT = "ends too early"

#: Compression of an OpenEXR file -> how many lines stand in one of its chunks.
EXR_LINES = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
EXR_TILED, EXR_DEEP, EXR_PARTS = 0x200, 0x800, 0x1000
TARGA_PACKED = 8  #: added to the type of a picture
TIFF_DATA = ((273, 279), (324, 325))  #: tags of the places of strips and tiles, and of their sizes
TIFF_VALUES = {1: "B", 3: "H", 4: "I", 16: "Q"}
TIFF_TAGS_MAX = 4096


class Cut(Exception):
    """What must be there is not."""


def check(kind: str, data: bytes) -> None:
    """Raise Cut where a file of `kind` lacks what it says it has."""
    if kind not in CHECKS:
        return
    try:
        CHECKS[kind](data)
    except (struct.error, IndexError, KeyError, ValueError, OverflowError) as error:
        raise Cut(CUT) from error


def _need(is_there: bool) -> None:
    if not is_there:
        raise Cut(CUT)


def _jpeg(data: bytes) -> None:
    """After the last picture's start its end must come: a small picture may stand before it."""
    _need(data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda"))


def _qoi(data: bytes) -> None:
    _need(data.rstrip(b"\n").endswith(b"\0" * 7 + b"\1"))


def _tiff(data: bytes) -> None:
    """Each strip and tile that the first directory names must be there."""
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    _need(count <= TIFF_TAGS_MAX)
    found = {}
    for number in range(count):
        tag, kind, values = struct.unpack_from(f"{order}2HI", data, at + 2 + 12 * number)
        if kind in TIFF_VALUES and any(tag in pair for pair in TIFF_DATA):
            found[tag] = _tiff_values(data, order, at + 2 + 12 * number + 8, (kind, values))
    for places, sizes in TIFF_DATA:
        for place, size in zip(found.get(places, ()), found.get(sizes, ()), strict=False):
            _need(place + size <= len(data))
    _need(any(places in found for places, _ in TIFF_DATA))


def _tiff_values(data: bytes, order: str, at: int, told: tuple[int, int]) -> tuple[int, ...]:
    kind, values = told
    layout = f"{order}{values}{TIFF_VALUES[kind]}"
    if struct.calcsize(layout) > 4:
        (at,) = struct.unpack_from(f"{order}I", data, at)
    return struct.unpack_from(layout, data, at)


@dataclass(frozen=True, slots=True)
class ExrPart:
    """What the header of one part says of its chunks."""

    chunks: int | None  #: None: it does not say
    channels: tuple[str, ...]
    is_tiled: bool
    is_deep: bool


def exr_parts(data: bytes) -> tuple[list[ExrPart], int]:
    """Return the headers of an OpenEXR file, and where they end.

    Raises struct.error, IndexError, ValueError or KeyError where they do not.
    """
    (flags,) = struct.unpack_from("<I", data, 4)
    at, found = 8, []
    while True:
        values: dict[str, bytes] = {}
        while data[at] != 0:
            name, at = _text(data, at)
            _, at = _text(data, at)
            (size,) = struct.unpack_from("<I", data, at)
            values[name] = data[at + 4 : at + 4 + size]
            at += 4 + size
        at += 1
        found.append(_exr_part(values, flags))
        if not flags & EXR_PARTS:
            return found, at
        if data[at] == 0:
            return found, at + 1


def is_exr_plain(data: bytes) -> bool:
    """Whether it is one flat picture of the usual channels, which the decoder must know."""
    (flags,) = struct.unpack_from("<I", data, 4)
    parts, _ = exr_parts(data)
    plain = {"R", "G", "B", "A", "Y", "Z"}
    return not flags & (EXR_PARTS | EXR_DEEP) and set(parts[0].channels) <= plain


def _exr_part(values: Mapping[str, bytes], flags: int) -> ExrPart:
    is_tiled = bool(flags & EXR_TILED) or "tiles" in values
    chunks = None
    if "chunkCount" in values:
        (chunks,) = struct.unpack("<I", values["chunkCount"])
    elif not is_tiled:
        _, top, _, bottom = struct.unpack("<4i", values["dataWindow"])
        chunks = -((top - bottom - 1) // EXR_LINES[values["compression"][0]])
    return ExrPart(
        chunks=chunks,
        channels=tuple(_exr_channels(values)),
        is_tiled=is_tiled,
        is_deep=values.get("type", b"").startswith(b"deep"),
    )


def _exr_channels(values: Mapping[str, bytes]) -> Iterator[str]:
    data, at = values.get("channels", b"\0"), 0
    while data[at] != 0:
        name, at = _text(data, at)
        at += 16
        yield name


def _exr(data: bytes) -> None:
    """Each chunk that the tables name must be there, with all its bytes."""
    (flags,) = struct.unpack_from("<I", data, 4)
    parts, at = exr_parts(data)
    counts = [part.chunks for part in parts]
    if counts == [None]:
        (first,) = struct.unpack_from("<Q", data, at)  # chunks follow their table
        counts = [(first - at) // 8]
    for count in counts:
        _need(bool(count))
        for offset in struct.unpack_from(f"<{count}Q", data, at):
            _need(at <= offset and _exr_end(data, offset, parts, flags) <= len(data))
        at += 8 * (count or 0)


def _exr_end(data: bytes, at: int, parts: Sequence[ExrPart], flags: int) -> int:
    """Return where a chunk ends."""
    number = 0
    if flags & EXR_PARTS:
        (number,) = struct.unpack_from("<I", data, at)
        at += 4
    at += 16 if parts[number].is_tiled else 4
    if parts[number].is_deep:
        table, packed = struct.unpack_from("<2Q", data, at)
        return int(at + 24 + table + packed)
    (size,) = struct.unpack_from("<I", data, at)
    return int(at + 4 + size)


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode("latin-1"), end + 1


def _hdr(data: bytes) -> None:
    """Each line of a Radiance picture must be there; packed ones are followed to their end."""
    stop = data.index(b"\n", data.index(b"\n\n") + 2)
    words = data[:stop].rpartition(b"\n")[2].split()
    height, width, at = int(words[1]), int(words[3]), stop + 1
    for line in range(height):
        if data[at : at + 2] != b"\2\2" or data[at + 2] & 0x80:
            rest = 4 * width * (height - line)
            _need(b"\1\1\1" in data[at:] or at + rest <= len(data))  # the old way of packing
            return
        at = _hdr_line(data, at + 4, width)
    _need(at <= len(data))


def _hdr_line(data: bytes, at: int, width: int) -> int:
    for _ in range(4):
        done = 0
        while done < width:
            count = data[at]
            if count > 128:
                done += count - 128
                at += 2
            else:
                _need(count > 0)
                done += count
                at += 1 + count
    return at


def _sgi(data: bytes) -> None:
    """Each line that the table of a packed SGI picture names must be there."""
    packed, _, dimensions, width, height, planes = struct.unpack_from(">2B4H", data, 2)
    height = height if dimensions > 1 else 1
    planes = planes if dimensions > 2 else 1
    if not packed:
        _need(512 + width * height * planes * data[3] <= len(data))
        return
    lines = height * planes
    starts = struct.unpack_from(f">{lines}I", data, 512)
    sizes = struct.unpack_from(f">{lines}I", data, 512 + 4 * lines)
    _need(all(start + size <= len(data) for start, size in zip(starts, sizes, strict=True)))


def _targa(data: bytes) -> None:
    """All pixels of a Targa picture must be there; packed ones are followed to their end."""
    id_bytes, _, kind, _, colours, colour_bits = struct.unpack_from("<3B2HB", data)
    width, height, bits = struct.unpack_from("<2HB", data, 12)
    pixel, pixels = (bits + 7) // 8, width * height
    at = 18 + id_bytes + colours * ((colour_bits + 7) // 8)
    if not kind & TARGA_PACKED:
        _need(at + pixels * pixel <= len(data))
        return
    while pixels > 0:
        count = (data[at] & 0x7F) + 1
        at += 1 + pixel * (1 if data[at] & 0x80 else count)
        pixels -= count
    _need(at <= len(data))


CHECKS: Mapping[str, Callable[[bytes], None]] = {
    "mjpeg": _jpeg,
    "qoi": _qoi,
    "sgi": _sgi,
    "targa": _targa,
    "tiff": _tiff,
    "exr": _exr,
    "hdr": _hdr,
}
