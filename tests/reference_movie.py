"""A QuickTime reference movie: its media stand in another file, as its `dref` boxes say."""

import struct

PARENTS = {b"moov", b"trak", b"mdia", b"minf", b"dinf"}


def reference(movie: bytes, name: str, *, url: bool = False) -> bytes:
    """Return `movie` (index last) with its media moved to the file `name` beside it.

    `url`: it is named by an address, not as Macintosh did.
    """
    entry = _box(b"url ", bytes(4) + name.encode() + b"\0") if url else None
    entry = entry or _box(b"alis", _alias(name.encode()))
    return b"".join(_box(kind, _pointed(kind, body, entry)) for kind, body in _boxes(movie))


def _pointed(kind: bytes, body: bytes, entry: bytes) -> bytes:
    if kind in PARENTS:
        return b"".join(_box(each, _pointed(each, part, entry)) for each, part in _boxes(body))
    if kind == b"dref":
        return struct.pack(">II", 0, 1) + entry
    return bytes(len(body)) if kind == b"mdat" else body


def _alias(name: bytes) -> bytes:
    """Return a Macintosh alias record: a name, one level up and one down, and the path."""
    volume, file = bytes([4]) + b"disk".ljust(27, b"\0"), bytes([len(name)]) + name.ljust(63, b"\0")
    path = name + b"\0" * (len(name) % 2)
    return b"".join(
        (
            bytes(4),  # version and flags: the media are not in this file
            bytes(10),
            volume,
            bytes(12),
            file,
            bytes(16),
            struct.pack(">HH", 1, 1),
            bytes(16),
            struct.pack(">HH", 2, len(path)) + path,
            struct.pack(">HH", 0xFFFF, 0),
        )
    )


def _boxes(data: bytes):
    while data:
        size, kind = struct.unpack_from(">I4s", data)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", data, 8), 16
        yield kind, data[head:size]
        data = data[size:]


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body
