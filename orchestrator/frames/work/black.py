"""Whether a picture is black all over: every sample of a colour is 0."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.video.frame import VideoFrame

PLAIN = re.compile(r"(gbra?p|gray|rgb24|bgr24|rgb48|rgbf32|rgba|bgra|argb|abgr|ya8|ya16)")
"""Formats whose samples are read as they are; any other becomes 8 bits a sample first."""

ALPHA = {"rgba": (4, 3), "bgra": (4, 3), "argb": (4, 0), "abgr": (4, 0), "ya": (2, 1)}
"""How a format begins -> its samples a pixel, and which of them is no colour."""


def is_black(frame: VideoFrame) -> bool:
    """Return whether every sample of a colour is 0; how much is seen of it does not matter."""
    if not PLAIN.match(frame.format.name):
        frame = frame.reformat(format="rgb24")
    name, pixel = frame.format.name, frame.format.padded_bits_per_pixel // 8
    if name.startswith("gb"):  # one plane a colour; alpha is the last
        return not any(any(line) for line in _lines(frame, 3, pixel // len(frame.planes)))
    bytes_of_colours = _colours(name, pixel)
    return not any(
        any(line[at::pixel]) for line in _lines(frame, 1, pixel) for at in bytes_of_colours
    )


def _lines(frame: VideoFrame, planes: int, pixel: int) -> Iterator[bytes]:
    """Yield the lines of so many planes, without what fills them up."""
    for plane in frame.planes[:planes]:
        data = memoryview(plane)
        for start in range(0, frame.height * plane.line_size, plane.line_size):
            yield bytes(data[start : start + frame.width * pixel])


def _colours(name: str, pixel: int) -> list[int]:
    """Return which bytes of a pixel are those of colours."""
    samples, alpha = next((told for start, told in ALPHA.items() if name.startswith(start)), (1, 1))
    sample = pixel // samples
    return [at for at in range(pixel) if at // sample != alpha]
