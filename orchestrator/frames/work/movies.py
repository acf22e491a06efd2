"""One file that holds all frames of a job: a movie, as far as one of its demuxers is known here."""

from __future__ import annotations

import os
from pathlib import Path

import av
import av.error

from orchestrator.frames.work import images
from orchestrator.frames.work.attempt import sha256
from orchestrator.frames.work.images import Image, NotAnImage

HEAD_BYTES = 64


def look(path: Path, frames: int) -> Image:
    """Return what is in a file of so many frames; NotAnImage if it is empty, or lacks some.

    Raises OSError if it cannot be read; a link is not followed.
    """
    if frames == 1:
        return images.look(path)
    with images.open_file(path) as file:
        status = os.fstat(file.fileno())
        if not status.st_size:
            raise NotAnImage("is empty")
        head = file.read(HEAD_BYTES)
    width = height = 0
    if demuxer := _demuxer(head):
        width, height, count = _decoded(path, demuxer)
        if count < frames:
            raise NotAnImage(f"holds {count} of {frames} frames")
    return Image(
        size=status.st_size,
        sha256=sha256(path),
        mtime_ns=status.st_mtime_ns,
        kind=demuxer,
        width=width,
        height=height,
    )


def _demuxer(head: bytes) -> str:
    """Return what opens a file that begins so; empty: none that is known."""
    if head[4:8] == b"ftyp":
        return "mov"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    return "avi" if head[:4] == b"RIFF" and head[8:12] == b"AVI " else ""


def _decoded(path: Path, demuxer: str) -> tuple[int, int, int]:
    """Return size and number of the pictures, each decoded."""
    options = {"protocol_whitelist": "file", "format_whitelist": demuxer}
    try:
        with av.open(f"file:{path}", format=demuxer, options=options) as container:
            stream = container.streams.video[0]
            count = sum(not frame.is_corrupt for frame in container.decode(stream))
            return stream.width, stream.height, count
    except (av.error.FFmpegError, IndexError) as error:
        raise NotAnImage(f"cannot be decoded: {error}") from error
