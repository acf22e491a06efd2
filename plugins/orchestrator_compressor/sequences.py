"""Sequences of images: a pattern of names, the numbers in them, and ffmpeg's words for them.

Pure: both sides use it.  Names are ordered by their numbers, never as texts.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from orchestrator_compressor.table import Table

PLACE = re.compile(r"%(?:0(\d{1,2}))?d|(#+)")
RATE = re.compile(r"(\d{1,4})(?:\.(\d{1,3}))?|(\d{1,6})/(\d{1,6})")
RATE_MAX = 1000
DIGITS_MAX = 18
BROADCAST = Fraction(1000, 1001)  #: what 23.976, 29.97 and 59.94 stand for
NAMED_MAX = 8  #: gaps that a sentence names
KINDS: Mapping[str, frozenset[str]] = {
    "tiff": frozenset({".tif", ".tiff"}),
    "png": frozenset({".png"}),
    "exr": frozenset({".exr"}),
    "dpx": frozenset({".dpx"}),
    "jpeg": frozenset({".jpg", ".jpeg"}),
}
"""Kind of image -> endings of its files."""
CONTAINER = "sequence"  #: of a setting
DEMUXER = "image2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """The names of a sequence's files: ``a.%04d.exr`` or ``a.####.exr``."""

    folder: str
    prefix: str
    digits: int  #: at least
    suffix: str

    def name(self, number: int) -> str:
        """Return the name of a file."""
        return f"{self.prefix}{number:0{self.digits}d}{self.suffix}"

    def number(self, name: str) -> int | None:
        """Return the number in a name; None: it is none of these files."""
        if not name.startswith(self.prefix) or not name.endswith(self.suffix):
            return None
        digits = name[len(self.prefix) : len(name) - len(self.suffix)]
        if not digits.isascii() or not digits.isdigit() or len(digits) > DIGITS_MAX:
            return None
        number = int(digits)
        return number if self.name(number) == name else None

    def path(self, number: int) -> str:
        """Return the path of a file."""
        return posixpath.join(self.folder, self.name(number))

    @property
    def ending(self) -> str:
        """Return the ending of its files, with its dot."""
        return posixpath.splitext(f"0{self.suffix}")[1]

    @property
    def kind(self) -> str | None:
        """Return the kind of image, by the ending; None: none that is known."""
        ending = self.ending.lower()
        return next((kind for kind, endings in KINDS.items() if ending in endings), None)

    @property
    def words(self) -> str:
        """Return the whole path as ffmpeg reads patterns."""
        before = posixpath.join(self.folder, self.prefix).replace("%", "%%")
        return f"{before}%0{self.digits}d{self.suffix.replace('%', '%%')}"

    @property
    def stem(self) -> str:
        """Return what the sequence as a whole is called."""
        return (self.prefix.rstrip("._- ") or posixpath.basename(self.folder)) or "frames"


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The files of a sequence that are meant: so many from the first number on, without a gap."""

    first: int
    count: int
    rate: Fraction

    @property
    def table(self) -> Table:
        """Return their times: a grid of the rate, each a keyframe."""
        frames = tuple(range(self.count))
        return Table(tb=1 / self.rate, pts=frames, keys=frames, last_duration=1, number=self.first)


def pattern(path: str) -> Pattern | None:
    """Return the pattern that a path ends in; None: it is a file's."""
    folder, name = posixpath.split(path)
    places = list(PLACE.finditer(name))
    if not places:
        return None
    place = next((each for each in reversed(places) if each[0][0] == "%"), places[-1])
    digits = len(place[2]) if place[2] else int(place[1] or 1)
    if not 1 <= digits <= DIGITS_MAX:
        return None
    before, after = name[: place.start()], name[place.end() :]
    return Pattern(folder=folder, prefix=before, digits=digits, suffix=after)


def rate(value: object) -> Fraction | None:
    """Return frames a second as people write them: 24, 23.976, 24000/1001; None: it is no rate."""
    hit = RATE.fullmatch(str(value))
    if not hit:
        return None
    if hit[3]:
        found = Fraction(int(hit[3]), int(hit[4])) if int(hit[4]) else Fraction(0)
    else:
        found = Fraction(f"{hit[1]}.{hit[2] or 0}")
        near = round(found / BROADCAST) * BROADCAST
        if found.denominator != 1 and abs(near - found) < Fraction(1, 100):
            found = near
    return found if 0 < found <= RATE_MAX else None


def gaps(numbers: Iterable[int], first: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the last number of each hole in ``[first, end)``."""
    there = sorted(number for number in set(numbers) if first <= number < end)
    edges = [first - 1, *there, end]
    for a, b in pairwise(edges):
        if b - a > 1:
            yield a + 1, b - 1


def lacking(holes: Sequence[tuple[int, int]], digits: int) -> str:
    """Say which numbers are not there: ``0107, 0110-0112``."""
    texts = [
        f"{a:0{digits}d}" if a == b else f"{a:0{digits}d}-{b:0{digits}d}"
        for a, b in holes[:NAMED_MAX]
    ]
    more = len(holes) - NAMED_MAX
    return ", ".join(texts) + (f" and {more} holes more" if more > 0 else "")


def opened(path: str, rate: Fraction) -> list[str]:
    """Return a sequence as an input, of images and of nothing else (T04).

    Which file is the first one, `Table.seek` says: its words stand before these.
    """
    found = pattern(path)
    if found is None:
        raise ValueError(f"{path}: is no pattern of an image sequence")
    return [
        *("-f", DEMUXER, "-pattern_type", "sequence", "-start_number_range", "1"),
        *("-framerate", f"{rate.numerator}/{rate.denominator}"),
        *("-protocol_whitelist", "file", "-format_whitelist", DEMUXER),
        *("-i", f"file:{found.words}"),
    ]
