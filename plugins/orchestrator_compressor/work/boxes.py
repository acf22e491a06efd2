"""The index of a QuickTime file, box by box: which other files its media stand in (dref).

Read with bounds, since a file may say anything: what nests wrongly, or is too large, refers to
nothing, and a reader that is not allowed to follow finds out for itself.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from posixpath import normpath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

INDEX_BYTES_MAX = 64 << 20
FILE_BYTES_MAX = 1 << 60
BOXES_MAX = 10_000  #: on the way to the index, and in any box of it
TRACKS_MAX = 1000
ENTRIES_MAX = 1000  #: of all tracks together
PATH = (b"trak", b"mdia", b"minf", b"dinf", b"dref")  #: where they stand, below the index
TABLES = frozenset({b"stts", b"ctts", b"stsc", b"stsz", b"stco", b"co64", b"stss", b"sdtp"})
"""Numbers only, of samples; in them anything may stand by chance."""

LEADING = (b"dref", b"cmov")
"""What a reader takes references from, wherever it stands, and what may hide it."""

OWN = 1  #: flag: the media are in this very file
ALIAS_HEAD = 150  #: bytes of an alias record before its list of texts, without version and flags
ABSOLUTE, POSIX, MOUNTED = 2, 18, 19  #: kinds of such texts
LAST = 0xFFFF


class Malformed(Exception):
    """The boxes do not nest as their sizes say."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One entry that leads to another file."""

    kind: bytes  #: ``alis``, ``url `` …
    data: bytes  #: without version and flags


@dataclass(frozen=True, slots=True)
class Index:
    """The index of a file, with the entries that its tracks use and that lead elsewhere."""

    moov: bytes
    brand: bytes  #: the first box, where it is ``ftyp``
    references: tuple[Reference, ...]  #: each once, in order
    is_split: bool = False  #: it goes on in fragments
    elsewhere: tuple[str, ...] = ()  #: movies that this one only points to (``rmra``)
    is_odd: bool = False  #: it may have references where none belong; another reader takes these


def read(path: str) -> Index | None:
    """Return the index of a QuickTime or MP4 file; None for any other, or one that is not whole."""
    try:
        brand, moov = _index(path)
        if moov is None:
            return None
        references = tuple(dict.fromkeys(_used(moov)))
        odd = references and any(word in part for part in _opaque(moov, PATH) for word in LEADING)
        return Index(
            moov=moov,
            brand=brand,
            references=references,
            is_split=any(kind == b"mvex" for kind, _ in _boxes(moov)),
            elsewhere=tuple(_elsewhere(moov)),
            is_odd=bool(odd),
        )
    except (Malformed, zlib.error):
        return None


def pointed(index: Index, own: str, files: Sequence[str]) -> bytes:
    """Return a file that says the same, with all media in `files`, in the order of `references`.

    What stands in the file itself is read from `own`.
    """
    paths = dict(zip(index.references, files, strict=True))
    return index.brand + _box(b"moov", b"".join(_pointed(index.moov, PATH, own, paths)))


def candidates(found: Reference, source: str) -> list[str]:
    """Return where the file may be, the likeliest first; none: it cannot be followed."""
    folder = source.rpartition("/")[0]
    if found.kind == b"alis":
        named = [*_of_alias(found.data, folder)]
    elif found.kind in (b"url ", b"urn "):
        named = [*_of_url(found.data.split(b"\0")[0 if found.kind == b"url " else 1 :][:1], folder)]
    else:
        named = []
    beside = [f"{folder}/{path.rpartition('/')[2]}" for path in named[:1]]
    return list(dict.fromkeys(normpath(p) for p in (*named, *beside) if _is_plain(p)))


def _is_plain(path: str) -> bool:
    """Whether it may be a file's: people read it, and it depends on no current folder."""
    return path[:1] == "/" != path[-1] and not any(char < " " or char == "\x7f" for char in path)


