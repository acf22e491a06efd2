"""Names of frames: ``beauty.####.exr``, ``beauty.%04d.exr`` or ``beauty.{frame}.exr``."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

from orchestrator.frames.spans import Span, span_of

PLACE = re.compile(r"#+|@+|%0?(\d{0,2})d|\{frame\}")
DIGITS_DEFAULT = 4  #: of ``{frame}``
DIGITS_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """The names of a sequence's files; a number has so many digits at least."""

    folder: str
    prefix: str
    digits: int  #: 0: there is no number, it is one file
    suffix: str
    decimals: int = 0  #: of frames between frames: ``0001.50``

    def name(self, frame: Fraction) -> str:
        """Return the name of a frame's file: padded, a minus before the digits."""
        return f"{self.prefix}{self.number(frame) if self.digits else ''}{self.suffix}"

    def number(self, frame: Fraction) -> str:
        """Return a frame's number as it stands in names: 0012, -0003, 0001.50."""
        scaled = abs(frame) * 10**self.decimals
        whole, part = divmod(int(scaled), 10**self.decimals)
        sign = "-" if frame < 0 else ""
        behind = f".{part:0{self.decimals}d}" if self.decimals else ""
        return f"{sign}{whole:0{self.digits or 1}d}{behind}"

    def path(self, frame: Fraction) -> str:
        """Return the path of a frame's file."""
        return posixpath.join(self.folder, self.name(frame))

    @property
    def ending(self) -> str:
        """Return the ending of its files, with its dot; empty: they have none."""
        return posixpath.splitext(f"0{self.suffix}")[1]

    @property
    def words(self) -> str:
        """Return the pattern as people write it, with ``#`` for digits."""
        return posixpath.join(self.folder, f"{self.prefix}{'#' * self.digits}{self.suffix}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """All frames of a job, as they are called where people want them."""

    pattern: Pattern
    span: Span
    number_from: int | None = None  #: numbers of files rise by 1 from here; None: the frames' own

    def name(self, frame: Fraction) -> str:
        """Return the name of a frame's file."""
        if self.number_from is None:
            return self.pattern.name(frame)
        index = (frame - self.span.first) / self.span.step
        return replace(self.pattern, decimals=0).name(self.number_from + index)

    def path(self, frame: Fraction) -> str:
        """Return the path of a frame's file."""
        return posixpath.join(self.pattern.folder, self.name(frame))

    def number(self, frame: Fraction) -> str:
        """Return a frame's number as people know it, whatever its file is called."""
        return self.pattern.number(frame)

    def data(self) -> dict[str, object]:
        """Return it as JSON data, which `sequence_of` reads."""
        return {
            "pattern": asdict(self.pattern),
            "span": self.span.data(),
            "number_from": self.number_from,
        }


def sequence_of(data: Mapping[str, Any]) -> Sequence:
    """Return the sequence that `Sequence.data` wrote."""
    return Sequence(
        pattern=Pattern(**data["pattern"]),
        span=span_of(data["span"]),
        number_from=data["number_from"],
    )


def frame_pattern(path: str) -> Pattern | None:
    """Return the pattern that a path ends in, by the last place in its name; None: it has none."""
    folder, name = posixpath.split(path)
    places = list(PLACE.finditer(name))
    if not places:
        return None
    place = places[-1]
    if place[0] == "{frame}":
        digits = DIGITS_DEFAULT
    else:
        digits = len(place[0]) if place[0][0] in "#@" else int(place[1] or 1)
    if not 1 <= digits <= DIGITS_MAX:
        return None
    before, after = name[: place.start()], name[place.end() :]
    return Pattern(folder=folder, prefix=before, digits=digits, suffix=after)


def single(path: str) -> Pattern:
    """Return the pattern of one file, which has no number."""
    folder, name = posixpath.split(path)
    stem, ending = posixpath.splitext(name)
    return Pattern(folder=folder, prefix=stem, digits=0, suffix=ending)


def decimals_of(step: Fraction, start: Fraction) -> int:
    """Return how many decimals tell the frames of a range apart: 0, or 1 to 3."""
    for decimals in range(4):
        scale = 10**decimals
        if (step * scale).denominator == (start * scale).denominator == 1:
            return decimals
    return 3
