"""The time table of a source and of an output: which frame is shown when, in whole ticks.

Pure: both sides use it.  The controller cuts, seeks and counts by it, the nodes assemble and judge
by it; nothing else in the compressor knows a time.
"""

from __future__ import annotations

import json
import re
import sys
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

MAGIC = b"orchestrator-table"
VERSION = 2
HALF = Fraction(1, 2)
RATIO = re.compile(r"-?[0-9]{1,30}(/[0-9]{0,29}[1-9][0-9]{0,29})?")
KEYFRAMES_BACK = 2  #: open GOPs and MPEG streams land late: one keyframe is not enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """When each frame of a source is shown, and which frames can be sought.

    Raises ValueError for a table without frames, with keyframes that are none of its frames, or
    whose time does not go forward.
    """

    tb: Fraction  #: seconds a tick
    pts: tuple[int, ...]  #: in ticks and display order
    keys: tuple[int, ...]  #: positions in `pts` of the keyframes, rising
    last_duration: int  #: of the last frame, in ticks
    start_us: int = (
        0  #: where the container says it starts, in microseconds; seeking counts from it
    )
    scenes: tuple[int, ...] = ()  #: positions of frames that begin a scene, as far as it was asked
    whole: Table | None = None  #: of the source, if this is a part of it
    first: int = 0  #: frame of `whole` that this begins with
    number: int | None = None  #: of the file of the first frame, in a sequence of images

    def __post_init__(self) -> None:
        if not self.pts:
            raise ValueError("a table needs at least one frame")
        if self.keys and not 0 <= self.keys[0] <= self.keys[-1] < len(self.pts):
            raise ValueError(f"keyframe {self.keys[-1]} is none of {len(self.pts)} frames")
        if self.scenes and not 0 <= self.scenes[0] <= self.scenes[-1] < len(self.pts):
            raise ValueError(f"scene {self.scenes[-1]} is none of {len(self.pts)} frames")
        if self.tb <= 0 or self.last_duration < 0:
            raise ValueError(f"ticks of {self.tb} s and a last frame of {self.last_duration} ticks")

    @property
    def is_rising(self) -> bool:
        """Whether every frame has a later time than the one before; else it cannot be cut."""
        return all(a < b for a, b in pairwise(self.pts))

    @property
    def duration(self) -> Fraction:
        """How long all of it is shown, in seconds."""
        return (self.pts[-1] + self.last_duration - self.pts[0]) * self.tb

    @property
    def longest_gop(self) -> int:
        """The most frames from one keyframe to the next, or to the end."""
        edges = (*self.keys, len(self.pts)) if self.keys else (0, len(self.pts))
        return max(b - a for a, b in pairwise(edges))

    @property
    def after(self) -> int | None:
        """When the frame after the last one is shown, in ticks; None: the source has no more.

        Of a sequence of images nobody knows: more may lie there than are meant.
        """
        if self.number is not None:
            return self.pts[-1] + self.last_duration
        last = self.first + len(self.pts)
        return self.whole.pts[last] if self.whole and last < len(self.whole.pts) else None

    def second(self, frame: int) -> Fraction:
        """Return how many seconds after the first frame `frame` is shown."""
        return (self.pts[frame] - self.pts[0]) * self.tb

    def at_or_before(self, time: Fraction) -> int:
        """Return the last frame whose time, in seconds of the source's clock, is not after it."""
        return bisect_right(self.pts, time / self.tb) - 1

    def at_or_after(self, time: Fraction) -> int:
        """Return the first frame whose time is not before `time`; the count, if there is none."""
        return bisect_left(self.pts, time / self.tb)

    def seek(self, frame: int) -> tuple[str, ...]:
        """Return the words that let ffmpeg start reading safely before `frame` (Recipe R).

        They only save decoding: the cut itself is made by ``trim``.  None near the beginning.
        In a sequence of images they name its file, and its time on the source's clock.
        """
        if self.whole:
            return self.whole.seek(self.first + frame)
        if self.number is not None:
            late = float((self.pts[frame] - self.pts[0]) * self.tb)
            return ("-start_number", str(self.number + frame), "-itsoffset", f"{late:.6f}")
        before = self.keys[: bisect_right(self.keys, frame)]
        if len(before) < KEYFRAMES_BACK + 1:
            return ()
        key = before[-KEYFRAMES_BACK]
        middle = self.pts[key] - Fraction(self.pts[key] - self.pts[key - 1], 2)
        time = middle * self.tb - Fraction(self.start_us, 10**6)
        return ("-ss", f"{float(time):.6f}") if time > 0 else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """When each frame of an output is shown: all that assembly and gates know of time."""

    tb: Fraction  #: seconds a tick
    pts: tuple[int, ...]  #: in ticks and display order
    last_duration: int  #: of the last frame, in ticks

    @property
    def expected(self) -> tuple[int, ...]:
        """The times counted from the first frame, as the finished file must have them."""
        return tuple(time - self.pts[0] for time in self.pts)

    @property
    def start(self) -> Fraction:
        """When the first frame is shown, in seconds of the source's clock."""
        return self.pts[0] * self.tb

    @property
    def duration(self) -> Fraction:
        """How long all of it is shown, in seconds."""
        return (self.pts[-1] + self.last_duration - self.pts[0]) * self.tb


