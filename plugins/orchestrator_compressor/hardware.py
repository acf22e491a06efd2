"""Encoders in silicon: only some nodes have them, and each has words of its own.

A node says it has one only after it made some frames.  They make one segment: whether their parts
could be joined unseen is not proven.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from orchestrator_compressor.codecs import PRESETS, VIDEO

if TYPE_CHECKING:
    from orchestrator_compressor.product import Picture
    from orchestrator_compressor.settings import Video

Words = list[str]
KINDS = ("nvenc", "qsv", "vaapi", "videotoolbox")
NAMES = frozenset(name for codec in VIDEO.values() for name in codec.hardware.values())
"""All of ffmpeg's encoders that a setting may ask for."""

VAAPI_DEVICE = "/dev/dri/renderD128"
PIXELS: Mapping[str, str] = {"yuv420p": "nv12", "yuv420p10le": "p010le"}
"""Pixel format of a plan -> as silicon wants it, the same values otherwise arranged."""

PRESETTED = frozenset({"nvenc", "qsv"})
SOFT_KEYS = frozenset({"hdr10", "level", "quality"})  #: of ``video``, that only software obeys
QSV_FASTEST = 2  #: index in `PRESETS`: it has none of the faster ones
NVENC_SLOWEST = 7
CRF_MAX = 51


def faults(spec: Mapping[str, object]) -> Iterator[str]:
    """Yield what is wrong with ``video.encoder``; `spec` is ``video``, valid against the schema."""
    codec, kind = str(spec["codec"]), str(spec.get("encoder", "software"))
    if kind == "software":
        return
    made = VIDEO[codec].hardware
    if not made:
        return  # the key itself is refused
    if kind not in made:
        yield f"video.encoder: no {kind} makes {codec}; {', '.join(made)} do"
    if "preset" in spec and (kind not in PRESETTED or codec == "av1"):
        yield f"video.preset: {kind} has no such choice for {codec}; remove it"
    if spec.get("pixelFormat") not in PIXELS:
        yield f"video.pixelFormat: {kind} makes {' and '.join(PIXELS)}; name one of them"
    if codec == "h264" and spec.get("pixelFormat") == "yuv420p10le":
        yield "video.pixelFormat: silicon makes h264 with 8 bits; name yuv420p"
    rate = spec.get("rate")
    if isinstance(rate, Mapping) and not {"crf", "qp"} & set(rate):
        yield f"video.rate: {kind} keeps to no average or size; use crf or qp"
    for key in sorted(SOFT_KEYS & set(spec)):
        yield f"video.{key}: {kind} has no such choice; remove it"


def words(video: Video) -> Words:
    """Return the options of the encoder; the quality's scale is that of the maker."""
    assert video.hardware
    b_frames = [] if video.b_frames is None else ["-bf", str(video.b_frames)]
    profile = [] if video.profile is None else ["-profile:v", video.profile]
    rest = [*profile, "-g", str(video.key_interval), *b_frames]
    return [*WORDS[video.hardware](video, f"{video.rate.quality or 0:g}"), *rest]


def pixel_words(picture: Picture) -> Words:
    """Return how the pixels come; in the memory of the device there is nothing to convert."""
    if picture.video.hardware == "vaapi":
        return []
    return ["-pix_fmt", PIXELS[picture.pixel_format]]


def device(video: Video) -> Words:
    """Return the words that open the device, where ffmpeg does not by itself."""
    return ["-vaapi_device", VAAPI_DEVICE] if video.hardware == "vaapi" else []


def filters(picture: Picture) -> Words:
    """Return the filters that bring pictures to the device, last of all."""
    if picture.video.hardware != "vaapi":
        return []
    return [f"format={PIXELS[picture.pixel_format]}", "hwupload"]


def trial(name: str) -> tuple[Words, Words]:
    """Return, for a trial of an encoder, the words before the input and those after it."""
    if name.endswith("_vaapi"):
        return ["-vaapi_device", VAAPI_DEVICE], ["-vf", "format=nv12,hwupload", "-c:v", name]
    return [], ["-pix_fmt", "nv12", "-c:v", name]


def why_whole(video: Video) -> str | None:
    """Return why its pictures are not cut, in half a sentence; None: they may be."""
    return f"{video.encoder} is a hardware encoder" if video.hardware else None


def _place(video: Video) -> int:
    """Return the place of its preset among those of software."""
    return PRESETS.index(video.preset if video.preset in PRESETS else "medium")


def _nvenc(video: Video, quality: str) -> Words:
    preset = ["-preset", f"p{1 + _place(video) * (NVENC_SLOWEST - 1) // (len(PRESETS) - 1)}"]
    if video.rate.qp is not None:
        return [*preset, "-rc", "constqp", "-qp", quality]
    return [*preset, "-rc", "vbr", "-cq", quality, "-b:v", "0"]


def _qsv(video: Video, quality: str) -> Words:
    preset = ["-preset", PRESETS[max(_place(video), QSV_FASTEST)]]
    if video.rate.qp is not None:
        return [*preset, "-q:v", quality]
    return [*preset, "-global_quality", f"{float(quality):.0f}"]


def _vaapi(video: Video, quality: str) -> Words:
    return ["-rc_mode", "CQP", "-global_quality", f"{float(quality):.0f}"]


def _videotoolbox(video: Video, quality: str) -> Words:
    """Its scale goes from 1 to 100, which is best."""
    scale = round(100 - float(quality) * 100 / CRF_MAX)
    return ["-q:v", str(max(1, min(100, scale))), "-allow_sw", "0"]


WORDS: Mapping[str, Callable[[Video, str], Words]] = {
    "nvenc": _nvenc,
    "qsv": _qsv,
    "vaapi": _vaapi,
    "videotoolbox": _videotoolbox,
}
