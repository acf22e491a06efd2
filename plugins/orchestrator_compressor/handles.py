"""Where a segment of the output lies in its source, and how much more its filters must see."""

from __future__ import annotations

from orchestrator.api import Segment
from orchestrator_compressor.recipe import Cut
from orchestrator_compressor.table import Output, Table
from orchestrator_compressor.timing import CONFORM, DOUBLED, PLAY, Timing

BEFORE, AFTER = 1, 2  #: frames that ``fps`` must see beside those that a segment shows


def cut(times: Table, out: Output, segment: Segment, timing: Timing, handle: int) -> Cut:
    """Return the cut of a segment: frames of the source [i, j), then its own ones of the output.

    :param handle: frames of the source that its filters must see before and after each
    """
    count = len(times.pts)
    is_last = segment.end == len(out.pts)  # a surplus frame must meet the gate, not vanish
    i, j = _span(times, out, segment, timing)
    i, j = max(0, i - handle), min(count, j + handle)
    is_all = segment.start == 0 and is_last
    is_wider = handle or timing.kind in {CONFORM, DOUBLED}
    clock = (times.pts, times.tb) if timing.kind == PLAY else (out.pts, out.tb)
    ticks, tb = clock
    inner = None
    if is_wider and not is_all:
        inner = (ticks[segment.start], None if is_last else ticks[segment.end])
    return Cut(
        start=times.pts[i],
        end=times.after if is_last or j == count else times.pts[j],
        tb=tb,
        seek=times.seek(i),
        inner=inner,
    )


def _span(times: Table, out: Output, segment: Segment, timing: Timing) -> tuple[int, int]:
    """Return the frames of the source that a segment is made of, handles left aside."""
    a, b = segment.start, segment.end
    if timing.kind == DOUBLED:
        return a // 2, -(-b // 2)
    if timing.kind != CONFORM:
        return a, b
    end = out.pts[b] if b < len(out.pts) else out.pts[-1] + out.last_duration
    first = times.at_or_before(out.pts[a] * out.tb)
    return first - BEFORE, times.at_or_after(end * out.tb) + AFTER
