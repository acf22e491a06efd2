"""What the colours of an output mean, and the filters that make them so: conversion, tone map, LUT.

The words of both sides are named in every filter: what a frame says of itself may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import cast

from orchestrator_compressor.chain import Filter, Prop
from orchestrator_compressor.codecs import VideoCodec, has_alpha, is_rgb
from orchestrator_compressor.facts import Colour, VideoFacts
from orchestrator_compressor.geometry import shared

HDR = frozenset({"smpte2084", "arib-std-b67", "16", "18"})  #: transfers, by name or number
SDR = Colour(range="tv", primaries="bt709", trc="bt709", matrix="bt709")
ASSUMED: Mapping[str, Colour] = {
    "bt709": SDR,
    "bt601-525": Colour(range="tv", primaries="smpte170m", trc="smpte170m", matrix="smpte170m"),
    "bt601-625": Colour(range="tv", primaries="bt470bg", trc="smpte170m", matrix="bt470bg"),
    "bt2020": Colour(range="tv", primaries="bt2020", trc="bt2020-10", matrix="bt2020nc"),
    "pq": Colour(range="tv", primaries="bt2020", trc="smpte2084", matrix="bt2020nc"),
    "hlg": Colour(range="tv", primaries="bt2020", trc="arib-std-b67", matrix="bt2020nc"),
}
"""What a setting calls the colours of a source that does not say."""

KEYS = {"range": "range", "primaries": "primaries", "trc": "transfer", "matrix": "matrix"}
"""Our words -> a setting's."""

UNKNOWN = frozenset({"bt1361e", "smpte428", "smpte2085", "ictcp", "chroma-derived-c"})
"""Transfers and matrices of a source that zscale does not take."""

WHITE_NITS = 100  #: what a tone map makes white of SDR
PEAK_NITS = 1000  #: the brightest of an HDR source that does not say
PEAKS = (200, 10000)  #: believed
HD_LINES = 720  #: from here on, a picture that does not say its matrix is taken for bt709
KERNEL = "f=bicubic"
LUT = "lut.cube"
LIGHT = ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL", "DYNAMIC_HDR_PLUS")
"""What a frame says of its brightness; wrong once it is tone mapped."""

SILENT = Colour()

Spec = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """What a setting says of colours: ``colour``, ``toneMap``, ``lut``."""

    wanted: Colour = SILENT  #: None: as it is
    assume: Colour = SILENT  #: where the source does not say
    tone_map: str | None = None  #: of HDR; None: it stays HDR
    lut: str | None = None  #: path of a .cube


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """What becomes of the colours of a source."""

    colour: Colour  #: of the output
    chain: tuple[Filter, ...] = ()
    pixel_format: str  #: after the chain, before it is scaled
    range: str | None  #: likewise
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What pictures are like between two filters."""

    colour: Colour
    pixel_format: str
    lines: int

    @property
    def words(self) -> str:
        """What zscale must know of its input."""
        rgb, colour = is_rgb(self.pixel_format), self.colour
        matrix = "gbr" if rgb else colour.matrix or presumed(self.lines)
        values = {
            "rin": "pc" if rgb else colour.range or "tv",
            "min": matrix,
            "pin": colour.primaries,
            "tin": colour.trc,
        }
        return ":".join(f"{key}={value}" for key, value in values.items() if value)


def read(spec: Spec) -> Grade:
    """Return what a setting's ``video``, valid against the schema, says of colours."""
    said = cast("Mapping[str, str]", spec.get("colour", {}))
    tone_map, lut = spec.get("toneMap"), spec.get("lut")
    return Grade(
        wanted=Colour(**{ours: said.get(theirs) for ours, theirs in KEYS.items()}),
        assume=ASSUMED[said["assume"]] if "assume" in said else SILENT,
        tone_map=None if tone_map is None else str(tone_map),
        lut=None if lut is None else str(lut),
    )


def needed(grade: Grade) -> tuple[str, ...]:
    """Return the filters that a grade may need and not every ffmpeg has."""
    wanted = replace(grade.wanted, range=None) != SILENT
    found = (("zscale", wanted or grade.tone_map or grade.lut), ("tonemap", grade.tone_map))
    return tuple(name for name, is_needed in (*found, ("lut3d", grade.lut)) if is_needed)


