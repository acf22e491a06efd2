"""What a node must find in the files it made; what is None there is not compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator_compressor import streams
from orchestrator_compressor.beside import CARRIERS
from orchestrator_compressor.codecs import MOV_LIKE, decoded_as
from orchestrator_compressor.facts import AudioFacts, Source
from orchestrator_compressor.finish import TAGS
from orchestrator_compressor.product import Picture, Product, Sound

WHOLE_PIXELS = (".mkv", ".webm")
"""Endings of files that keep the width as shown in whole pixels: shapes of pixels get rounded."""

CLOCKLESS = frozenset({"mp3", "ac3", "eac3"})
"""Containers that have one track and no clock: where it begins they cannot say."""


def picture(planned: Picture, name: str) -> dict[str, object]:
    """Return what the headers of the file `name` must say of its pictures."""
    colour, sar, codec = planned.colour, planned.sar, planned.video.codec
    exact = not name.endswith(WHOLE_PIXELS) or (sar * planned.width).denominator == 1
    return {
        "codec": codec.codec,
        "width": planned.width,
        "height": planned.height,
        "pix_fmt": decoded_as(codec, planned.pixel_format, colour.range),
        "sar": f"{sar.numerator}/{sar.denominator}" if exact else None,
        # containers name the order of fields in ways of their own; progressive is one word
        "field_order": None if planned.first_field else "progressive",
        "interlaced": True
        if planned.first_field
        else None,  # the frames say it, whatever headers do
        "range": "pc" if colour.range == "pc" else None,  # the other is what silence means
        "primaries": colour.primaries,
        "trc": colour.trc,
        "matrix": colour.matrix,
        "intra": codec.intra,
    }


def tags(product: Product, rate: str | None) -> dict[str, object]:
    """Return what a finished file says beyond its pictures: tag, timecode, its rate if it has one.

    Its pictures stand upright: they were turned when they were encoded.
    """
    setting = product.setting
    tag = TAGS.get(setting.video.name) if setting.video else None
    said: dict[str, object] = {"rotation": 0, "timecode": product.others.timecode}
    said |= {"tag": tag} if tag and setting.container in MOV_LIKE else {}
    return said | ({"rate": rate} if rate else {})


def listed(product: Product) -> list[str]:
    """Return the streams of the finished file, in its order: type, codec, and language if known.

    Those of chapters and timecode are not among them; they are judged by what they say.
    """
    others, container = product.others, product.setting.container
    found: list[tuple[str, ...]] = []
    if product.picture:
        found.append(("video", product.picture.video.codec.codec))
    found += [
        ("audio", heard.codec, streams.language(container, heard.language))
        for heard in product.heard
    ]
    found += [("subtitle", each.codec, each.language) for each in others.subtitles]
    found += [("attachment",)] * others.attachments
    found += [("attached", each.codec) for each in others.covers]
    return [" ".join(filter(None, each)) for each in found]


def captions(product: Product, source: Source) -> bool:
    """Return whether closed captions must stand in the pictures; in a part of them nobody knows."""
    theirs, setting = source.video, product.setting
    if source.span:
        return False
    return bool(theirs and theirs.captions and setting.video and setting.video.name in CARRIERS)


def sounds(
    product: Product, encoded: Sequence[Mapping[str, object]] = ()
) -> list[dict[str, object]]:
    """Return what each track of sound must be.

    :param encoded: what the audio task counted, padding and all; nothing before it is done
    """
    counted = (*encoded, *({},) * len(product.heard))
    return [
        _sound(product, heard, found) for heard, found in zip(product.heard, counted, strict=False)
    ]


def _sound(
    product: Product, heard: Sound | AudioFacts, encoded: Mapping[str, object]
) -> dict[str, object]:
    ours = heard if isinstance(heard, Sound) else None
    is_told = product.picture or product.setting.container not in CLOCKLESS
    facts = {
        "codec": heard.codec,
        "rate": heard.rate,
        "channels": heard.channels,
        "samples": encoded.get("samples", ours.samples if ours else None),
        "start": str(heard.start - product.zero) if is_told else None,
    }
    if ours:
        facts |= {"slack": ours.slack, "priming": ours.audio.codec.priming}
    return facts
