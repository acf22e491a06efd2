"""share: share a target rate out over the parts of a film, by what the first pass found of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from orchestrator_compressor import rates
from orchestrator_compressor.rates import Weight
from orchestrator_compressor.work.attempt import ask


@dataclass(frozen=True, slots=True)
class Share:
    """What is asked."""

    bits: Sequence[int]  #: that the first pass took, of each part
    seconds: Sequence[str]  #: that each part lasts
    average: int  #: bits a second
    maximum: int | None = None


def run(words: list[str]) -> dict[str, object]:
    """Return the scale from bits found to bits given, and the highest rate that a part has then."""
    wanted = ask(Share)
    parts = [
        Weight(bits, Fraction(seconds))
        for bits, seconds in zip(wanted.bits, wanted.seconds, strict=True)
    ]
    scale = rates.share(parts, wanted.average, wanted.maximum)
    return {
        "scale": str(scale),
        "peak": max(rates.shared(part, scale, wanted.maximum) for part in parts),
    }