def sliced(table: Table, first: int, end: int) -> Table:
    """Return the frames ``[first, end)`` of a source as a table of their own.

    Raises ValueError for frames that it does not have.
    """
    if not 0 <= first < end <= len(table.pts):
        raise ValueError(f"frames {first} to {end - 1} are not in a source of {len(table.pts)}")
    is_cut = end < len(table.pts)
    return Table(
        tb=table.tb,
        pts=table.pts[first:end],
        keys=tuple(key - first for key in table.keys if first <= key < end),
        scenes=tuple(frame - first for frame in table.scenes if first <= frame < end),
        last_duration=table.pts[end] - table.pts[end - 1] if is_cut else table.last_duration,
        start_us=table.start_us,
        whole=table,
        first=first,
    )


def same(table: Table) -> Output:
    """Return the output that has one frame for each frame of the source."""
    return Output(tb=table.tb, pts=table.pts, last_duration=table.last_duration)


def conformed(table: Table, rate: Fraction) -> Output:
    """Return the output of ``fps=rate``: frames on a grid of that rate."""
    first = nearest(table.pts[0] * table.tb * rate)
    end = nearest((table.pts[-1] + table.last_duration) * table.tb * rate)
    return Output(tb=1 / rate, pts=tuple(range(first, max(end, first + 1))), last_duration=1)


def nearest(value: Fraction) -> int:
    """Return the nearest whole number, as ffmpeg rounds: halves away from 0."""
    up = (abs(value) + HALF).__floor__()
    return up if value >= 0 else -up


def doubled(table: Table) -> Output:
    """Return the output of a deinterlacer that makes a frame of each field."""
    last = table.pts[-1]
    ends = (*table.pts[1:], last + (last - table.pts[-2] if len(table.pts) > 1 else 1))
    pairs = zip(table.pts, ends, strict=True)
    pts = tuple(time for a, b in pairs for time in (2 * a, a + b))
    return Output(tb=table.tb / 2, pts=pts, last_duration=ends[-1] - last)


def played(table: Table, rate: Fraction) -> Output:
    """Return the output whose frames are those of the source, shown at another rate."""
    return Output(tb=1 / rate, pts=tuple(range(len(table.pts))), last_duration=1)


def output(table: Table, spec: Mapping[str, str]) -> Output:
    """Return the output that `spec` says: ``kind`` source, conform, doubled or play, and ``rate``.

    ``first`` and ``end`` make it that of a part of the source.  Raises ValueError for another kind.
    """
    if "end" in spec:
        table = sliced(table, int(spec["first"]), int(spec["end"]))
    kind = spec.get("kind", "source")
    if kind == "source":
        return same(table)
    if kind == "doubled":
        return doubled(table)
    if kind not in {"conform", "play"}:
        raise ValueError(f"output kind {kind!r}: it is one of source, conform, doubled, play")
    rate = Fraction(spec["rate"])
    return conformed(table, rate) if kind == "conform" else played(table, rate)


def dump(table: Table) -> bytes:
    """Return `table` as the bytes of an index file: a line that says what it is, then deltas."""
    head = {
        "tb": str(table.tb),
        "frames": len(table.pts),
        "keys": len(table.keys),
        "scenes": len(table.scenes),
        "last": table.last_duration,
        "start_us": table.start_us,
        **({} if table.number is None else {"number": table.number}),
    }
    body = json.dumps(head).encode() + b"\n"
    body += b"".join(map(_pack, (table.pts, table.keys, table.scenes)))
    return MAGIC + bytes([VERSION]) + zlib.compress(body, 9)


def load(data: bytes) -> Table:
    """Return the table that `dump` wrote.

    Raises ValueError for anything else.
    """
    if data[: len(MAGIC)] != MAGIC or data[len(MAGIC) : len(MAGIC) + 1] != bytes([VERSION]):
        raise ValueError(f"this is no time table of version {VERSION}")
    try:
        line, _, body = zlib.decompress(data[len(MAGIC) + 1 :]).partition(b"\n")
        head = json.loads(line)
        counts = [head[key] for key in ("frames", "keys", "scenes")]
        if any(type(count) is not int or count < 0 for count in counts):
            raise TypeError("its counts are no numbers")
        ends = [8 * end for end in accumulate(counts, initial=0)]
        pts, keys, scenes = (
            _unpack(body[a:b], count) for (a, b), count in zip(pairwise(ends), counts, strict=True)
        )
        return Table(
            tb=ratio(head["tb"]),
            pts=pts,
            keys=keys,
            scenes=scenes,
            last_duration=int(head["last"]),
            start_us=int(head["start_us"]),
            number=None if head.get("number") is None else int(head["number"]),
        )
    except (zlib.error, KeyError, TypeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"this time table is damaged: {error}") from error


def ratio(text: object) -> Fraction:
    """Return what ``n`` or ``n/d`` says.

    Raises ValueError for anything else: `Fraction` alone would spend hours on ``1e99999999``.
    """
    if not isinstance(text, str) or not RATIO.fullmatch(text):
        raise ValueError(f"{str(text)[:40]!r} is no fraction")
    return Fraction(text)


def _pack(values: tuple[int, ...]) -> bytes:
    deltas = array("q", (b - a for a, b in pairwise((0, *values))))
    if sys.byteorder == "big":
        deltas.byteswap()
    return deltas.tobytes()


def _unpack(data: bytes, count: int) -> tuple[int, ...]:
    deltas = array("q", data)
    if sys.byteorder == "big":
        deltas.byteswap()
    if len(deltas) != count:
        raise ValueError(f"this time table is damaged: {len(deltas)} entries instead of {count}")
    return tuple(accumulate(deltas))
