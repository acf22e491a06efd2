"""Timecode: hours, minutes, seconds and frames, with and without dropped numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

WORDS = re.compile(r"(\d\d):([0-5]\d):([0-5]\d)([:;.])(\d\d)")
DROPPING = 30  #: drop-frame timecode needs a multiple of these numbers a second
SKIPPED = 2  #: numbers that are left out each minute but the tenth, for each 30 of a second
CAPTIONS_RATE = Fraction(30000, 1001)  #: of a file of closed captions, whatever the film's


@dataclass(frozen=True, slots=True, kw_only=True)
class Timecode:
    """What a frame is called."""

    hours: int
    minutes: int
    seconds: int
    frames: int
    drop: bool

    def __str__(self) -> str:
        mark = ";" if self.drop else ":"
        return f"{self.hours:02d}:{self.minutes:02d}:{self.seconds:02d}{mark}{self.frames:02d}"


def read(text: str) -> Timecode:
    """Return the timecode that `text` says.

    Raises ValueError for anything else.
    """
    hit = WORDS.fullmatch(text)
    if not hit:
        raise ValueError(f"{text!r} is no timecode; write it like 01:00:00:00")
    hours, minutes, seconds, frames = (int(hit[n]) for n in (1, 2, 3, 5))
    drop = hit[4] != ":"
    return Timecode(hours=hours, minutes=minutes, seconds=seconds, frames=frames, drop=drop)


def why_not(code: Timecode, rate: Fraction) -> str | None:
    """Return why no frame can be called so at `rate` frames a second; None: one can."""
    nominal = round(rate)
    if code.hours > 23:
        return f"{code}: a day has 24 hours"
    if code.frames >= nominal:
        return f"{code}: at {float(rate):.6g} frames a second the last number is {nominal - 1}"
    if not code.drop:
        return None
    if rate.denominator != 1001 or nominal % DROPPING:
        return f"{code}: drop-frame timecode is for 29.97 and 59.94; write : instead of ;"
    if code.minutes % 10 and not code.seconds and code.frames < _skipped(nominal):
        return f"{code}: drop-frame timecode leaves out this number; the next is {_next(code, _skipped(nominal))}"
    return None


def count(code: Timecode, rate: Fraction) -> int:
    """Return how many frames lie between 00:00:00:00 and the frame called so."""
    nominal = round(rate)
    minutes = code.hours * 60 + code.minutes
    found = (minutes * 60 + code.seconds) * nominal + code.frames
    return found - _skipped(nominal) * (minutes - minutes // 10) if code.drop else found


def seconds(code: Timecode, rate: Fraction) -> Fraction:
    """Return how long after 00:00:00:00 the frame called so is shown."""
    return count(code, rate) / rate


def name(number: int, rate: Fraction, *, drop: bool) -> Timecode:
    """Return what the frame `number` is called, counted from 00:00:00:00."""
    nominal = round(rate)
    if drop:
        skipped = _skipped(nominal)
        ten = 600 * nominal - 9 * skipped
        tens, rest = divmod(number, ten)
        more = max(0, (rest - 60 * nominal) // (60 * nominal - skipped) + 1)
        number += skipped * (9 * tens + more)
    whole, frames = divmod(number, nominal)
    minutes, secs = divmod(whole, 60)
    return Timecode(
        hours=minutes // 60, minutes=minutes % 60, seconds=secs, frames=frames, drop=drop
    )


def _skipped(nominal: int) -> int:
    return SKIPPED * nominal // DROPPING


def _next(code: Timecode, skipped: int) -> str:
    return f"{str(code)[:9]}{skipped:02d}"
