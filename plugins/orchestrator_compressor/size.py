"""About how large outputs become: enough to see that a disk cannot hold them, and no more.

Estimates are rather too low: what would just fit must not wait.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.api import Facts, Job
from orchestrator_compressor import asks, facts, ladder
from orchestrator_compressor.product import Picture, Product, Sound, settle
from orchestrator_compressor.settings import Video

COPIES = 2  #: of each output on cluster storage: its segments, and the file that they become

PRORES_BITS: Mapping[str | None, float] = {
    "proxy": 0.7,
    "lt": 1.6,
    "422": 2.3,
    "422-hq": 3.5,
    "4444": 5.3,
    "4444-xq": 8.0,
    None: 2.3,
}
"""Profile -> bits a pixel, by Apple's own table of rates."""

USUAL_CRF: Mapping[str, tuple[float, float]] = {
    "h264": (23, 0.06),
    "hevc": (28, 0.03),
    "vp9": (31, 0.03),
    "av1": (35, 0.02),
}
"""Codec -> a quality, and about how many bits a pixel it takes."""

FIXED_BITS: Mapping[str, Mapping[str | None, float]] = {
    "prores": PRORES_BITS,
    "dnxhr": {"lb": 0.7, "sq": 2.2, "hq": 3.4, "hqx": 3.4, "444": 6.8},
    "cineform": {None: 1.5},
    "mpeg2": {None: 0.1},
    "mjpeg": {None: 0.8},
}
"""Codec -> profile (None: any other) -> about how many bits a pixel it takes."""

CRF_HALVES = 6.0  #: so many steps of quality halve the bits
LOSSLESS_PART = 0.3  #: of all bits of a pixel, what a lossless codec leaves of calm pictures
BITS_MAX = 8.0
USUAL_FPS = 25  #: of a source that does not say
KILO = 1000


def job_bytes(job: Job, found: Facts, frames: Mapping[str, int]) -> int:
    """Return about how many bytes all outputs of a job take while they are made."""
    source, wanted = facts.read(found.values), asks.read(job)
    total = 0
    for output in wanted.outputs:
        setting = output.setting
        for n in ladder.kept(setting, source) if setting.ladder else ():
            made = frames.get(f"{output.target}.{ladder.names(setting)[n]}", 0)
            total += _output_bytes(settle(ladder.rung(setting, n), source), made)
        product = settle(setting, source, wanted.supplied)
        total += _output_bytes(product, frames.get(output.target, 0))
    return COPIES * total


def _output_bytes(product: Product, frames: int) -> int:
    rate = product.picture.video.rate if product.picture else None
    if rate and rate.size is not None:
        return rate.size
    bits = _picture_bits(product.picture, frames) if product.picture else 0.0
    bits += sum(sound_bits(sound) for sound in product.sounds)
    return int(bits / 8)


def _picture_bits(picture: Picture, frames: int) -> float:
    if (average := picture.video.rate.average) is not None:
        return float(average * frames / (picture.rate or USUAL_FPS))
    return picture.width * picture.height * frames * _bits_a_pixel(picture.video, picture)


def _bits_a_pixel(video: Video, picture: Picture) -> float:
    if known := FIXED_BITS.get(video.name):
        return known.get(video.profile, known.get(None, max(known.values())))
    if video.name not in USUAL_CRF or video.rate.qp == 0:
        return LOSSLESS_PART * _raw_bits(picture.pixel_format)
    usual, bits = USUAL_CRF[video.name]
    quality = video.rate.quality
    steps = usual - (usual if quality is None else quality)
    return float(min(BITS_MAX, bits * 2 ** (steps / CRF_HALVES)))


def _raw_bits(pixel_format: str) -> float:
    depth = next((bits for bits in (16, 14, 12, 10, 9) if f"{bits}le" in pixel_format), 8)
    planes = 1.5 if "420" in pixel_format else 2.0 if "422" in pixel_format else 3.0
    return planes * depth


def sound_bits(sound: Sound) -> float:
    """Return about how many bits encoded sound takes."""
    seconds = (sound.samples or 0) / sound.rate
    if sound.depth and sound.audio.name in {"pcm", "flac", "alac"}:
        return seconds * sound.rate * sound.channels * sound.depth
    digits = sound.audio.bitrate.rstrip("kK")
    return seconds * int(digits) * KILO if digits.isdigit() else 0.0