def described(found: Reference) -> str:
    """Return what an entry says, for people."""
    return f"{_text(found.kind).strip()} {_text(found.data[:80]).strip(chr(0))!r}"


# -- the file


def _index(path: str) -> tuple[bytes, bytes | None]:
    """Return the first box, if it is ``ftyp``, and the body of ``moov``."""
    brand = b""
    with open(path, "rb") as file:
        for number in range(BOXES_MAX):
            head = file.read(8)
            if len(head) < 8:
                return brand, None
            size, kind = struct.unpack(">I4s", head)
            body = size - 8
            if size == 1:
                body = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))[0] - 16
            if number == 0 and not kind.isalnum():
                return brand, None
            if kind == b"moov":
                return brand, _plain(_read(file, None if size == 0 else body))
            if size == 0 or not 0 <= body <= FILE_BYTES_MAX:
                return brand, None
            if number == 0 and kind == b"ftyp" and body <= 4096:
                brand = _box(kind, file.read(body))
            else:
                file.seek(body, 1)
    return brand, None


def _read(file: BinaryIO, size: int | None) -> bytes:
    most = INDEX_BYTES_MAX + 1
    data = file.read(most if size is None else max(0, min(size, most)))
    if len(data) > INDEX_BYTES_MAX or (size is not None and len(data) < size):
        raise Malformed
    return data


def _plain(moov: bytes) -> bytes:
    """Return the index as it is when it is not compressed."""
    first = next(_boxes(moov), None)
    if first is None or first[0] != b"cmov":
        return moov
    inner = dict(_boxes(first[1]))
    packed = zlib.decompressobj()
    data = packed.decompress(inner.get(b"cmvd", b"")[4:], INDEX_BYTES_MAX)
    kind, body = next(_boxes(data), (b"", b""))
    if packed.unconsumed_tail or kind != b"moov":
        raise Malformed
    return body


