"""A setting's ``filters`` as nouns, and as ffmpeg's words with what each must see to be right.

Nothing of what a person writes is filter text: a name is looked up here, a value is a number or a
word of a closed list (T04).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from orchestrator_compressor.chain import Filter
from orchestrator_compressor.codecs import SAME_PIXELS, has_alpha, is_rgb
from orchestrator_compressor.facts import VideoFacts

Value = Mapping[str, object]
DEPTH = re.compile(r"(?:p|gray)(\d+)(?:le|be)$")
ATA_FRAMES = 9  #: ffmpeg's own number; four of them before a frame and four after
ATA_HANDLE = 5
ODD = "yuv440p1"  #: with more than 8 bits; half of the filters convert them


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One entry of a setting's ``filters``: a name, and what is said of it."""

    name: str
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Takes:
    """Which pixels a filter takes without converting them; measured, and proven by a test."""

    depth: int = 16  #: most bits of a value
    gray: int = 16  #: most bits without colour
    clear: int = 16  #: most bits with transparency


@dataclass(frozen=True, slots=True)
class Kind:
    """A filter that settings may name."""

    make: Callable[[object, VideoFacts], Filter]
    takes: Takes


def read(spec: Value) -> tuple[Wanted, ...]:
    """Return the filters that a setting's ``video``, valid against the schema, names."""
    entries = cast("Sequence[Value]", spec.get("filters", ()))
    return tuple(
        Wanted(name=name, value=value) for entry in entries for name, value in entry.items()
    )


def chain(setting: str, wanted: Sequence[Wanted], facts: VideoFacts) -> tuple[Filter, ...]:
    """Return the filters for a source.

    Raises ValueError, one sentence for people, where one of them would have to convert its pixels:
    ffmpeg would do so by itself, and nobody would know what was lost.
    """
    for each in wanted:
        check(setting, each.name, KINDS[each.name].takes, facts)
    return tuple(KINDS[each.name].make(each.value, facts) for each in wanted)


def check(setting: str, name: str, takes: Takes, facts: VideoFacts) -> None:
    """Raise ValueError unless a filter takes the source's pixels as they are."""
    if why := _unfit(takes, planar(facts.pixel_format)):
        raise ValueError(
            f"setting {setting}: {name} {why}, and the source is {facts.pixel_format}; leave it out"
        )


def made_fit(filters: Sequence[Filter], facts: VideoFacts) -> tuple[Filter, ...]:
    """Return filters with one before them that arranges pixels as all of them take them."""
    arranged = planar(facts.pixel_format)
    if not filters or arranged == facts.pixel_format or is_rgb(arranged):
        return tuple(filters)
    return (Filter("format", f"format={arranged}"), *filters)


def planar(pixel_format: str) -> str:
    """Return the format that holds the same values in planes."""
    native = re.sub(r"be$", "le", pixel_format)
    return native if native.startswith("yuvj") else SAME_PIXELS.get(native, native)


def depth(pixel_format: str) -> int:
    """Return how many bits a value has."""
    hit = DEPTH.search(pixel_format)
    return int(hit[1]) if hit else 8


def _unfit(takes: Takes, pixel_format: str) -> str:
    """Return why a filter cannot take pixels as they are, in half a sentence; empty: it can."""
    if is_rgb(pixel_format):
        return "works on YUV"
    if depth(pixel_format) > takes.depth:
        return f"takes {takes.depth} bits at most"
    if has_alpha(pixel_format) and depth(pixel_format) > takes.clear:
        return "would lose transparency"
    if pixel_format.startswith("gray") and depth(pixel_format) > takes.gray:
        return "needs colour"
    if pixel_format.startswith(ODD):
        return "does not take these pixels"
    return ""


def _number(value: object, key: str, default: float) -> float:
    found = cast("Value", value).get(key, default)
    return float(cast("float", found))


NLMEANS = {"light": 1.5, "medium": 3.0, "strong": 6.0}


def _denoise(value: object, facts: VideoFacts) -> Filter:
    return Filter("denoise", f"nlmeans=s={NLMEANS[str(value)]:g}:p=5:r=9")


HQDN3D = (("luma", 4.0), ("chroma", 3.0), ("lumaTime", 6.0), ("chromaTime", 4.5))