def faults(grade: Grade, name: str, codec: VideoCodec) -> Iterator[str]:
    """Yield what is wrong with what is said of colours, whatever the source."""
    if grade.tone_map and grade.wanted.trc in HDR:
        yield f"video.colour.transfer: {grade.wanted.trc} is HDR, which toneMap takes away"
    if grade.wanted.range == "pc" and not codec.full_range:
        yield f"video.colour.range: {name} holds the video range only; use tv"
    if grade.wanted.range == "tv" and codec.only_full:
        yield f"video.colour.range: {name} holds the full range only; use pc"


def presumed(lines: int) -> str:
    """Return the matrix that players take for granted where a picture does not say."""
    return "bt709" if lines >= HD_LINES else "smpte170m"


def tags(colour: Colour, unsaid: str = "unknown") -> str:
    """Return the filter that says what numbers mean; it changes none.

    :param unsaid: what is said where `colour` leaves it open; empty: nothing
    """
    values = {"range": colour.range, "colorspace": colour.matrix}
    values |= {"color_primaries": colour.primaries, "color_trc": colour.trc}
    said = {key: value or unsaid for key, value in values.items()}
    return "setparams=" + ":".join(f"{key}={value}" for key, value in said.items() if value)


def settle(
    grade: Grade, facts: VideoFacts, out: str, *, full_range: bool, interlaced: bool
) -> Graded:
    """Return what the colours of an output are, and how they get so.

    :param out: the output's pixel format
    :param full_range: the codec has the full range of values
    :param interlaced: the pictures still have two fields

    Raises ValueError, one sentence for people, where the source does not say what it is, or cannot
    be converted.
    """
    now = Now(colour=_known(grade, facts), pixel_format=facts.pixel_format, lines=facts.height)
    chain: list[Filter] = []
    notes: tuple[str, ...] = ()
    if grade.tone_map:
        if now.colour.trc in HDR:
            now = _tone_mapped(chain, grade, now, facts, out)
        else:
            notes = ("the source is not HDR; it is not tone mapped",)
    wanted = _target(grade, now, out, full_range=full_range)
    if grade.lut:
        now = _looked_up(chain, grade.lut, now)
    elif _differs(grade, now.colour):
        _check_known(grade, now.colour)
        now = _converted(chain, now, wanted, out)
    if chain:
        _check_source(facts, out, interlaced=interlaced)
    return Graded(
        colour=wanted,
        chain=(*_assumed(grade, facts), *chain),
        pixel_format=now.pixel_format,
        range=now.colour.range,
        notes=notes,
    )


def _check_source(facts: VideoFacts, out: str, *, interlaced: bool) -> None:
    theirs = facts.colour
    if alien := [each for each in (theirs.trc, theirs.matrix) if each in UNKNOWN]:
        raise ValueError(
            f"video.colour, toneMap and lut: the source is in {alien[0]}, which cannot be converted"
        )
    if interlaced and max(shared(facts.pixel_format)[1], shared(out)[1]) > 1:
        raise ValueError(
            "video.colour, toneMap and lut: the source is interlaced, and its fields share colour; "
            "deinterlace it"
        )


def _known(grade: Grade, facts: VideoFacts) -> Colour:
    """Return what the source says, or is assumed to mean where it is silent."""
    theirs, assume = facts.colour, grade.assume
    if facts.pixel_format.startswith("yuvj"):
        theirs = replace(theirs, range="pc")
    if is_rgb(facts.pixel_format):
        assume = replace(assume, range=None, matrix=None)
    return _over(assume, theirs)


def _assumed(grade: Grade, facts: VideoFacts) -> Iterator[Filter]:
    """Yield the filter that tells those after it what is assumed, if anything is."""
    known = _known(grade, facts)
    if known != _known(replace(grade, assume=SILENT), facts):
        yield Filter("assume", tags(known, unsaid=""))


def _over(under: Colour, over: Colour) -> Colour:
    """Return `over`, and of what it leaves open, `under`."""
    names = [each.name for each in fields(Colour)]
    return Colour(**{name: getattr(over, name) or getattr(under, name) for name in names})


