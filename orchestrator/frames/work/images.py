"""One image, decoded to its last line: what cannot be is broken.

The bytes go straight to one decoder, chosen by how the file begins: nothing is probed, and nothing
that a file names is ever opened (T04).
"""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import av
import av.error
import av.logging

from orchestrator.frames.work import ends, kinds
from orchestrator.frames.work.attempt import CHUNK_BYTES
from orchestrator.frames.work.black import is_black
from orchestrator.system import open_plain

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

DECODED_BYTES_MAX = 1 << 30
"""A larger file is not read into memory: it is hashed, and counts as not decoded."""

LENIENT = frozenset({"tiff"})
"""Decoders that would take a tag which they do not know for an error."""


class NotAnImage(Exception):
    """It cannot be used; the text ends a sentence that begins with the frame's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What is seen in a file."""

    size: int
    sha256: str
    mtime_ns: int
    kind: str = ""  #: the decoder's name: png, exr, …; empty: none here knows it
    width: int = 0  #: 0: it was not decoded
    height: int = 0
    is_black: bool = False

    @property
    def is_decoded(self) -> bool:
        """Whether somebody has looked at the pixels."""
        return bool(self.width)

    @property
    def shape(self) -> str:
        """How large the picture is, for people."""
        return f"{self.width}x{self.height}"

    def data(self) -> dict[str, object]:
        """Return it as JSON data."""
        return asdict(self)


def open_file(path: Path) -> BinaryIO:
    """Open a plain file; NotAnImage if it is none.

    Raises OSError if it cannot be read; a link is not followed.
    """
    try:
        return open(open_plain(os.fspath(path)), "rb")
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise NotAnImage("is no plain file") from error
        raise


def look(path: Path) -> Image:
    """Return what is in a file; NotAnImage if it is empty, cut off or nothing of the kind.

    Raises OSError if it cannot be read; a link is not followed.
    """
    ending = path.suffix.lower()
    with open_file(path) as file:
        status = os.fstat(file.fileno())
        if not status.st_size:
            raise NotAnImage("is empty")
        if status.st_size > DECODED_BYTES_MAX:
            head = file.read(64)
            file.seek(0)
            digest = hashlib.sha256()
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
            return _undecoded(status, digest.hexdigest(), head, ending)
        data = file.read()
    sha256 = hashlib.sha256(data).hexdigest()
    seen = _undecoded(status, sha256, data[:64], ending)
    return _decoded(data, seen) if seen.kind else seen


def _undecoded(status: os.stat_result, sha256: str, head: bytes, ending: str) -> Image:
    if why := kinds.misnamed(head, ending):
        raise NotAnImage(why)
    return Image(
        size=status.st_size,
        sha256=sha256,
        mtime_ns=status.st_mtime_ns,
        kind=kinds.kind_of(head, ending),
    )


def _decoded(data: bytes, seen: Image) -> Image:
    try:
        ends.check(seen.kind, data)
    except ends.Cut as error:
        raise NotAnImage(str(error)) from error
    decoder = cast("VideoCodecContext", av.CodecContext.create(seen.kind, "r"))
    decoder.thread_count = 1
    if seen.kind not in LENIENT:
        decoder.options = {"err_detect": "explode"}
    try:
        with av.logging.Capture() as said:
            packet = av.Packet(data)
            frames = [*decoder.decode(packet), *decoder.decode(None)]
    except av.error.FFmpegError as error:
        if isinstance(error, av.error.PatchWelcomeError) or _is_rich(seen.kind, data):
            return seen
        raise NotAnImage(f"cannot be decoded: {_why(error)}") from error
    said_so = [text.strip() for level, _, text in said if level <= av.logging.ERROR]
    if not frames or frames[0].is_corrupt or said_so:
        if _is_rich(seen.kind, data):
            return seen
        raise NotAnImage(f"cannot be decoded: {said_so[0] if said_so else 'no picture comes'}")
    picture = frames[0]
    return Image(
        size=seen.size,
        sha256=seen.sha256,
        mtime_ns=seen.mtime_ns,
        kind=seen.kind,
        width=picture.width,
        height=picture.height,
        is_black=is_black(picture),
    )


def _is_rich(kind: str, data: bytes) -> bool:
    """Whether a file may hold what its decoder does not know: layers, depth, views."""
    return kind == "exr" and not ends.is_exr_plain(data)


def _why(error: av.error.FFmpegError) -> str:
    said = error.log[1] if error.log else None
    return (said[2].strip() if said else "") or error.strerror or str(error)
