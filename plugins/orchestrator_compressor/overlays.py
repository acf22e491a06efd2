"""What is drawn on the pictures: a watermark, a line of text, the timecode of each frame.

All of it is right in a segment without a word about segments: an image and a text are the same in
every frame, and the timecode follows from the time that a frame has in the source, never from a
count of frames.  What a person writes stands in a file; ffmpeg's words only name that file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from orchestrator_compressor import colour as colours
from orchestrator_compressor.chain import Filter, Prop
from orchestrator_compressor.codecs import is_rgb
from orchestrator_compressor.facts import Colour
from orchestrator_compressor.geometry import SCALER, Geometry

SOURCE = "source"
ZERO = "00:00:00:00"
DROPPING = 30  #: drop-frame timecode needs a multiple of these frames a second
IMAGES: Mapping[str, str] = {".png": "png_pipe", ".jpg": "jpeg_pipe", ".jpeg": "jpeg_pipe"}
"""Ending of an image -> the one demuxer that may open it: it reads no other file (T04)."""

EARLY_S = 10**7  #: so long before anything else an image begins: no frame is without it
POSITIONS = frozenset(
    {
        *("top-left", "top", "top-right", "left", "centre", "right"),
        *("bottom-left", "bottom", "bottom-right"),
    }
)
BOX = "black@0.5"
FONT_MIN = 6  #: pixels
BOX_BORDER = 4  #: of a box, as a part of the size of its text

Spec = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where something stands."""

    position: str
    margin: float  #: from the edges, percent of the picture's height


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """An image on every frame."""

    image: str
    spot: Spot
    opacity: float = 1.0
    size: float | None = None  #: percent of the picture's width; None: as large as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """How letters look, and what they say."""

    text: str
    spot: Spot
    size: float  #: percent of the picture's height
    colour: str
    box: bool
    font: str | None = None  #: path; None: the one that comes with us


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlays:
    """What a setting has drawn: ``watermark``, ``text``, ``timecodeBurnIn``."""

    watermark: Watermark | None = None
    text: Text | None = None
    timecode: Text | None = None  #: its text is the start: ``source``, or a timecode

    @property
    def is_empty(self) -> bool:
        """Whether nothing is drawn."""
        return not (self.watermark or self.text or self.timecode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """What is drawn on."""

    frame: Geometry
    pixel_format: str
    colour: Colour
    start: Fraction  #: of the first frame, in seconds of the source's clock
    rate: Fraction | None  #: frames a second that timecode counts; None: unknown
    timecode: str | None  #: of the first frame, as the source says it


def read(spec: Spec) -> Overlays:
    """Return what a setting's ``video``, valid against the schema, has drawn."""
    watermark, text, burn = (spec.get(key) for key in ("watermark", "text", "timecodeBurnIn"))
    return Overlays(
        watermark=_watermark(cast("Spec", watermark)) if watermark else None,
        text=_text(cast("Spec", text), "text", "bottom", box=False) if text else None,
        timecode=_text(cast("Spec", burn), "start", "top", box=True) if burn is not None else None,
    )


def files(overlays: Overlays) -> Iterator[tuple[str, str]]:
    """Yield the kind and the path of each file that is read."""
    if overlays.watermark:
        yield "image", overlays.watermark.image
    for each in (overlays.text, overlays.timecode):
        if each and each.font:
            yield "font", each.font


def needed(overlays: Overlays) -> tuple[str, ...]:
    """Return the filters that draw and that not every ffmpeg has."""
    return ("drawtext",) if overlays.text or overlays.timecode else ()


def settle(overlays: Overlays, canvas: Canvas) -> tuple[tuple[Filter, ...], tuple[str, ...]]:
    """Return the filters that draw, and what a person should know.

    Raises ValueError, one sentence for people, where a timecode cannot be counted.
    """
    if overlays.is_empty:
        return (), ()
    chain = [Filter("format", f"format={canvas.pixel_format}")]
    notes: tuple[str, ...] = ()
    if overlays.watermark:
        chain.append(_marked(overlays.watermark, canvas))
    if overlays.text:
        chain.append(_lettered("text", overlays.text, overlays.text.text, canvas, "none"))
    if burn := overlays.timecode:
        start = burn.text
        if start == SOURCE:
            start = canvas.timecode or ZERO
            if not canvas.timecode:
                notes = (f"the source has no timecode; what is burned in begins at {ZERO}",)
        words = counted(start, canvas.start, canvas.rate)
        chain.append(_lettered("timecode", burn, words, canvas, "normal"))
    return tuple(chain), notes


def counted(start: str, zero: Fraction, rate: Fraction | None) -> str:
    """Return the timecode of any frame, in the words of drawtext, from the time it has.

    :param start: timecode of the frame at `zero` seconds; drop-frame where ``;`` or ``.`` stands in it
    :param rate: frames a second

    Raises ValueError where no timecode can be counted at this rate.
    """
    if rate is None:
        raise ValueError("video.timecodeBurnIn: the frame rate of the source is unknown")
    whole, drops = round(rate), start[8] != ":"
    if drops and whole % DROPPING:
        raise ValueError(
            f"video.timecodeBurnIn: {start} is drop-frame, which {float(rate):g} frames a second "
            "cannot have; write a colon before the frames"
        )
    hours, minutes, seconds, frames = map(int, re.findall(r"\d\d", start))
    if frames >= whole:
        raise ValueError(f"video.timecodeBurnIn: {start}: a second has {whole} frames only")
    lost = whole // 15 if drops else 0  # numbers that are left out each minute, but the tenth
    clock = (hours * 60 + minutes) * 60 + seconds
    first = clock * whole + frames - lost * (clock // 60 - clock // 600)
    day = 24 * 3600 * whole - lost * (24 * 60 - 24 * 6)
    # a quarter of a frame: for times that are rounded; both fields of a frame are the same number
    passed = (
        f"floor((t-{zero.numerator}/{zero.denominator})*{rate.numerator}/{rate.denominator}+0.25)"
    )
    number = f"mod({first}+{passed},{day})"
    if drops:
        ten, one = 600 * whole - 9 * lost, 60 * whole - lost
        number = (
            f"({number}+{9 * lost}*floor({number}/{ten})"
            f"+{lost}*floor(max(0,mod({number},{ten})-{lost})/{one}))"
        )
    parts = (
        f"floor({number}/{3600 * whole})",
        f"mod(floor({number}/{60 * whole}),60)",
        f"mod(floor({number}/{whole}),60)",
        f"mod({number},{whole})",
    )
    hh, mm, ss, ff = (f"%{{eif:{part}:d:2}}" for part in parts)
    return f"{hh}:{mm}:{ss}{start[8]}{ff}"


def _spot(spec: Spec, position: str) -> Spot:
    return Spot(
        position=str(spec.get("position", position)), margin=float(str(spec.get("margin", 4)))
    )


def _watermark(spec: Spec) -> Watermark:
    size = spec.get("size")
    return Watermark(
        image=str(spec["image"]),
        spot=_spot(spec, "bottom-right"),
        opacity=float(str(spec.get("opacity", 1))),
        size=None if size is None else float(str(size)),
    )


def _text(spec: Spec, key: str, position: str, *, box: bool) -> Text:
    font = spec.get("font")
    return Text(
        text=str(spec.get(key, SOURCE)),
        spot=_spot(spec, position),
        size=float(str(spec.get("size", 6))),
        colour=str(spec.get("colour", "white")).replace("#", "0x"),
        box=bool(spec.get("box", box)),
        font=None if font is None else str(font),
    )


def _marked(mark: Watermark, canvas: Canvas) -> Filter:
    frame, colour = canvas.frame, canvas.colour
    ending = mark.image[mark.image.rindex(".") :].lower()
    name = f"watermark{ending}"
    wide = f"iw/({_ratio(frame.sar)})"
    if mark.size is not None:
        wide = str(max(1, round(frame.width * mark.size / 100)))
    surface, drawn = _surface(canvas.pixel_format)
    said = "null" if is_rgb(drawn) else colours.tags(colour)
    size = f"w={wide}:h=ow*({_ratio(frame.sar)})*ih/iw:flags={SCALER}"
    if not is_rgb(drawn):
        size += f":out_range={colour.range or 'tv'}"
        size += f":out_color_matrix={colour.matrix or colours.presumed(frame.height)}"
    words = [
        f"{said}[pictures];movie=filename={name}:format_name={IMAGES[ending]}",
        "format=rgba",
        f"colorchannelmixer=aa={mark.opacity:g}",
        f"scale={size}",
        f"format={drawn}",
        said,  # as the pictures: ffmpeg would convert one of the two, and may take the pictures
        f"setpts=PTS-{EARLY_S}/TB[mark]",
    ]
    x, y = _place(mark.spot, frame, ("main_w", "overlay_w"), ("main_h", "overlay_h"))
    over = f"[pictures][mark]overlay=x={x}:y={y}:format={surface}:alpha=straight"
    tail = f"{over},format={canvas.pixel_format}"
    return Filter("watermark", ";".join((",".join(words), tail)), props=(Prop(name, mark.image),))


def _lettered(kind: str, text: Text, words: str, canvas: Canvas, expansion: str) -> Filter:
    """Return drawtext with all that a person wrote in files of fixed names."""
    frame = canvas.frame
    size = max(FONT_MIN, round(frame.height * text.size / 100))
    x, y = _place(text.spot, frame, ("w", "text_w"), ("h", "text_h"))
    font, file = f"{kind}.ttf", f"{kind}.txt"
    options = [
        f"fontfile={font}:textfile={file}:expansion={expansion}:y_align=font",
        f"fontsize={size}:fontcolor={text.colour}:x={x}:y={y}",
    ]
    if text.box:
        options.append(f"box=1:boxcolor={BOX}:boxborderw={max(1, size // BOX_BORDER)}")
    props = (Prop(font, path=text.font or ""), Prop(file, text=words))
    return Filter(kind, f"drawtext={':'.join(options)}", props=props)


def _place(spot: Spot, frame: Geometry, wide: tuple[str, str], high: tuple[str, str]) -> list[str]:
    """Return where the left and the upper edge are, in the words of a filter."""
    margin = frame.height * spot.margin / 100
    found = []
    for near, far, (whole, part), edge in (
        ("left", "right", wide, round(margin / frame.sar)),
        ("top", "bottom", high, round(margin)),
    ):
        if near in spot.position:
            found.append(str(edge))
        elif far in spot.position:
            found.append(f"{whole}-{part}-{edge}")
        else:
            found.append(f"({whole}-{part})/2")
    return found


def _surface(pixel_format: str) -> tuple[str, str]:
    """Return how an image is laid over pictures, and the pixel format it has then."""
    if is_rgb(pixel_format):
        return "rgb", "rgba"
    deep = bool(re.search(r"(9|10|12|14|16)le$", pixel_format))
    for name in ("420", "422"):
        if name in pixel_format:
            return (f"yuv{name}p10", f"yuva{name}p10le") if deep else (f"yuv{name}", f"yuva{name}p")
    return ("yuv444p10", "yuva444p10le") if deep else ("yuv444", "yuva444p")


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
