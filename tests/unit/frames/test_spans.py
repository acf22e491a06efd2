"""Ranges of frames, and their parts."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.frames import spans
from orchestrator.frames.spans import Span

RANGES = st.builds(
    lambda first, count, step: Span(first, first + step * (count - 1), step),
    st.integers(-50_000, 50_000).map(lambda n: Fraction(n, 1000)),
    st.integers(1, 400),
    st.integers(1, 5000).map(lambda n: Fraction(n, 1000)),
)


@pytest.mark.parametrize(
    ("asked", "count", "last"),
    [
        ({"start": 1, "end": 10}, 10, 10),
        ({"start": 1, "end": 10, "step": 2}, 5, 9),
        ({"start": -3, "end": 3, "step": 3}, 3, 3),
        ({"start": 1, "end": 2.9, "step": 0.5}, 4, Fraction(5, 2)),
        ({"start": 7, "end": 7, "step": 1000}, 1, 7),
        ({"start": 0.1, "end": 0.3, "step": 0.1}, 3, Fraction(3, 10)),
    ],
)
def test_end_is_one_of_the_frames_if_a_step_hits_it(asked, count, last):
    found = spans.asked(asked)
    assert (found.count, found.last, found.frames()[-1]) == (count, last, last)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"start": 2, "end": 1}, "end: 1 is before start 2"),
        ({"start": 1, "end": 2, "step": 0}, "step: is not above 0"),
        ({"start": 0, "end": 1, "step": 0.0001}, "more than 3 decimals"),
        ({"start": -1_000_000, "end": 1_000_000, "step": 1}, "1000000 at most"),
    ],
)
def test_what_is_no_range_is_refused(asked, why):
    with pytest.raises(ValueError, match=why):
        spans.asked(asked)


@given(RANGES, st.integers(1, 60))
def test_every_frame_is_in_one_segment_and_sizes_differ_by_one_at_most(span, frames_min):
    parts = spans.segments(span, frames_min)
    assert [f for part in parts for f in part.frames()] == list(span.frames())
    sizes = {part.count for part in parts}
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= min(frames_min, span.count)
    assert len(parts) == max(1, span.count // frames_min)


@given(RANGES, st.integers(1, 60))
def test_parts_of_so_many_frames_have_so_many_but_for_the_last(span, frames):
    parts = spans.cut(span, frames)
    assert [f for part in parts for f in part.frames()] == list(span.frames())
    assert {part.count for part in parts[:-1]} <= {frames}


@given(RANGES, st.data())
def test_runs_are_the_frames_that_are_wanted_and_no_others(span, data):
    chosen = data.draw(st.sets(st.integers(0, span.count - 1)))
    wanted = [span.frames()[index] for index in sorted(chosen)]
    found = spans.runs(wanted, span.step)
    assert [f for run in found for f in run.frames()] == wanted


@given(RANGES)
def test_span_comes_back_from_what_is_stored(span):
    assert spans.span_of(span.data()) == span
