"""The size and shape of an output's pictures, and the filters that give them to it.

Crop, scale and bars, in this order.  All sizes are of pictures as they stand upright: ffmpeg turns
a source before the first filter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from orchestrator_compressor.chain import Filter
from orchestrator_compressor.facts import Colour, VideoFacts

SCALER = "bicubic+accurate_rnd+full_chroma_int"
SOURCE = "source"
BLACK = "black"
SHARED: Mapping[str, tuple[int, int]] = {
    **{"420": (2, 2), "422": (2, 1), "411": (4, 1), "410": (4, 4), "440": (1, 2)},
}
"""How colour is stored -> how many columns and lines share one value of it."""
ALSO_SHARED: Mapping[str, tuple[int, int]] = {
    **{"nv12": (2, 2), "nv21": (2, 2), "nv16": (2, 1), "nv20le": (2, 1)},
    **{"p010le": (2, 2), "p012le": (2, 2), "p016le": (2, 2), "p210le": (2, 1), "p216le": (2, 1)},
    **{"y210le": (2, 1), "yuyv422": (2, 1), "uyvy422": (2, 1), "yvyu422": (2, 1)},
}

Size = tuple[int, int]
Spec = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """The size of pictures, as stored, and the shape of a pixel."""

    width: int
    height: int
    sar: Fraction  #: width of a pixel by its height

    @property
    def shown(self) -> Fraction:
        """Width by height, as it is shown."""
        return self.sar * self.width / self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """Pixels that are taken away at each edge."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pad:
    """Bars around the picture."""

    to: Size | Fraction | None = None  #: a size as stored, a shape as shown; None: the exact size
    colour: str = BLACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a setting says of the size: ``size``, ``crop``, ``pad``, ``pixelAspect``."""

    fit: Size | None = None  #: at most, as shown; all three None: the source's size
    exact: Size | None = None  #: as stored
    percent: int | None = None
    crop: Crop | None = None
    pad: Pad | None = None
    pixel: Fraction | None = None  #: shape of a pixel; None: the source's


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the picture comes from and where it stands."""

    crop: Crop | None  #: None: all of the source
    kept: Geometry  #: what the crop leaves
    picture: Geometry  #: the same, scaled
    frame: Geometry  #: with bars: the output's
    x: int = 0  #: of the picture in the frame
    y: int = 0


def read(spec: Spec) -> Shape:
    """Return the shape that a setting's ``video``, valid against the schema, says."""
    size = spec.get("size", SOURCE)
    sizes = cast("Spec", {} if size == SOURCE else size)
    percent, crop, pad = sizes.get("percent"), spec.get("crop"), spec.get("pad")
    return Shape(
        fit=_size(sizes.get("fit")),
        exact=_size(sizes.get("exact")),
        percent=None if percent is None else int(str(percent)),
        crop=Crop(**cast("Mapping[str, int]", crop)) if crop else None,
        pad=_pad(cast("Spec", pad)) if pad is not None else None,
        pixel=_pixel(spec.get("pixelAspect"), exact="exact" in sizes),
    )


def faults(shape: Shape, codec: str, *, even: bool) -> Iterator[str]:
    """Yield what is wrong with a shape, whatever the source."""
    named = {"size.exact": shape.exact, "pad.to": shape.pad.to if shape.pad else None}
    for key, size in named.items():
        if even and isinstance(size, tuple) and any(each % 2 for each in size):
            yield f"video.{key}: {_text(size)} is odd, which {codec} cannot have; use even numbers"
    if shape.pad and shape.pad.to is None and not shape.exact:
        yield "video.pad: to what is not said; add to, or size: {exact: …}"


def upright(facts: VideoFacts) -> Geometry:
    """Return what a source is like once it is turned as it is shown."""
    if facts.is_turned:
        return Geometry(width=facts.height, height=facts.width, sar=1 / facts.sar)
    return Geometry(width=facts.width, height=facts.height, sar=facts.sar)


def settle(shape: Shape, facts: VideoFacts, *, even: bool, interlaced: bool = False) -> Layout:
    """Return the size of an output's pictures, and how they get it.

    :param even: the codec takes no odd numbers
    :param interlaced: the pictures still have two fields when they are cropped

    Raises ValueError, one sentence for people, where the source is too small for it.
    """
    crop, whole = shape.crop, upright(facts)
    if crop:
        _check_crop(crop, whole, _step(facts, interlaced=interlaced))
    kept = _cropped(crop, whole)
    sar = shape.pixel or kept.sar
    width, height = _scaled(shape, kept, sar, even=even)
    picture = Geometry(width=width, height=height, sar=sar)
    if not shape.pad:
        return Layout(crop=crop, kept=kept, picture=picture, frame=picture)
    frame = _padded(shape, picture, even=even)
    if frame.width < width or frame.height < height:
        raise ValueError(
            f"video.pad.to: {frame.width}x{frame.height} is smaller than the picture, {width}x"
            f"{height}; make it larger, or choose a smaller size"
        )
    x, y = (frame.width - width) // 2, (frame.height - height) // 2
    lines = 4 if interlaced else 2  # the first line of a picture stays the first of its field
    return Layout(
        crop=crop, kept=kept, picture=picture, frame=frame, x=x // 2 * 2, y=y // lines * lines
    )


def cropping(layout: Layout) -> tuple[Filter, ...]:
    """Return the filter that takes the edges away, if any."""
    if not layout.crop:
        return ()
    kept, crop = layout.kept, layout.crop
    return (Filter("crop", f"crop=w={kept.width}:h={kept.height}:x={crop.left}:y={crop.top}"),)


