"""A part of a source: in and out points, as people write them and as whole frames.

The probe resolves them, because it alone has the table of times; everything after it works on the
part as if it were the whole source.  Only seeking still goes by all of its keyframes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from orchestrator_compressor import timecode as codes
from orchestrator_compressor.marks import Chapter, Cue, Marks, nanoseconds
from orchestrator_compressor.table import Table, ratio, sliced

CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2}(?:\.\d{1,9})?)")
SECONDS = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")
FRAMES = re.compile(r"(\d{1,9})f")
POINT = re.compile(r"(\d{2}):([0-5]\d):([0-5]\d)([:;])(\d{2})")  #: with a dot it is a clock's
SLACK = Fraction(1, 2000)  #: people, and Matroska, write times in milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The part of a source that is encoded."""

    first: int = 0  #: frame
    end: int | None = None  #: the first frame after it; None: the source has no pictures
    start: Fraction  #: of its first frame, in seconds of the source's clock
    stop: Fraction | None = None  #: when it ends, on that clock; None: with the source

    def dump(self) -> dict[str, object]:
        """Return it as JSON data, for a probe's result."""
        stop = None if self.stop is None else str(self.stop)
        return {"first": self.first, "end": self.end, "start": str(self.start), "stop": stop}

    @classmethod
    def load(cls, data: Mapping[str, object]) -> Span:
        """Return the span that `dump` wrote; ValueError for anything else."""
        end, stop = data["end"], data["stop"]
        return cls(
            first=int(str(data["first"])),
            end=None if end is None else int(str(end)),
            start=ratio(str(data["start"])),
            stop=None if stop is None else ratio(str(stop)),
        )

    @property
    def words(self) -> dict[str, str]:
        """Return it as `table.output` wants it."""
        return {} if self.end is None else {"first": str(self.first), "end": str(self.end)}

    def of(self, table: Table) -> Table:
        """Return the part of a source's table that is within."""
        return table if self.end is None else sliced(table, self.first, self.end)


def fault(text: str) -> str | None:
    """Return what is wrong with how a point is written; None: nothing."""
    if any(form.fullmatch(text) for form in (CLOCK, SECONDS, FRAMES, POINT)):
        return None
    return "is no time; write 00:00:10.5, 10.5s, 250f (frames), or a timecode, 01:00:10:00"


def resolve(
    points: tuple[str | None, str | None],
    table: Table,
    *,
    rate: Fraction | None,
    timecode: str | None,
) -> Span | None:
    """Return the frames from the in point to the one before the out point; None: no point is set.

    Times count from the first frame: a frame is within if ``in <= its time < out``.

    :param rate: of the pictures; None where they stand on no grid
    :param timecode: of the first frame
    Raises ValueError, half a sentence, for a point that is not in the source.
    """
    begin, until = points
    if begin is None and until is None:
        return None
    count = len(table.pts)
    if not table.is_rising:
        raise ValueError(
            "in and out need rising times, and those of its frames do not; remove them"
        )
    clock = _Clock(table=table, rate=rate, timecode=timecode)
    first = 0 if begin is None else clock.frame("in", begin)
    end = count if until is None else clock.frame("out", until)
    if first >= count:
        raise ValueError(f"in: {begin} is after its end, {_length(table)}; choose an earlier one")
    if end > count:
        raise ValueError(f"out: {until} is after its end, {_length(table)}; leave it out")
    if end <= first:
        raise ValueError(f"no frame is from {begin or 'its start'} to {until}; let out be later")
    return Span(
        first=first,
        end=end,
        start=table.pts[first] * table.tb,
        stop=None if until is None else _end(table, end),
    )


def at(point: str, table: Table, rate: Fraction | None) -> int:
    """Return the frame of one point; ValueError, half a sentence, if it cannot be counted."""
    return _Clock(table=table, rate=rate, timecode=None).frame("in or out", point)


def heard(
    points: tuple[str | None, str | None], start: Fraction, stop: Fraction | None
) -> Span | None:
    """Return the same for a source without pictures, whose sound is from `start` to `stop`."""
    begin, until = (None if point is None else _plain(point) for point in points)
    if begin is None and until is None:
        return None
    if stop is not None and begin is not None and start + begin >= stop:
        raise ValueError(f"in: {points[0]} is after its end; choose an earlier one")
    if stop is not None and until is not None and start + until > stop + SLACK:
        raise ValueError(f"out: {points[1]} is after its end; leave it out")
    if until is not None and until <= (begin or 0):
        raise ValueError(f"nothing is from {points[0] or 'its start'} to {points[1]}; mend one")
    return Span(start=start + (begin or 0), stop=None if until is None else start + until)


