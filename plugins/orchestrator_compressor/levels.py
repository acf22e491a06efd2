"""The level that a stream's header names: what a player must be able to do.

Encoders choose it by the rate they are given.  Parts of one film have different rates and must
have one header; so it is chosen here, for the busiest of them.
"""

from __future__ import annotations

from fractions import Fraction

from orchestrator_compressor.product import Picture

BLOCK = 16  #: a macroblock's width
DPB_MAX = 16
DPB_LEAST = 4  #: frames that a pyramid of B-frames takes
REFERENCES = {"slow": 5, "slower": 8, "veryslow": 16}
"""Preset of x264 -> frames referred to, where it is more than `DPB_LEAST`."""

USUAL_FPS = Fraction(60)  #: of a source that does not say

H264 = (
    ("1", 1485, 99, 396, 64),
    ("1.1", 3000, 396, 900, 192),
    ("1.2", 6000, 396, 2376, 384),
    ("1.3", 11880, 396, 2376, 768),
    ("2", 11880, 396, 2376, 2000),
    ("2.1", 19800, 792, 4752, 4000),
    ("2.2", 20250, 1620, 8100, 4000),
    ("3", 40500, 1620, 8100, 10000),
    ("3.1", 108000, 3600, 18000, 14000),
    ("3.2", 216000, 5120, 20480, 20000),
    ("4", 245760, 8192, 32768, 20000),
    ("4.1", 245760, 8192, 32768, 50000),
    ("4.2", 522240, 8704, 34816, 50000),
    ("5", 589824, 22080, 110400, 135000),
    ("5.1", 983040, 36864, 184320, 240000),
    ("5.2", 2073600, 36864, 184320, 240000),
    ("6", 4177920, 139264, 696320, 240000),
    ("6.1", 8355840, 139264, 696320, 480000),
    ("6.2", 16711680, 139264, 696320, 800000),
)
"""Level, macroblocks a second, a frame, in the store of frames, thousands of bits a second."""

HEVC = (
    ("1", 552960, 36864, 128),
    ("2", 3686400, 122880, 1500),
    ("2.1", 7372800, 245760, 3000),
    ("3", 16588800, 552960, 6000),
    ("3.1", 33177600, 983040, 10000),
    ("4", 66846720, 2228224, 12000),
    ("4.1", 133693440, 2228224, 20000),
    ("5", 267386880, 8912896, 25000),
    ("5.1", 534773760, 8912896, 40000),
    ("5.2", 1069547520, 8912896, 60000),
    ("6", 1069547520, 35651584, 60000),
    ("6.1", 2139095040, 35651584, 120000),
    ("6.2", 4278190080, 35651584, 240000),
)
"""Level, pixels a second, a frame, thousands of bits a second in the main tier."""


def level(picture: Picture, peak: int) -> str | None:
    """Return the lowest level that a picture of at most `peak` bits a second fits in.

    None: its codec has none.  What fits in none has the highest.
    """
    fps, kbps = picture.rate or USUAL_FPS, Fraction(peak, 1000)
    match picture.video.name:
        case "h264":
            blocks = -(-picture.width // BLOCK) * -(-picture.height // BLOCK)
            frames = max(DPB_LEAST, REFERENCES.get(picture.video.preset, 0))
            needs = (blocks * fps, blocks, blocks * min(frames, DPB_MAX), kbps)
            return _first(H264, needs)
        case "hevc":
            pixels = picture.width * picture.height
            return _first(HEVC, (pixels * fps, pixels, kbps))
    return None


def _first(
    levels: tuple[tuple[str, *tuple[int, ...]], ...], needs: tuple[Fraction | int, ...]
) -> str:
    fitting = (
        name
        for name, *limits in levels
        if all(need <= limit for need, limit in zip(needs, limits, strict=True))
    )
    return next(fitting, levels[-1][0])