def padding(layout: Layout, shape: Shape) -> tuple[Filter, ...]:
    """Return the filter that puts bars around the picture, if any."""
    frame = layout.frame
    if not shape.pad or frame == layout.picture:
        return ()
    colour = shape.pad.colour
    place = f"x={layout.x}:y={layout.y}"
    size = f"w={frame.width}:h={frame.height}"
    return (Filter("pad", f"pad={size}:{place}:color={colour.replace('#', '0x')}"),)


def scale(ours: Geometry, colour: Colour, *, from_rgb: bool, interlaced: bool) -> Filter:
    """Return the filter that gives pictures their size, range and matrix."""
    words = f"scale=w={ours.width}:h={ours.height}:flags={SCALER}"
    if colour.range:
        words += f":out_range={colour.range}"
    if from_rgb:
        words += f":out_color_matrix={colour.matrix}"
    return Filter("scale", words + (":interl=1" if interlaced else ""))


def shared(pixel_format: str) -> Size:
    """Return how many columns and lines of a pixel format share one value of colour."""
    found = re.match(r"yuvj?a?(\d{3})p", pixel_format)
    if found:
        return SHARED.get(found[1], (1, 1))
    return ALSO_SHARED.get(pixel_format.removesuffix("be"), (1, 1))


def _size(value: object) -> Size | None:
    if value is None:
        return None
    width, height = cast("list[int]", value)
    return int(width), int(height)


def _pad(spec: Spec) -> Pad:
    to = spec.get("to")
    size = Fraction(to) if isinstance(to, str) else _size(to)
    return Pad(to=size, colour=str(spec.get("colour", BLACK)))


def _pixel(value: object, *, exact: bool) -> Fraction | None:
    if value is None:
        return Fraction(1) if exact else None
    if value == SOURCE:
        return None
    return Fraction(1) if value == "square" else Fraction(str(value))


def _cropped(crop: Crop | None, whole: Geometry) -> Geometry:
    if not crop:
        return whole
    width = whole.width - crop.left - crop.right
    return Geometry(width=width, height=whole.height - crop.top - crop.bottom, sar=whole.sar)


def _check_crop(crop: Crop, whole: Geometry, step: Size) -> None:
    """Refuse to guess: ffmpeg would move an edge that stands between two values of colour."""
    for name, taken, size in (
        ("width", crop.left + crop.right, whole.width),
        ("height", crop.top + crop.bottom, whole.height),
    ):
        if taken >= size:
            raise ValueError(
                f"video.crop: it takes {taken} of {size} pixels of the {name}; nothing is left"
            )
    for name, taken, least in (
        ("left", crop.left, step[0]),
        ("top", crop.top, step[1]),
        ("bottom", whole.height - crop.bottom if step[1] > 2 else 0, step[1]),
    ):
        if taken % least:
            raise ValueError(
                f"video.crop.{name}: the source stores colour and fields for {least} pixels "
                f"together; take away a multiple of {least}"
            )


def _step(facts: VideoFacts, *, interlaced: bool) -> Size:
    columns, lines = shared(facts.pixel_format)
    if facts.is_turned:
        columns, lines = lines, columns
    return columns, lines * 2 if interlaced else lines


def _scaled(shape: Shape, kept: Geometry, sar: Fraction, *, even: bool) -> Size:
    """Return the size, as stored, of the picture without bars."""
    if shape.exact and not (shape.pad and shape.pad.to is None):
        return shape.exact
    factor, box = _factor(shape, kept, sar)
    width, height = kept.width * kept.sar * factor / sar, kept.height * factor
    if sar == kept.sar and factor <= 1:
        box = min(box[0], kept.width), box[1]
    if factor <= 1:
        box = box[0], min(box[1], kept.height)
    return _whole(width, box[0], even=even), _whole(height, box[1], even=even)


def _factor(shape: Shape, kept: Geometry, sar: Fraction) -> tuple[Fraction, Size]:
    """Return by how much the picture grows as it is shown, and what it may not exceed, as stored."""
    shown = kept.width * kept.sar
    if shape.exact:
        width, height = shape.exact
        return min(width * sar / shown, Fraction(height, kept.height)), shape.exact
    if shape.fit:
        width, height = shape.fit
        factor = min(Fraction(1), Fraction(width) / shown, Fraction(height, kept.height))
        return factor, (max(1, math.floor(width / sar)), height)
    factor = Fraction(shape.percent or 100, 100)
    return factor, (math.ceil(shown * factor / sar) + 1, math.ceil(kept.height * factor) + 1)


def _whole(value: Fraction, most: int, *, even: bool) -> int:
    unit = 2 if even else 1
    return max(unit, min(round(value / unit), most // unit) * unit)


def _padded(shape: Shape, picture: Geometry, *, even: bool) -> Geometry:
    to = shape.pad.to if shape.pad else None
    width, height, sar = picture.width, picture.height, picture.sar
    if to is None or isinstance(to, tuple):
        width, height = to or shape.exact or (width, height)
    elif picture.shown < to:
        width = _up(height * to / sar, even=even)
    else:
        height = _up(width * sar / to, even=even)
    return Geometry(width=width, height=height, sar=sar)


def _up(value: Fraction, *, even: bool) -> int:
    return math.ceil(value / 2) * 2 if even else math.ceil(value)


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
