"""The family of a font, as its file says it: what a style must name to get it."""

from __future__ import annotations

import struct
from pathlib import Path

BYTES_MAX = 64 << 20
TABLES_MAX = 256
NAMES_MAX = 2000
FAMILY = 1
WINDOWS, UNICODE, MACINTOSH = 3, 0, 1


def family(path: Path, index: int = 0) -> str:
    """Return the family of the font number `index` of a TrueType or OpenType file.

    Raises ValueError for a file that is none, or does not say.
    """
    if path.stat().st_size > BYTES_MAX:
        raise ValueError(f"{path}: is larger than {BYTES_MAX} bytes")
    data = path.read_bytes()
    try:
        start = struct.unpack_from(">I", data, 12 + 4 * index)[0] if data[:4] == b"ttcf" else 0
        found = dict(_names(data, _name_table(data, start)))
    except struct.error as error:
        raise ValueError(f"{path}: is no font that is read here") from error
    for platform in (WINDOWS, UNICODE, MACINTOSH):
        name = found.get(platform, "")
        if name and "," not in name and name.isprintable():
            return name
    raise ValueError(f"{path}: does not say its family")


def _name_table(data: bytes, start: int) -> int:
    (count,) = struct.unpack_from(">H", data, start + 4)
    for n in range(min(count, TABLES_MAX)):
        tag, _, offset, _ = struct.unpack_from(">4sIII", data, start + 12 + 16 * n)
        if tag == b"name":
            return int(offset)
    raise struct.error


def _names(data: bytes, at: int) -> list[tuple[int, str]]:
    """Return platform and family, English where it is told in several languages."""
    _, count, storage = struct.unpack_from(">HHH", data, at)
    found = []
    for n in range(min(count, NAMES_MAX)):
        platform, _, language, kind, length, offset = struct.unpack_from(
            ">HHHHHH", data, at + 6 + 12 * n
        )
        if kind != FAMILY or language not in {0, 0x409}:
            continue
        raw = data[at + storage + offset : at + storage + offset + length]
        code = "mac-roman" if platform == MACINTOSH else "utf-16-be"
        found.append((platform, raw.decode(code, errors="replace")))
    return found
