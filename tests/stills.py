"""Small images of every kind that renderers write, made without a renderer."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import cast

import av
from av.video.codeccontext import VideoCodecContext

WIDTH, HEIGHT = 48, 32

#: kind -> ending, encoder, pixel format, options
MADE: Mapping[str, tuple[str, str, str, dict[str, str]]] = {
    "png": (".png", "png", "rgb24", {}),
    "png16a": (".png", "png", "rgba64be", {}),
    "jpeg": (".jpg", "mjpeg", "yuvj420p", {}),
    "exr": (".exr", "exr", "gbrpf32le", {}),
    "exr-zip": (".exr", "exr", "gbrapf32le", {"compression": "zip16"}),
    "tiff": (".tif", "tiff", "rgb24", {}),
    "tiff-raw": (".tiff", "tiff", "rgb48le", {"compression_algo": "raw"}),
    "tiff-deflate": (".tif", "tiff", "rgba", {"compression_algo": "deflate"}),
    "dpx": (".dpx", "dpx", "gbrp10be", {}),
    "targa": (".tga", "targa", "bgra", {}),
    "bmp": (".bmp", "bmp", "bgr24", {}),
    "ppm": (".ppm", "ppm", "rgb24", {}),
    "sgi": (".sgi", "sgi", "rgb24", {}),
    "sgi-raw": (".rgb", "sgi", "rgb48be", {"rle": "0"}),
    "hdr": (".hdr", "hdr", "gbrpf32le", {}),
    "webp": (".webp", "libwebp", "yuv420p", {}),
    "webp-lossless": (".webp", "libwebp", "bgra", {"lossless": "1"}),
    "jpeg2000": (".jp2", "jpeg2000", "rgb24", {}),
    "qoi": (".qoi", "qoi", "rgb24", {}),
}
KINDS = (*MADE, "psd")


def image(kind: str, seed: int = 1, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """Return an image; seed 0 is black."""
    if kind == "psd":
        return _psd(seed, size)
    _, codec, pixels, options = MADE[kind]
    encoder = cast("VideoCodecContext", av.CodecContext.create(codec, "w"))
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base, encoder.options = pixels, Fraction(1, 25), options
    frame = _frame(seed, size).reformat(format=pixels)
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


def ending(kind: str) -> str:
    """Return how the name of such a file ends."""
    return ".psd" if kind == "psd" else MADE[kind][0]


def _samples(seed: int, size: tuple[int, int]) -> bytes:
    """Return lines of noise beside even ones: what packs well, and what does not."""
    width, height = size
    found, state = bytearray(), seed
    for at in range(width * height):
        state = (state * 1103515245 + 12345 * bool(seed)) & 0x7FFFFFFF
        is_even = (at // width) % 4 < 2
        found += bytes(
            ((at // width * 7 + seed * 31) & 0xFF if is_even else state >> 16 & 0xFF,) * 3
        )
    return bytes(found) if seed else bytes(3 * width * height)


def _frame(seed: int, size: tuple[int, int]) -> av.VideoFrame:
    frame = av.VideoFrame(*size, "rgb24")
    plane, samples, width = frame.planes[0], _samples(seed, size), size[0]
    lines = (samples[at : at + 3 * width] for at in range(0, len(samples), 3 * width))
    plane.update(b"".join(line.ljust(plane.line_size, b"\xaa") for line in lines))
    return frame


def _psd(seed: int, size: tuple[int, int]) -> bytes:
    width, height = size
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, height, width, 8, 3) + bytes(12)
    return head + b"\0\0" + _samples(seed, size)
