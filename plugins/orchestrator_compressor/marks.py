"""Cues of subtitles and chapters: what a source shows for a while, beside pictures and sound.

Pure, as `table` is: the probe writes them down, assembly and gates go by them.  Times are whole
nanoseconds, of the source's clock where nothing else is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

from orchestrator_compressor.codecs import MOV_LIKE

SECOND = 1_000_000_000
MILLISECOND = 1_000_000
FILLER_LEAST = MILLISECOND  #: a first chapter that starts later needs one before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A subtitle that is shown once."""

    start: int
    end: int | None  #: None: until the next one, or nobody says
    text: str = ""  #: only while subtitles are stacked


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A named part of a film."""

    start: int
    end: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """All of them in one source."""

    cues: Mapping[int, tuple[Cue, ...]] = field(default_factory=dict)  #: by index of the stream
    chapters: tuple[Chapter, ...] = ()


def overlap(cues: Sequence[Cue]) -> bool:
    """Return whether a cue starts while another is shown, more than rounding explains."""
    ends = [(cue.start, cue.end) for cue in sorted(cues, key=lambda cue: cue.start)]
    return any(
        end is not None and following < end - MILLISECOND
        for (_, end), (following, _) in pairwise(ends)
    )


def stacked(cues: Iterable[Cue]) -> tuple[Cue, ...]:
    """Return cues of which one is shown at a time: those that overlap become one, with all lines.

    For containers whose samples follow each other.  Times become whole milliseconds.
    """
    whole = [each for cue in cues if (each := _rounded(cue)).end is not None]
    events = sorted({time for cue in whole for time in (cue.start, cue.end or 0)})
    waiting = sorted(whole, key=lambda cue: cue.start)[::-1]
    shown: list[Cue] = []
    found: list[Cue] = []
    for begin, end in pairwise(events):
        while waiting and waiting[-1].start <= begin:
            shown.append(waiting.pop())
        shown = [cue for cue in shown if (cue.end or 0) > begin]
        if shown:
            text = "\n".join(cue.text for cue in shown)
            found.append(Cue(start=begin, end=end, text=text))
    return tuple(found)


def shifted(cues: Iterable[Cue], zero: Fraction) -> Iterator[Cue]:
    """Yield cues as a file has them that begins at `zero`, in seconds of the source's clock."""
    off = nanoseconds(zero)
    for cue in cues:
        end = None if cue.end is None else cue.end - off
        yield replace(cue, start=cue.start - off, end=end)


def kept_chapters(
    chapters: Sequence[Chapter], zero: Fraction, container: str
) -> tuple[Chapter, ...]:
    """Return the chapters as a file has them that begins at `zero`.

    In QuickTime and MP4 they are a track that begins at 0: what comes before the first one must be
    a chapter, too, without a name; else the first would begin with the film.
    """
    off = nanoseconds(zero)
    found = [
        replace(each, start=max(0, each.start - off), end=max(0, each.end - off))
        for each in sorted(chapters, key=lambda each: each.start)
    ]
    if found and container in MOV_LIKE and found[0].start > FILLER_LEAST:
        found.insert(0, Chapter(start=0, end=found[0].start, title=""))
    return tuple(found)


def nanoseconds(seconds: Fraction) -> int:
    """Return a time in whole nanoseconds."""
    return round(seconds * SECOND)


def dump(marks: Marks) -> bytes:
    """Return marks as the bytes of a file."""
    cues = {n: [[cue.start, cue.end] for cue in each] for n, each in marks.cues.items()}
    chapters = [[each.start, each.end, each.title] for each in marks.chapters]
    return json.dumps({"cues": cues, "chapters": chapters}).encode()


def load(data: bytes) -> Marks:
    """Return the marks that `dump` wrote.

    Raises ValueError for anything else.
    """
    try:
        values = json.loads(data)
        return Marks(
            cues={
                int(n): tuple(Cue(start=start, end=end) for start, end in each)
                for n, each in values["cues"].items()
            },
            chapters=tuple(Chapter(start=a, end=b, title=t) for a, b, t in values["chapters"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this file of cues and chapters is damaged: {error}") from error


def _rounded(cue: Cue) -> Cue:
    def whole(time: int) -> int:
        return round(Fraction(time, MILLISECOND)) * MILLISECOND

    return replace(cue, start=whole(cue.start), end=None if cue.end is None else whole(cue.end))
