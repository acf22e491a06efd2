"""Frames by their numbers: ranges with a step, fractions of a frame, numbers below zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

DECIMALS_MAX = 3
"""A step is never finer than a thousandth of a frame."""

FRAMES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """Frames at equal distances: first, first + step, … up to last, which is one of them."""

    first: Fraction
    last: Fraction
    step: Fraction = Fraction(1)

    @property
    def count(self) -> int:
        """How many frames it has, at least 1."""
        return int((self.last - self.first) / self.step) + 1

    def frames(self) -> tuple[Fraction, ...]:
        """Return the number of each frame."""
        return tuple(self.first + self.step * index for index in range(self.count))

    def data(self) -> dict[str, str]:
        """Return it as JSON data, which `span_of` reads."""
        return {
            "first": frame_text(self.first),
            "last": frame_text(self.last),
            "step": frame_text(self.step),
        }


def span_of(data: Mapping[str, Any]) -> Span:
    """Return the span that `Span.data` wrote."""
    return Span(*(Fraction(str(data[key])) for key in ("first", "last", "step")))


def asked(frames: Mapping[str, Any]) -> Span:
    """Return what ``frames: {start, end, step}`` asks for; the end is included if a step hits it.

    Raises ValueError, for people, where there is no such range.
    """
    start, end, step = (
        _exact(key, frames.get(key, default))
        for key, default in (("start", 1), ("end", frames.get("start", 1)), ("step", 1))
    )
    if step <= 0:
        raise ValueError("step: is not above 0; frames are rendered from start to end")
    if end < start:
        raise ValueError(
            f"end: {frame_text(end)} is before start {frame_text(start)}; exchange them"
        )
    count = int((end - start) / step) + 1
    if count > FRAMES_MAX:
        raise ValueError(f"end: {count} frames, and {FRAMES_MAX} at most; make jobs of it")
    return Span(start, start + step * (count - 1), step)


def runs(frames: Sequence[Fraction], step: Fraction) -> tuple[Span, ...]:
    """Return the frames, which rise, as spans of `step`: a new one begins after each gap."""
    found: list[Span] = []
    begin = 0
    breaks = [at for at, (one, two) in enumerate(pairwise(frames), start=1) if two - one != step]
    for end in (*breaks, len(frames)) if frames else ():
        found.append(Span(frames[begin], frames[end - 1], step))
        begin = end
    return tuple(found)


def divided(span: Span, parts: int) -> tuple[Span, ...]:
    """Return `span` in so many parts, whose sizes differ by 1 at most; the last are the larger."""
    small, more = divmod(span.count, parts)
    sizes = [small] * (parts - more) + [small + 1] * more
    found, at = [], span.first
    for size in sizes:
        found.append(Span(at, at + span.step * (size - 1), span.step))
        at += span.step * size
    return tuple(found)


def segments(span: Span, frames_min: int) -> tuple[Span, ...]:
    """Return as many segments as have `frames_min` frames each, at least one (F-SEG-9)."""
    return divided(span, max(1, span.count // frames_min))


def cut(span: Span, frames: int) -> tuple[Span, ...]:
    """Return `span` in parts of so many frames each; the last has what is left."""
    found = []
    for start in range(0, span.count, frames):
        size = min(frames, span.count - start)
        first = span.first + span.step * start
        found.append(Span(first, first + span.step * (size - 1), span.step))
    return tuple(found)


def frame_text(number: Fraction) -> str:
    """Return a frame's number as people and programs write it: 12, -3, 1.5."""
    if number.denominator == 1:
        return str(number.numerator)
    return f"{float(number):.{DECIMALS_MAX}f}".rstrip("0")


def number(value: object) -> Fraction:
    """Return a number of a manifest as exactly as it was written."""
    return Fraction(str(value))


def _exact(key: str, value: object) -> Fraction:
    found = number(value)
    if (found * 10**DECIMALS_MAX).denominator != 1:
        raise ValueError(f"{key}: {value} has more than {DECIMALS_MAX} decimals; round it")
    return found
