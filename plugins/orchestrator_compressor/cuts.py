"""Where a source is cut into segments: long enough to be worth it, enough for every slot."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from orchestrator.api import Segment, Split
from orchestrator_compressor.table import Table

PER_SLOT = 4  #: segments wanted for each slot, so that no long one is left at the end
LONGEST_S = 180
SHORTEST_S = 10  #: of a codec with groups of pictures: each join costs a keyframe
SHORTEST_INTRA_S = 4
SHORTEST_SHARE_S = 4  #: below this, slots are not all given a share
GOPS = 5  #: of the source, a segment: two of them are decoded for nothing
REST_S = 1  #: what is shorter joins its neighbour
SCENE_REACH = 0.25  #: of a segment, how far a cut moves to meet a scene change


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What the planner's rule for lengths goes by."""

    slots: int  #: tasks at once
    intra: bool  #: whether joins of the output's codec are free
    grid: int = 1  #: a segment has a multiple of so many frames, so that keyframes stand on a grid


def cut(table: Table, split: Split, rule: Rule) -> tuple[Segment, ...]:
    """Return the segments of a source, in order, without gap or overlap.

    Raises ValueError, one sentence for people, for a cut that is not in the source.
    """
    if split.cuts is not None:
        return _segments(table, _on_grid(_checked(table, split.cuts), table, rule))
    if split.frames is not None:
        starts = _on_grid(range(split.frames, len(table.pts), split.frames), table, rule)
        return _segments(table, _joined(table, starts))
    if split.seconds is not None:
        every = _on_grid(_every(table, Fraction(str(split.seconds))), table, rule)
        return _segments(table, _joined(table, every))
    count = parts(table, rule)
    fair = _every(table, table.duration / count)
    if not rule.intra and rule.grid == 1:
        fair = moved(fair, table.scenes, len(table.pts))
    return _segments(table, _on_grid(fair, table, rule))


def whole(table: Table) -> tuple[Segment, ...]:
    """Return all of a source as one segment."""
    return _segments(table, ())


def parts(table: Table, rule: Rule) -> int:
    """Return how many segments the planner's rule wants."""
    duration, slots = table.duration, rule.slots
    gop = table.duration * table.longest_gop / len(table.pts)
    least = SHORTEST_INTRA_S if rule.intra else SHORTEST_S
    shortest = max(Fraction(least), min(GOPS * gop, duration / slots))
    wanted = max(shortest, min(duration / (PER_SLOT * slots), Fraction(LONGEST_S)))
    count = max(1, int(duration / wanted))
    shared = -(-count // slots) * slots
    fair = shared if duration / shared >= SHORTEST_SHARE_S else count
    return min(fair, len(table.pts))


def moved(starts: tuple[int, ...], scenes: tuple[int, ...], frames: int) -> tuple[int, ...]:
    """Return cuts, each at the scene change that is nearest to it, if there is one near.

    Near: within a quarter of the shorter segment beside it, so that segments stay about as long as
    they should be, and in order.
    """
    edges = (0, *starts, frames)
    found = []
    for before, start, after in zip(edges, starts, edges[2:], strict=False):
        reach = int(min(start - before, after - start) * SCENE_REACH)
        near = scenes[bisect_left(scenes, start - reach) : bisect_right(scenes, start + reach)]
        found.append(min(near, key=lambda scene: abs(scene - start), default=start))
    return tuple(found)


def _on_grid(starts: Sequence[int], table: Table, rule: Rule) -> tuple[int, ...]:
    """Return cuts, each at the nearest multiple of the grid's frames."""
    near = {round(Fraction(start, rule.grid)) * rule.grid for start in starts}
    return tuple(sorted(start for start in near if 0 < start < len(table.pts)))


def _every(table: Table, seconds: Fraction) -> tuple[int, ...]:
    """Return the first frame at or after each multiple of `seconds`."""
    start, times = table.pts[0] * table.tb, int(table.duration / seconds)
    frames = (table.at_or_after(start + seconds * n) for n in range(1, times + 1))
    return tuple(sorted({frame for frame in frames if 0 < frame < len(table.pts)}))


def _joined(table: Table, starts: tuple[int, ...]) -> tuple[int, ...]:
    """Leave out the last cut where it leaves less than a second, and others are longer."""
    if not starts or table.second(starts[0]) < REST_S:
        return starts
    rest = table.duration - table.second(starts[-1])
    return starts[:-1] if rest < REST_S else starts


def _checked(table: Table, starts: tuple[int, ...]) -> tuple[int, ...]:
    if any(b <= a for a, b in pairwise((0, *starts))):
        raise ValueError("segments.cuts: they must rise, from 1 on; sort them")
    if starts and starts[-1] >= len(table.pts):
        raise ValueError(
            f"segments.cuts: there is no frame {starts[-1]}, the output has {len(table.pts)}; "
            "remove it"
        )
    return starts


def _segments(table: Table, starts: tuple[int, ...]) -> tuple[Segment, ...]:
    spans = pairwise((0, *starts, len(table.pts)))
    return tuple(Segment(index, start, end) for index, (start, end) in enumerate(spans))
