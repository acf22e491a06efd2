"""The size and shape of an output's pictures, and the filters that give them to it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from orchestrator_compressor.chain import Filter
from orchestrator_compressor.facts import Colour, VideoFacts
from orchestrator_compressor.settings import Video

SCALER = "bicubic+accurate_rnd+full_chroma_int"


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """The size of pictures, as stored, and the shape of a pixel."""

    width: int
    height: int
    sar: Fraction  #: width of a pixel by its height


def upright(facts: VideoFacts) -> Geometry:
    """Return what a source is like once it is turned as it is shown."""
    if facts.is_turned:
        return Geometry(width=facts.height, height=facts.width, sar=1 / facts.sar)
    return Geometry(width=facts.width, height=facts.height, sar=facts.sar)


def settle(video: Video, theirs: Geometry) -> Geometry:
    """Return what the output's pictures are like; `theirs`: the source's, upright."""
    width, height = theirs.width, theirs.height
    if video.fit:
        width, height = fitted(width, height, theirs.sar, video.fit)
    if video.codec.even:
        width, height = max(2, width // 2 * 2), max(2, height // 2 * 2)
    return Geometry(width=width, height=height, sar=theirs.sar)


def fitted(width: int, height: int, sar: Fraction, box: tuple[int, int]) -> tuple[int, int]:
    """Return the size, as stored, that is shown within `box`; never larger than it was."""
    factor = min(Fraction(1), Fraction(box[0]) / (width * sar), Fraction(box[1], height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def scale(ours: Geometry, colour: Colour, *, from_rgb: bool, interlaced: bool) -> Filter:
    """Return the filter that gives pictures their size, range and matrix."""
    words = f"scale=w={ours.width}:h={ours.height}:flags={SCALER}"
    if colour.range:
        words += f":out_range={colour.range}"
    if from_rgb:
        words += f":out_color_matrix={colour.matrix}"
    return Filter("scale", words + (":interl=1" if interlaced else ""))