def _target(grade: Grade, now: Now, out: str, *, full_range: bool) -> Colour:
    wanted = _over(now.colour, grade.wanted)
    if is_rgb(out):
        return replace(wanted, range=None, matrix=None)
    if is_rgb(now.pixel_format):
        return replace(
            wanted, range=grade.wanted.range or "tv", matrix=grade.wanted.matrix or "bt709"
        )
    if grade.lut:  # it hands over red, green and blue, which say nothing of these
        wanted = _over(Colour(range="tv", matrix=presumed(now.lines)), wanted)
    if wanted.range == "pc" and not full_range:
        return replace(wanted, range="tv")
    return wanted


def _differs(grade: Grade, theirs: Colour) -> bool:
    """Return whether more than the range is to be converted."""
    wanted = grade.wanted
    pairs = ((getattr(wanted, name), getattr(theirs, name)) for name in KEYS if name != "range")
    return any(ours is not None and ours != other for ours, other in pairs)


def _check_known(grade: Grade, theirs: Colour) -> None:
    wanted = grade.wanted
    needed = {"matrix"} if wanted.matrix else set()
    if wanted.primaries or wanted.trc:
        needed = {"primaries", "trc", "matrix"}
    if missing := [KEYS[name] for name in KEYS if name in needed and not getattr(theirs, name)]:
        raise ValueError(
            f"video.colour: the source does not say its {' and '.join(missing)}, which must be "
            "known to convert it; add assume: bt709, or what it is"
        )
    if theirs.trc in HDR and wanted.trc and wanted.trc not in HDR:
        raise ValueError(
            f"video.colour.transfer: the source is HDR ({theirs.trc}); add toneMap: hable"
        )


def _tone_mapped(chain: list[Filter], grade: Grade, now: Now, facts: VideoFacts, out: str) -> Now:
    """Light as it was, in the colours of the output; mapped; and as numbers again."""
    target = _over(SDR, replace(grade.wanted, trc=grade.wanted.trc or SDR.trc))
    before = replace(now, colour=_over(ASSUMED["pq"], now.colour))
    light = "gbrapf32le" if has_alpha(out) else "gbrpf32le"
    peak = min(max(facts.peak_nits or PEAK_NITS, PEAKS[0]), PEAKS[1])
    after = _stage(out)
    matrix, span = ("gbr", "pc") if is_rgb(after) else (target.matrix, target.range)
    words = [
        f"zscale={before.words}:t=linear:p={target.primaries}:m=gbr:r=pc:npl={WHITE_NITS}:{KERNEL}",
        f"format={light}",
        f"tonemap=tonemap={grade.tone_map}:desat=0:peak={peak / WHITE_NITS:g}",
        f"zscale=rin=pc:min=gbr:pin={target.primaries}:tin=linear:t={target.trc}"
        f":p={target.primaries}:m={matrix}:r={span}:{KERNEL}",
        f"format={after}",
        *(f"sidedata=mode=delete:type={each}" for each in LIGHT),
    ]
    chain.append(Filter("toneMap", ",".join(words)))
    return replace(now, colour=target, pixel_format=after)


def _looked_up(chain: list[Filter], path: str, now: Now) -> Now:
    """As red, green and blue, which a LUT speaks of."""
    rgb = "gbrap16le" if has_alpha(now.pixel_format) else "gbrp16le"
    words = [
        f"zscale={now.words}:m=gbr:r=pc:{KERNEL}",
        f"format={rgb}",
        f"lut3d=file={LUT}:interp=tetrahedral",
    ]
    chain.append(Filter("lut", ",".join(words), props=(Prop(LUT, path=path),)))
    return replace(now, pixel_format=rgb)


def _converted(chain: list[Filter], now: Now, target: Colour, out: str) -> Now:
    after = _stage(out)
    rgb = is_rgb(after)
    values = {
        "m": "gbr" if rgb else target.matrix,
        "r": "pc" if rgb else target.range or "tv",
        "p": target.primaries,
        "t": target.trc,
    }
    said = ":".join(f"{key}={value}" for key, value in values.items() if value)
    words = f"zscale={now.words}:{said}:{KERNEL},format={after}"
    chain.append(Filter("colour", words))
    return replace(now, colour=target, pixel_format=after)


def _stage(out: str) -> str:
    """Return the pixel format in which zscale hands over: it does not know them all."""
    if out.startswith("yuv"):
        return out
    return "gbrap16le" if has_alpha(out) else "gbrp16le" if is_rgb(out) else "yuv444p16le"