def clipped(marks: Marks, span: Span) -> Marks:
    """Return the cues and chapters that are shown within a span, as far as they are within."""
    start = nanoseconds(span.start)
    stop = None if span.stop is None else nanoseconds(span.stop)
    cues = {n: tuple(within(each, start, stop)) for n, each in marks.cues.items()}
    return Marks(
        cues={n: each for n, each in cues.items() if each},
        chapters=tuple(_chapters(marks.chapters, start, stop)),
    )


def within(cues: Iterable[Cue], start: int, stop: int | None) -> Iterator[Cue]:
    """Yield the cues that are shown from `start` to `stop`, in nanoseconds, cut to these.

    One that does not tell its end counts by its beginning.
    """
    for cue in cues:
        late = stop is not None and cue.start >= stop
        early = cue.start < start if cue.end is None else cue.end <= start
        if late or early:
            continue
        end = cue.end if stop is None or cue.end is None else min(cue.end, stop)
        yield replace(cue, start=max(cue.start, start), end=end)


def advanced(timecode: str, frames: int, rate: Fraction | None) -> str | None:
    """Return the timecode so many frames later; None where nobody can tell."""
    if rate is None or not codes.WORDS.fullmatch(timecode):
        return None
    code = codes.read(timecode)
    later = codes.name(codes.count(code, rate) + frames, rate, drop=code.drop)
    return str(replace(later, hours=later.hours % 24))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clock:
    """What a point is read by."""

    table: Table
    rate: Fraction | None
    timecode: str | None

    def frame(self, name: str, text: str) -> int:
        """Return the first frame at or after a point; more than the count: it is too late."""
        if hit := FRAMES.fullmatch(text):
            return int(hit[1])
        if hit := POINT.fullmatch(text):
            return self._coded(name, hit)
        table = self.table
        time = table.pts[0] * table.tb + _seconds(text)
        found = table.at_or_after(time - SLACK)
        return found + (time > _end(table, len(table.pts)) + SLACK)

    def _coded(self, name: str, hit: re.Match[str]) -> int:
        if not codes.WORDS.fullmatch(self.timecode or ""):
            raise ValueError(f"{name}: {hit[0]} is a timecode, and it has none; write 00:00:10.5")
        if self.rate is None:
            raise ValueError(f"{name}: {hit[0]} needs an even frame rate; write 00:00:10.5")
        start, beat = codes.read(self.timecode or ""), round(self.rate)
        if int(hit[5]) >= beat:
            raise ValueError(f"{name}: {hit[0]} has frame {hit[5]}, of {beat} a second; mend it")
        point = replace(codes.read(hit[0]), drop=start.drop)  # its numbers are counted as theirs
        found = codes.count(point, self.rate) - codes.count(start, self.rate)
        if found < 0:
            raise ValueError(f"{name}: {hit[0]} is before its start, {start}; choose a later one")
        return found


def _plain(text: str) -> Fraction:
    if FRAMES.fullmatch(text) or POINT.fullmatch(text):
        raise ValueError(f"{text}: it has no frames to count; write 00:00:10.5")
    return _seconds(text)


def _seconds(text: str) -> Fraction:
    if hit := SECONDS.fullmatch(text):
        return Fraction(hit[1])
    hit = CLOCK.fullmatch(text)
    if not hit:
        raise ValueError(f"{text} {fault(text)}")
    return (int(hit[1] or 0) * 60 + int(hit[2])) * 60 + Fraction(hit[3])


def _end(table: Table, end: int) -> Fraction:
    """Return when frame ``end - 1`` is no longer shown."""
    last = table.pts[-1] + table.last_duration
    return (table.pts[end] if end < len(table.pts) else last) * table.tb


def _length(table: Table) -> str:
    return f"{float(table.duration):.3f} s, {len(table.pts)} frames"


def _chapters(chapters: Iterable[Chapter], start: int, stop: int | None) -> Iterator[Chapter]:
    for each in chapters:
        end = each.end if stop is None else min(each.end, stop)
        if end > start and (stop is None or each.start < stop):
            yield replace(each, start=max(each.start, start), end=end)
