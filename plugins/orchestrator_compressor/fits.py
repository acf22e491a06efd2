"""What a codec and a container can take of pictures, and what of them cannot be cut."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from orchestrator_compressor import hardware
from orchestrator_compressor.codecs import MXF_RATES
from orchestrator_compressor.product import Picture, Product
from orchestrator_compressor.settings import Video

SHAPELESS = frozenset({("mxf", "dnxhr")})  #: container and codec that cannot say a pixel's shape


def check(product: Product, rate: Fraction | None) -> None:
    """Raise ValueError, one sentence for people, where pictures cannot be as they were settled.

    :param rate: exact, of pictures on a grid; None: they are on none
    """
    picture, setting = product.picture, product.setting
    if picture is None:
        return
    faults = (
        *_size(picture),
        *_rate(picture, setting.container, rate),
        *_shape(picture, setting.container),
    )
    for why in faults[:1]:
        raise ValueError(f"setting {setting.name}: {why}")


def why_whole(video: Video) -> str | None:
    """Return why an encoder's pictures are not cut, in half a sentence; None: they may be."""
    if video.name == "mpeg2" and video.rate.quality is None:
        return "its buffer (VBV) is that of the whole stream"
    return hardware.why_whole(video)


def _size(picture: Picture) -> Iterator[str]:
    limits, name = picture.video.codec.limits, picture.video.name
    size = f"{picture.width}x{picture.height}"
    if picture.width < limits.least[0] or picture.height < limits.least[1]:
        yield f"{name} needs {limits.least[0]}x{limits.least[1]} at least, not {size}"
    if picture.width % limits.step:
        yield (
            f"{name} needs a width that is a multiple of {limits.step}, not {size}; "
            "choose a size in video.size"
        )


def _rate(picture: Picture, container: str, rate: Fraction | None) -> Iterator[str]:
    known = picture.video.codec.limits.rates
    who = picture.video.name
    if container == "mxf":
        known, who = known & MXF_RATES or MXF_RATES, "mxf"
    if known and rate is None:
        yield f"{who} needs a constant frame rate, and the source has none; set video.frameRate"
    elif known and rate not in known:
        listed = ", ".join(f"{float(each):.6g}" for each in sorted(known))
        yield f"{who} cannot have {float(rate or 0):.6g} frames a second; it has {listed}"


def _shape(picture: Picture, container: str) -> Iterator[str]:
    codec, sar = picture.video.codec, picture.sar
    if sar == 1:
        return
    shape = sar * picture.width / picture.height
    if codec.limits.shapes and shape not in codec.limits.shapes:
        known = ", ".join(
            sorted(f"{each.numerator}:{each.denominator}" for each in codec.limits.shapes)
        )
        yield f"{picture.video.name} shows pixels that are not square as {known} only, not {shape}"
    if (container, picture.video.name) in SHAPELESS:
        yield f"{container} forgets that pixels of {picture.video.name} are not square"
