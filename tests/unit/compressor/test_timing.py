"""When frames are shown: what a setting may ask, what a source gets, and where its segments lie."""

from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise

import pytest
from compressor_jobs import COMPRESSOR, ROOM, found, job, places, planned, probe, seen, steady
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from orchestrator.api import Kind, Result, Segment
from orchestrator_compressor import facts, handles, table, timing
from orchestrator_compressor import settings as ours
from orchestrator_compressor.facts import VideoFacts
from orchestrator_compressor.table import Table
from orchestrator_compressor.timing import Timing

SCHEMA = Draft202012Validator(dict(COMPRESSOR.setting_schema or {}))
HD = VideoFacts(index=0, codec="h264", width=1920, height=1080, pixel_format="yuv422p")
INTERLACED = replace(HD, field_order="tt", rate=Fraction(25), tb=Fraction(1, 12800))


def spec(container="mov", audio=None, **video):
    base = {"codec": "h264", "rate": {"qp": 20}} | video
    more = {"audio": audio} if audio else {}
    return {"processor": "compressor", "container": container, "video": base, **more}


def faults(**video):
    wanted = spec(**video)
    assert not list(SCHEMA.iter_errors(wanted))
    return ours.faults(wanted)


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        (25, 25),
        ("24000/1001", Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        (23.98, Fraction(24000, 1001)),
        ("25/2", Fraction(25, 2)),
    ],
)
def test_a_rate_is_exact_however_it_is_written(written, rate):
    assert faults(frameRate=written) == ()
    settled = timing.settle(timing.read({"frameRate": written}), HD)
    assert settled == Timing(kind="conform", rate=rate)
    played = timing.settle(timing.read({"frameRate": {"play": written}}), HD)
    assert played == Timing(kind="play", rate=rate)


@pytest.mark.parametrize(
    ("video", "said"),
    [
        ({"frameRate": 29.9}, "29.9 is not exact; write a fraction (30000/1001), or one of 23.976"),
        ({"frameRate": "1001/30000"}, "not within 1 and 300"),
        ({"frameRate": 25, "deinterlace": "field"}, "choose deinterlace: frame"),
        ({"codec": "hevc", "fieldOrder": "top"}, "hevc keeps no fields; choose progressive"),
        ({"fieldOrder": "top", "deinterlace": "frame"}, "remove one of the two"),
    ],
)
def test_a_rate_that_is_none_and_fields_that_cannot_be_are_refused(video, said):
    assert any(said in text for text in faults(**video)), faults(**video)


@pytest.mark.parametrize(
    "video",
    [
        {"frameRate": "29.970"},
        {"frameRate": "fast"},
        {"frameRate": 0},
        {"frameRate": {"play": 24, "x": 1}},
        {"filters": [{"drawtext": "text=%{n}"}]},
        {"filters": [{"denoise": "light", "sharpen": 1}]},
        {"filters": [{"sharpen": "1,drawbox"}]},
        {"filters": [{}]},
    ],
)
def test_what_the_schema_does_not_know_is_refused(video):
    assert list(SCHEMA.iter_errors(spec(**video)))


def test_only_a_source_with_fields_is_deinterlaced():
    wish = timing.read({"deinterlace": "field"})
    assert timing.settle(wish, HD).kind == "source"
    assert timing.fields("x", wish, HD) == ()
    assert timing.settle(wish, INTERLACED).kind == "doubled"
    assert "send_field:parity=tff:deint=all" in timing.fields("x", wish, INTERLACED)[0].words


@pytest.mark.parametrize(
    ("order", "theirs", "first", "filters"),
    [
        ("source", "tt", "tff", 0),
        ("source", "progressive", None, 0),
        ("progressive", "tt", None, 0),
        ("top", "tt", "tff", 0),
        ("bottom", "tt", "bff", 1),
        ("top", "progressive", "tff", 0),
    ],
)
def test_the_order_of_fields_is_the_sources_or_made_the_one_asked_for(
    order, theirs, first, filters
):
    seen_as, wish = replace(HD, field_order=theirs), timing.read({"fieldOrder": order})
    assert timing.first_field(wish, seen_as, keeps_fields=True) == first
    assert len(timing.fields("x", wish, seen_as)) == filters


def test_fields_that_share_lines_of_colour_cannot_change_places():
    small, wish = replace(INTERLACED, pixel_format="yuv420p"), timing.read({"fieldOrder": "bottom"})
    with pytest.raises(ValueError, match="cannot change places in yuv420p"):
        timing.fields("x", wish, small)


def one(times=None, audio=None, values=(), **video):
    """Return the plan of one output of a source of ten seconds."""
    named = {"own": spec(audio=audio, **video)}
    asked = job({"setting": "own", "destination": "/out/a.mov"}, specs=named)
    told = {**seen(times or steady(250)), **dict(values)}
    return COMPRESSOR.plan(asked, found(told, times or steady(250)), ROOM)[0]


def test_frames_that_play_at_another_rate_take_no_sound_along():
    with pytest.raises(ValueError, match="leave audio out, or conform"):
        one(audio={"codec": "aac"}, frameRate={"play": 24})
    target = one(frameRate={"play": 24}, values={"chapters": 2})
    assert any("keeps neither subtitles nor chapters" in note for note in target.notes)


def test_one_filter_that_needs_all_frames_makes_one_segment_and_says_so():
    named = {"h264-size": spec(filters=[{"hqdn3d": {}}])}
    asked = job({"setting": "h264-size", "destination": "/out/a.mov"}, specs=named)
    (target,) = planned(asked)
    assert len(target.segments) == 1
    said = "h264-size: encoded as one segment: hqdn3d needs all earlier frames"
    assert said in target.notes


