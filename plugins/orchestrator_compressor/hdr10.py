"""HDR10: what a display must be able to do, said in each keyframe of HEVC; of setting or source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from orchestrator_compressor.facts import Colour, VideoFacts

PRIMARIES, TRANSFER, MATRIX = "bt2020", "smpte2084", "bt2020nc"
SOURCE = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hdr10:
    """What is said of the display it was graded on; in x265's words."""

    master_display: str = ""  #: empty: nobody knows
    max_cll: str = ""  #: brightest pixel and brightest frame, in candela a square metre
    of_source: bool = False  #: a setting's: whatever the source says


def read(spec: object) -> Hdr10 | None:
    """Return what ``video.hdr10``, valid against the schema, says; None: nothing is wanted."""
    if spec is None:
        return None
    if spec == SOURCE:
        return Hdr10(of_source=True)
    named = cast("Mapping[str, str]", spec)
    return Hdr10(master_display=named["masterDisplay"], max_cll=named.get("maxCll", ""))


def settle(wanted: Hdr10 | None, colour: Colour, facts: VideoFacts, name: str) -> Hdr10 | None:
    """Return what the setting `name` makes the pictures say.

    :param colour: of the output's pictures, converted as the setting asks

    Raises ValueError, one sentence for people, for pictures that are no HDR10.
    """
    if wanted is None:
        return None
    pairs = ((colour.primaries, PRIMARIES), (colour.trc, TRANSFER), (colour.matrix, MATRIX))
    if alien := next((found for found, want in pairs if found not in {None, want}), None):
        raise ValueError(
            f"setting {name}: the pictures are no HDR10: they have {alien}, not {PRIMARIES} with "
            f"{TRANSFER} and {MATRIX}; remove video.hdr10"
        )
    if not wanted.of_source:
        return wanted
    if not facts.master_display or colour.trc != TRANSFER:
        raise ValueError(
            f"setting {name}: the source does not say what display it was graded on; "
            "say it in video.hdr10: {masterDisplay: …, maxCll: …}"
        )
    return Hdr10(master_display=facts.master_display, max_cll=facts.max_cll)


def coloured(colour: Colour, said: Hdr10 | None) -> Colour:
    """Return the colour of pictures in HDR10, named also where the source does not."""
    if said is None:
        return colour
    return replace(colour, primaries=PRIMARIES, trc=TRANSFER, matrix=MATRIX)


def params(said: Hdr10 | None) -> list[str]:
    """Return what x265 must be told; in band, so that it survives every container."""
    if said is None:
        return []
    words = ["hdr10=1:repeat-headers=1"]
    if said.master_display:
        words.append(f"master-display={said.master_display}")
    return [*words, f"max-cll={said.max_cll}"] if said.max_cll else words