def _hqdn3d(value: object, facts: VideoFacts) -> Filter:
    numbers = ":".join(f"{_number(value, key, default):g}" for key, default in HQDN3D)
    return Filter("hqdn3d", f"hqdn3d={numbers}", is_whole=True)  # a frame is made of all before


ATADENOISE = {"light": (0.01, 0.02), "medium": (0.02, 0.04), "strong": (0.04, 0.12)}


def _atadenoise(value: object, facts: VideoFacts) -> Filter:
    low, high = ATADENOISE[str(value)]
    planes = ":".join(f"{n}a={low:g}:{n}b={high:g}" for n in range(3))
    return Filter("atadenoise", f"atadenoise={planes}:s={ATA_FRAMES}", handle=ATA_HANDLE)


def _sharpen(value: object, facts: VideoFacts) -> Filter:
    return Filter("sharpen", f"unsharp=5:5:{float(cast('float', value)):g}:5:5:0")


def _blur(value: object, facts: VideoFacts) -> Filter:
    return Filter("blur", f"gblur=sigma={float(cast('float', value)):g}")


DEBAND = {"light": 0.01, "medium": 0.02, "strong": 0.04}


def _deband(value: object, facts: VideoFacts) -> Filter:
    by = DEBAND[str(value)]
    return Filter("deband", "deband=" + ":".join(f"{n}thr={by:g}" for n in (1, 2, 3, 4)))


def _deflicker(value: object, facts: VideoFacts) -> Filter:
    size = int(cast("int", value))
    return Filter("deflicker", f"deflicker=size={size}", handle=size)


def _blend(value: object, facts: VideoFacts) -> Filter:
    frames = int(cast("int", value))
    return Filter("blend", f"tmix=frames={frames}", handle=frames - 1)


def _eq(value: object, facts: VideoFacts) -> Filter:
    """Brightness, contrast, gamma and saturation; ffmpeg's own ``eq`` takes 8 bits at most."""
    pixel_format = planar(facts.pixel_format)
    full = facts.colour.range == "pc" or pixel_format.startswith("yuvj")
    unit = 2 ** (depth(pixel_format) - 8)
    low, span = (0, 256 * unit - 1) if full else (16 * unit, 219 * unit)
    middle = 128 * unit
    contrast, brightness = _number(value, "contrast", 1), _number(value, "brightness", 0)
    gamma, saturation = _number(value, "gamma", 1), _number(value, "saturation", 1)
    light = f"((val-{low})/{span}-0.5)*{contrast:g}+0.5+({brightness:g})"
    luma = f"{low}+{span}*pow(clip({light},0,1),1/{gamma:g})"
    chroma = f"{middle}+(val-{middle})*{saturation:g}"
    return Filter("eq", f"lutyuv=y='{luma}':u='{chroma}':v='{chroma}'")


def _fade_in(value: object, facts: VideoFacts) -> Filter:
    return Filter("fadeIn", _fade("in", float(facts.start), float(cast("float", value))))


def _fade_out(value: object, facts: VideoFacts) -> Filter:
    seconds = float(cast("float", value))
    end = float(facts.start) + (facts.duration_s or 0)
    return Filter("fadeOut", _fade("out", max(float(facts.start), end - seconds), seconds))


def _fade(way: str, start: float, seconds: float) -> str:
    # by the source's clock, never by counting frames: it is the same in every part
    begin = max(0.0, start)  # ffmpeg knows no earlier time
    length = max(1e-6, start + seconds - begin)  # of 0 it would count frames
    return f"fade=t={way}:st={begin:.6f}:d={length:.6f}"


ALL = Takes()
KINDS: Mapping[str, Kind] = {
    "denoise": Kind(_denoise, Takes(depth=8, clear=0)),
    "hqdn3d": Kind(_hqdn3d, Takes(gray=0, clear=0)),
    "atadenoise": Kind(_atadenoise, ALL),
    "sharpen": Kind(_sharpen, Takes(depth=12, gray=0)),
    "blur": Kind(_blur, ALL),
    "deband": Kind(_deband, Takes(depth=8)),
    "deflicker": Kind(_deflicker, ALL),
    "blend": Kind(_blend, ALL),
    "eq": Kind(_eq, Takes(gray=0, clear=0)),
    "fadeIn": Kind(_fade_in, Takes(gray=0)),
    "fadeOut": Kind(_fade_out, Takes(gray=0)),
}
"""What a setting may name -> what it is; the schema has the same list."""