# -- boxes


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and body of the boxes that `data` is made of.

    Malformed where one is not whole, or there are too many.
    """
    at = count = 0
    while len(data) - at >= 8:
        if (count := count + 1) > BOXES_MAX:
            raise Malformed
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and len(data) - at >= 16:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        if size == 0:
            size = len(data) - at
        if size < head or size > len(data) - at:
            if kind == b"\0\0\0\0" and size == 0:
                return
            raise Malformed
        yield kind, data[at + head : at + size]
        at += size


def _box(kind: bytes, body: bytes) -> bytes:
    if len(body) + 8 < 1 << 32:
        return struct.pack(">I4s", len(body) + 8, kind) + body
    raise Malformed


def _first(data: bytes, *path: bytes) -> bytes:
    for kind in path:
        data = next((body for found, body in _boxes(data) if found == kind), b"")
    return data


def _used(moov: bytes) -> Iterator[Reference]:
    """Yield the entries that lead elsewhere and that descriptions of samples name."""
    tracks = [body for kind, body in _boxes(moov) if kind == b"trak"]
    if len(tracks) > TRACKS_MAX:
        raise Malformed
    left = ENTRIES_MAX
    for track in tracks:
        media = _first(track, b"mdia", b"minf")
        entries = list(_entries(_first(media, b"dinf", b"dref")))
        left -= len(entries)
        if left < 0:
            raise Malformed
        for number in sorted(set(_named(_first(media, b"stbl", b"stsd")))):
            if 0 < number <= len(entries) and (found := entries[number - 1]) is not None:
                yield found


def _entries(dref: bytes) -> Iterator[Reference | None]:
    """Yield the entries of a track, None for its own file."""
    for kind, body in _boxes(dref[8:]):
        if len(body) < 4:
            raise Malformed
        is_own = struct.unpack_from(">I", body)[0] & OWN
        yield None if is_own else Reference(kind, body[4:])


def _named(stsd: bytes) -> Iterator[int]:
    """Yield the numbers of entries, from 1, that descriptions name."""
    for _, body in _boxes(stsd[8:]):
        if len(body) >= 8:
            yield struct.unpack_from(">H", body, 6)[0]


def _elsewhere(moov: bytes) -> Iterator[str]:
    for kind, body in _boxes(_first(moov, b"rmra")):
        named = _first(body, b"rdrf") if kind == b"rmda" else b""
        if len(named) > 12:
            yield _text(named[12:].strip(b"\0"))


def _pointed(
    data: bytes, path: Sequence[bytes], own: str, paths: dict[Reference, str]
) -> Iterator[bytes]:
    """Yield the boxes of `data`, those on `path` with entries that lead to `paths` or `own`."""
    for kind, body in _boxes(data):
        if kind != path[0]:
            yield _box(kind, body)
        elif len(path) > 1:
            yield _box(kind, b"".join(_pointed(body, path[1:], own, paths)))
        else:
            entries = [own if each is None else paths.get(each, own) for each in _entries(body)]
            head = struct.pack(">II", 0, len(entries))  # no reader goes on behind them
            yield _box(kind, head + b"".join(_alias(each) for each in entries))


def _opaque(data: bytes, path: Sequence[bytes]) -> Iterator[bytes]:
    """Yield what `_pointed` hands on as it is: kinds and bodies, but those of plain tables."""
    for kind, body in _boxes(data):
        if kind == path[0]:
            if len(path) > 1:
                yield from _opaque(body, path[1:])
        elif kind == b"stbl" and path[0] == b"dinf":
            yield from (name + part for name, part in _boxes(body) if name not in TABLES)
        else:
            yield kind + body


# -- what an entry says


def _alias(path: str) -> bytes:
    """Return an entry that leads to an absolute path, as ffmpeg reads it."""
    name = path.encode()
    padded = name + b"\0" * (len(name) % 2)
    if len(padded) > 0xFFFE:
        raise Malformed
    texts = struct.pack(">HH", ABSOLUTE, len(padded)) + padded + struct.pack(">HH", LAST, 0)
    return _box(b"alis", bytes(4 + ALIAS_HEAD) + texts)


def _of_alias(data: bytes, folder: str) -> Iterator[str]:
    """Yield the paths of a Macintosh alias record: relative, by its disk, absolute."""
    if len(data) < ALIAS_HEAD:
        return
    volume = _text(data[11 : 11 + min(data[10], 27)])
    above, below = struct.unpack_from(">hh", data, 130)
    texts = dict(_texts(data[ALIAS_HEAD:]))
    absolute = texts.get(ABSOLUTE, "")
    absolute = absolute.removeprefix(volume) if volume else absolute
    absolute = absolute.replace(":", "/")
    parts = absolute.split("/")
    if above > 0 and 0 < below <= len(parts) and absolute:
        yield "/".join([folder, *[".."] * (above - 1), *parts[-below:]])
    if POSIX in texts:
        yield f"{texts.get(MOUNTED, '').rstrip('/')}/{texts[POSIX].lstrip('/')}"
    if absolute:
        yield absolute if absolute.startswith("/") else f"{folder}/{absolute}"


def _texts(data: bytes) -> Iterator[tuple[int, str]]:
    at = 0
    while len(data) - at >= 4:
        kind, size = struct.unpack_from(">HH", data, at)
        if kind == LAST:
            return
        yield kind, _text(data[at + 4 : at + 4 + size].rstrip(b"\0"))
        at += 4 + size + size % 2


def _of_url(parts: Sequence[bytes], folder: str) -> Iterator[str]:
    for part in parts:
        try:
            url = urlsplit(_text(part))
        except ValueError:
            return
        if url.scheme not in ("", "file") or url.netloc not in ("", "localhost") or not url.path:
            return
        path = unquote(url.path)
        yield path if path.startswith("/") else f"{folder}/{path}"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
