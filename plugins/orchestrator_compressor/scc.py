"""Closed captions (EIA-608): pairs of bytes, one a frame, and the files that hold them (SCC).

Pure.  What the pairs say, ffmpeg's own decoder tells: it is given them as a file whose times only
count them, and the times it answers with are put back here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from orchestrator_compressor import timecode
from orchestrator_compressor.captions import bare
from orchestrator_compressor.marks import MILLISECOND, Cue, nanoseconds

HEAD = "Scenarist_SCC V1.0"
LINE = re.compile(r"(\d\d:\d\d:\d\d[:;.]\d\d)[ \t]+((?:[0-9A-Fa-f]{4}[ \t]*)+)")
COUNTING = 30  #: pairs a second of the file that only counts
STEP_MS = 33  #: what ffmpeg takes a frame of such a file for
RATE = timecode.CAPTIONS_RATE
ERASE = "942c"  #: what is shown, goes
FIELD_1, VALID = 0, 4  #: of the three bytes of a pair in a picture
NOTHING = frozenset({"8080", "0000"})
GAP_MAX = 1  #: frames without a pair within a line of a file


@dataclass(frozen=True, slots=True)
class Pair:
    """Two bytes, as four digits, and when they come, in nanoseconds."""

    time: int
    word: str


def of_picture(time: int, data: bytes) -> Iterator[Pair]:
    """Yield the pairs of the first field that a picture carries (A53), in order."""
    for at in range(0, len(data) - 2, 3):
        head, word = data[at], data[at + 1 : at + 3].hex()
        if head & VALID and head & 3 == FIELD_1 and word not in NOTHING:
            yield Pair(time, word)


def read(text: str) -> tuple[Pair, ...]:
    """Return the pairs of a file.

    Raises ValueError for anything else.
    """
    lines = [line.strip() for line in text.split("\n")]
    if not lines or not lines[0].startswith(HEAD):
        raise ValueError(f"does not begin with {HEAD}")
    found: list[Pair] = []
    for line in filter(None, lines[1:]):
        hit = LINE.fullmatch(line)
        if not hit:
            raise ValueError(f"{line[:40]!r} is no line of captions")
        code = timecode.read(hit[1])
        first = timecode.count(code, RATE)
        for n, word in enumerate(hit[2].split()):
            found.append(Pair(nanoseconds((first + n) / RATE), word.lower()))
    return tuple(sorted(found, key=lambda pair: pair.time))


def write(pairs: Sequence[Pair]) -> str:
    """Return a file of them: drop-frame timecode, one line for what comes without a gap."""
    lines = [HEAD, ""]
    last = None
    for pair in pairs:
        number = round(Fraction(pair.time, 10**9) * RATE)
        if last is not None:
            number = max(number, last + 1)  # one pair a frame
        if last is None or number - last > GAP_MAX:
            lines += [f"{timecode.name(number, RATE, drop=True)}\t{pair.word}", ""]
        else:
            lines[-2] += f" {pair.word}"
        last = number
    return "\n".join(lines)


def counted(pairs: Iterable[Pair]) -> str:
    """Return a file of the pairs whose times are only their numbers; `retimed` undoes it."""
    lines = [HEAD, ""]
    for number, pair in enumerate(pairs):
        code = timecode.name(number, Fraction(COUNTING), drop=False)
        lines += [f"{code}\t{pair.word}", ""]
    return "\n".join(lines)


def retimed(cues: Iterable[Cue], pairs: Sequence[Pair]) -> Iterator[Cue]:
    """Yield the cues that ffmpeg made of `counted`, at the times of their pairs."""
    for cue in cues:
        text = bare(cue.text)
        if text:
            end = pairs[_number(cue.end or 0, len(pairs))].time
            start = pairs[_number(cue.start, len(pairs))].time
            yield replace(cue, start=start, end=end, text=text)


def _number(time: int, count: int) -> int:
    seconds, rest = divmod(time // MILLISECOND, 1000)
    return min(seconds * COUNTING + round(rest / STEP_MS), count - 1)