def test_segments_are_frames_of_the_output():
    target = one(frameRate=50)
    assert target.segments[-1].end == 500


def test_nodes_are_told_of_which_kind_the_times_are():
    target = one(frameRate="24000/1001")
    commands = {
        task.kind: COMPRESSOR.command(task, places(target.tasks), done(task))
        for task in target.tasks
    }
    told = {"kind": "conform", "rate": "24000/1001"}
    assert commands[Kind.ASSEMBLE].input["output"] == told
    assert commands[Kind.VERIFY].input["output"] == told
    assert commands[Kind.ENCODE].input["output"] == told
    words = commands[Kind.ENCODE].words()
    assert words[words.index("-enc_time_base") + 1] == "1001/24000"
    assert words[words.index("-video_track_timescale") + 1] == "24000"


def done(task):
    values = seen(steady(250))
    return {probe(task.job).id: Result(attempt="a1", values=values)}


def test_a_timecode_counts_the_frames_of_the_output():
    video = {**seen(steady(250))["video"]}

    source = facts.read({**seen(steady(250)), "video": video, "timecode": "01:00:00:12"})
    assert timing.retimed(source, Timing(kind="doubled")).timecode == "01:00:00:24"
    slow = Timing(kind="conform", rate=Fraction(24000, 1001))
    assert timing.retimed(source, slow).timecode == "01:00:00:11"


RATES = [Fraction(30), Fraction(24000, 1001), Fraction(60), Fraction(5), Fraction(25)]


@st.composite
def tables(draw):
    """Frames at any times: VFR, gaps, a late or negative start."""
    steps = draw(st.lists(st.integers(1, 9000), min_size=1, max_size=40))
    first = draw(st.integers(-9000, 10**6))
    pts = tuple(accumulate(steps[:-1], initial=first))
    return Table(tb=Fraction(1, 90000), pts=pts, keys=(0,), last_duration=steps[-1])


def conformed(times, rate, i, j):
    """Return what ``fps`` makes of frames [i, j): the tick of each frame, and the frame it shows."""
    places = [table.nearest(pts * times.tb * rate) for pts in times.pts[i:j]]
    end = times.pts[j] if j < len(times.pts) else times.pts[-1] + times.last_duration
    places.append(max(places[-1], table.nearest(end * times.tb * rate)))
    return [(tick, i + n) for n, (a, b) in enumerate(pairwise(places)) for tick in range(a, b)]


@given(times=tables(), rate=st.sampled_from(RATES), data=st.data())
@settings(max_examples=150)
def test_a_conformed_segment_sees_all_that_its_frames_follow_from(times, rate, data):
    kind = Timing(kind="conform", rate=rate)
    out = kind.output(times)
    whole = conformed(times, rate, 0, len(times.pts))
    a = data.draw(st.integers(0, len(out.pts) - 1))
    b = data.draw(st.integers(a + 1, len(out.pts)))
    cut = handles.cut(times, out, Segment(0, a, b), kind, 0)
    i = times.pts.index(cut.start)
    j = len(times.pts) if cut.end is None else times.pts.index(cut.end)
    lowest, highest = cut.inner or (out.pts[0], None)
    made = [
        each
        for each in conformed(times, rate, i, j)
        if lowest <= each[0] and (highest is None or each[0] < highest)
    ]
    if len(whole) == len(out.pts):  # else the source is shorter than half a frame of the output
        assert made == whole[a:b]
    assert (cut.end is None) or b < len(out.pts)


@given(
    times=tables(),
    kind=st.sampled_from([Timing(), Timing(kind="doubled"), Timing(kind="play", rate=RATES[0])]),
    handle=st.integers(0, 9),
    data=st.data(),
)
@settings(max_examples=150)
def test_a_segment_sees_its_handle_on_both_sides_and_keeps_its_own(times, kind, handle, data):
    out, count = kind.output(times), len(times.pts)
    per = 2 if kind.kind == "doubled" else 1
    a = data.draw(st.integers(0, len(out.pts) - 1))
    b = data.draw(st.integers(a + 1, len(out.pts)))
    cut = handles.cut(times, out, Segment(0, a, b), kind, handle)
    i = times.pts.index(cut.start)
    j = count if cut.end is None else times.pts.index(cut.end)
    assert i <= max(0, a // per - handle)
    assert j >= min(count, -(-b // per) + handle)
    ticks = times.pts if kind.kind == "play" else out.pts
    if cut.inner:
        assert cut.inner[0] == ticks[a]
        assert cut.inner[1] == (ticks[b] if b < len(out.pts) else None)
    else:
        assert (a, b) == (0, len(out.pts)) or (not handle and per == 1)


@given(times=tables(), rate=st.sampled_from(RATES))
@settings(max_examples=60)
def test_a_grid_can_be_cut_like_a_source(times, rate):
    for kind in (Timing(kind="conform", rate=rate), Timing(kind="play", rate=rate)):
        ends = (0, len(times.pts) - 1)
        grid = kind.grid(replace(times, keys=tuple(sorted({*ends})), scenes=ends[1:]))
        assert grid.is_rising
        assert grid.pts == kind.output(times).pts
        shown = dict(conformed(times, rate, 0, len(times.pts))) if kind.kind == "conform" else {}
        if ends[1] in shown.values():  # too short a frame may be left out
            assert shown[grid.pts[grid.scenes[0]]] == ends[1]
