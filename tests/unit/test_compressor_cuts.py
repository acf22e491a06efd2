"""Where a source is cut: always all of it, in order, never more finely than is worth it."""

from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from compressor_jobs import steady
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.api import Segment, Split
from orchestrator_compressor import cuts
from orchestrator_compressor.cuts import Rule
from orchestrator_compressor.table import Table

RULE = Rule(slots=2, intra=False)
steps = st.lists(st.integers(1, 9000), min_size=1, max_size=400)
rules = st.builds(Rule, slots=st.integers(1, 40), intra=st.booleans())


def uneven(durations: list[int], gop: int = 12) -> Table:
    pts = (0, *accumulate(durations[:-1]))
    return Table(
        tb=Fraction(1, 1000),
        pts=tuple(pts),
        keys=tuple(range(0, len(pts), gop)),
        last_duration=durations[-1],
    )


def covers(segments: tuple[Segment, ...], frames: int) -> bool:
    joined = all(a.end == b.start for a, b in pairwise(segments))
    filled = all(segment.frames > 0 for segment in segments)
    return joined and filled and segments[0].start == 0 and segments[-1].end == frames


@pytest.mark.pitfall(3)
@given(steps, rules)
def test_planned_segments_cover_the_source_without_gap_or_overlap(durations, rule):
    times = uneven(durations)
    segments = cuts.cut(times, Split(), rule)
    assert covers(segments, len(times.pts))
    assert [segment.index for segment in segments] == list(range(len(segments)))


@given(steps, rules, st.integers(1, 500))
def test_segments_of_given_frames_cover_the_source(durations, rule, frames):
    times = uneven(durations)
    segments = cuts.cut(times, Split(frames=frames), rule)
    assert covers(segments, len(times.pts))
    assert all(segment.frames == frames for segment in segments[:-1])


@given(steps, rules, st.floats(0.04, 100))
def test_segments_of_given_seconds_cover_the_source(durations, rule, seconds):
    times = uneven(durations)
    assert covers(cuts.cut(times, Split(seconds=seconds), rule), len(times.pts))


@given(st.integers(1, 20000), rules)
def test_no_planned_segment_is_shorter_than_four_seconds_unless_alone(frames, rule):
    segments = cuts.cut(steady(frames), Split(), rule)
    assert len(segments) == 1 or min(each.frames for each in segments) >= 4 * 25 - 1


@given(st.integers(1, 100000), rules)
def test_the_rule_never_makes_a_segment_far_over_three_minutes_of_short_groups(frames, rule):
    segments = cuts.cut(steady(frames), Split(), rule)
    assert max(each.frames for each in segments) <= 2 * 180 * 25


def test_thirty_seconds_on_two_slots_are_two_segments():
    assert cuts.parts(steady(750, gop=250), RULE) == 2


def test_a_film_is_cut_into_some_segments_a_slot():
    film = steady(90 * 60 * 25)
    assert cuts.parts(film, Rule(slots=8, intra=False)) == 32
    assert cuts.parts(film, RULE) == 30


def test_an_intra_codec_is_cut_more_finely():
    assert cuts.parts(steady(750), Rule(slots=2, intra=True)) > cuts.parts(steady(750), RULE)


def test_given_seconds_are_taken_as_written():
    segments = cuts.cut(steady(250), Split(seconds=2), RULE)
    assert [each.frames for each in segments] == [50] * 5


@pytest.mark.pitfall(3)
def test_a_rest_below_a_second_joins_its_neighbour():
    segments = cuts.cut(steady(260), Split(seconds=2), RULE)
    assert [each.frames for each in segments] == [50, 50, 50, 50, 60]


def test_frames_finer_than_a_second_keep_their_rest():
    assert len(cuts.cut(steady(25), Split(frames=10), RULE)) == 3


def test_given_cuts_are_the_first_frames_of_segments():
    segments = cuts.cut(steady(250), Split(cuts=(1, 30, 249)), RULE)
    assert [(each.start, each.end) for each in segments] == [(0, 1), (1, 30), (30, 249), (249, 250)]


@pytest.mark.parametrize(("given_cuts", "said"), [((250,), "no frame 250"), ((9, 9), "must rise")])
def test_a_cut_that_cannot_be_is_refused(given_cuts, said):
    with pytest.raises(ValueError, match=said):
        cuts.cut(steady(250), Split(cuts=given_cuts), RULE)


@given(st.data())
def test_cuts_that_move_to_scenes_stay_in_order_and_near(data):
    frames = data.draw(st.integers(2, 2000))
    places = st.sets(st.integers(1, frames - 1), max_size=40)
    starts, scenes = (tuple(sorted(data.draw(places))) for _ in "ab")
    found = cuts.moved(starts, scenes, frames)
    assert len(found) == len(starts)
    assert covers(tuple(Segment(0, a, b) for a, b in pairwise((0, *found, frames))), frames)
    edges = (0, *starts, frames)
    for n, (start, cut) in enumerate(zip(starts, found, strict=True), start=1):
        assert cut == start or cut in scenes
        assert abs(cut - start) <= min(edges[n] - edges[n - 1], edges[n + 1] - edges[n]) / 4


def test_a_cut_moves_to_the_nearest_scene_change():
    assert cuts.moved((100, 200), (90, 112, 230), 300) == (90, 200)


def test_only_the_rules_own_cuts_move_and_not_where_joins_are_free():
    times = replace(steady(500), scenes=(240,))
    assert [s.start for s in cuts.cut(times, Split(), RULE)] == [0, 240]
    assert [s.start for s in cuts.cut(times, Split(frames=250), RULE)] == [0, 250]
    intra = cuts.cut(times, Split(), Rule(slots=2, intra=True))
    assert 240 not in [s.start for s in intra]
