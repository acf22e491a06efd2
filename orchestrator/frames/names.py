"""Names of frames: ``beauty.####.exr``, ``beauty.%04d.exr`` or ``beauty.{frame}.exr``."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from fractions import Fraction

PLACE = re.compile(r"#+|@+|%0?(\d{0,2})d|\{frame\}")
DIGITS_DEFAULT = 4  #: of ``{frame}``
DIGITS_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """The names of a sequence's files; a number has so many digits at least."""

    folder: str
    prefix: str
    digits: int
    suffix: str
    decimals: int = 0  #: of frames between frames: ``0001.50``

    def name(self, frame: Fraction) -> str:
        """Return the name of a frame's file: padded, a minus before the digits."""
        return f"{self.prefix}{self.number(frame)}{self.suffix}"

    def number(self, frame: Fraction) -> str:
        """Return a frame's number as it stands in names: 0012, -0003, 0001.50."""
        scaled = abs(frame) * 10**self.decimals
        whole, part = divmod(int(scaled), 10**self.decimals)
        sign = "-" if frame < 0 else ""
        behind = f".{part:0{self.decimals}d}" if self.decimals else ""
        return f"{sign}{whole:0{self.digits}d}{behind}"

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


def pattern(path: str) -> Pattern | None:
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


def decimals_of(step: Fraction, start: Fraction) -> int:
    """Return how many decimals tell the frames of a range apart: 0, or 1 to 3."""
    for decimals in range(4):
        scale = 10**decimals
        if (step * scale).denominator == (start * scale).denominator == 1:
            return decimals
    return 3
