"""The time table: what is seeked, what is expected, and that a file gives back what it took."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator_compressor import table
from orchestrator_compressor.table import Table

FILM = Fraction(24000, 1001)
STEPS = st.lists(st.integers(1, 400_000), min_size=0, max_size=60)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    pts = tuple(accumulate(draw(STEPS), initial=draw(st.integers(-90_000, 10**12))))
    keys = draw(st.sets(st.integers(0, len(pts) - 1))) | {0}
    return Table(
        tb=Fraction(1, draw(st.sampled_from([1000, 12800, 24000, 90000]))),
        pts=pts,
        keys=tuple(sorted(keys)),
        scenes=tuple(sorted(draw(st.sets(st.integers(0, len(pts) - 1), max_size=5)))),
        last_duration=draw(st.integers(1, 9999)),
        start_us=draw(st.integers(-(10**6), 10**9)),
    )


def cfr(frames: int = 100, gop: int = 25, step: int = 512, first: int = 0) -> Table:
    pts = tuple(range(first, first + frames * step, step))
    return Table(
        tb=Fraction(1, 12800), pts=pts, keys=tuple(range(0, frames, gop)), last_duration=step
    )


@settings(deadline=None)
@given(tables())
def test_file_gives_back_what_it_took(some):
    assert table.load(table.dump(some)) == some


@settings(deadline=None)
@given(tables(), st.data())
def test_seek_lands_before_the_keyframe_before_the_last(some, data):
    frame = data.draw(st.integers(0, len(some.pts) - 1))
    words = some.seek(frame)
    before = [key for key in some.keys if key <= frame]
    if not words:
        return
    at = Fraction(words[1]) + Fraction(some.start_us, 10**6)
    assert len(before) >= 3
    assert at <= some.pts[before[-2]] * some.tb
    assert at >= some.pts[before[-2] - 1] * some.tb


@pytest.mark.parametrize("frame", [0, 24, 25, 49])
def test_nothing_is_skipped_before_the_third_keyframe(frame):
    assert cfr().seek(frame) == ()


def test_seek_is_half_a_frame_before_the_second_keyframe_back():
    assert cfr().seek(50) == ("-ss", "0.980000")
    assert cfr().seek(99) == ("-ss", "1.980000")


def test_seek_counts_from_where_the_container_starts():
    late = Table(
        tb=Fraction(1, 1000),
        pts=tuple(range(5000, 5100)),
        keys=(0, 10, 20),
        last_duration=1,
        start_us=5_000_000,
    )
    assert late.seek(25) == ("-ss", "0.009500")


@settings(deadline=None)
@given(tables())
def test_expected_times_begin_at_zero_and_rise(some):
    for output in (table.same(some), table.doubled(some), table.played(some, FILM)):
        assert output.expected[0] == 0
        assert all(a <= b for a, b in pairwise(output.expected))


@settings(deadline=None)
@given(tables())
def test_doubled_has_two_frames_for_each_and_keeps_their_times(some):
    output = table.doubled(some)
    assert len(output.pts) == 2 * len(some.pts)
    assert output.pts[::2] == tuple(2 * pts for pts in some.pts)
    assert output.tb == some.tb / 2


def test_conformed_is_a_grid_of_the_rate():
    output = table.conformed(cfr(frames=100), Fraction(30))
    assert output.tb == Fraction(1, 30)
    assert len(output.pts) == 120
    assert output.pts[0] == 0


def test_conformed_keeps_the_place_of_a_late_start():
    assert table.conformed(cfr(first=12800), Fraction(30)).pts[0] == 30


def test_unknown_output_is_refused_and_those_there_are_named():
    with pytest.raises(ValueError, match="source, conform, doubled, play"):
        table.output(cfr(), {"kind": "halved"})


@pytest.mark.parametrize("data", [b"", b"RIFF", table.dump(cfr())[:-4], b"orchestrator-table\x02x"])
def test_other_bytes_are_refused(data):
    with pytest.raises(ValueError, match="time table"):
        table.load(data)


def test_two_hours_of_film_take_a_few_kilobytes():
    pts = tuple(int(k * 3753.75) for k in range(172_800))
    film = Table(
        tb=Fraction(1, 90_000), pts=pts, keys=tuple(range(0, 172_800, 24)), last_duration=1
    )
    assert len(table.dump(film)) < 8000


@settings(deadline=None)
@given(tables(), st.data())
def test_a_frame_is_found_by_its_time(some, data):
    frame = data.draw(st.integers(0, len(some.pts) - 1))
    at = some.pts[frame] * some.tb
    assert some.at_or_before(at) == frame == some.at_or_after(at)
    assert some.at_or_before(at + some.tb / 2) == frame
    assert some.at_or_after(at + some.tb / 2) == frame + 1
