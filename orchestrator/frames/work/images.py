"""One image, decoded to its last line: what cannot be is broken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
from av.error import FFmpegError


class NotAnImage(Exception):
    """It cannot be used; the text ends a sentence that begins with the frame's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What is seen in one."""

    width: int
    height: int
    kind: str  #: the codec's name: png, exr, …
    is_black: bool = False


def look(file: Path) -> Image:
    """Return what is in a file; NotAnImage if it is empty, cut off or nothing of the kind."""
    if not file.stat().st_size:
        raise NotAnImage("is empty")
    try:
        with av.open(str(file), options={"protocol_whitelist": "file"}) as container:
            stream = container.streams.video[0]
            frame = next(container.decode(stream))
            return Image(width=frame.width, height=frame.height, kind=stream.codec_context.name)
    except (FFmpegError, IndexError, StopIteration) as error:
        raise NotAnImage(f"cannot be decoded ({error})") from error
