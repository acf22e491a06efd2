"""In and out points: how they are written, which frames they mean, and what follows from them."""

from fractions import Fraction

import pytest
from compressor_jobs import seen, steady
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_compressor import facts
from orchestrator_compressor.marks import Chapter, Cue, Marks
from orchestrator_compressor.span import Span, advanced, clipped, fault, resolve
from orchestrator_compressor.table import Table, output, sliced

NTSC = Fraction(30000, 1001)
GRID = Table(tb=Fraction(1, 25), pts=tuple(range(10, 110)), keys=(0, 25, 50, 75), last_duration=1)


def span(begin, until, timecode=None):
    return resolve((begin, until), GRID, rate=Fraction(25), timecode=timecode)


@pytest.mark.parametrize(
    ("begin", "until", "first", "end"),
    [
        ("0s", None, 0, 100),
        ("00:00:01", "00:02", 25, 50),
        ("1.001s", "1.9s", 26, 48),
        ("1.0004s", "4s", 25, 100),  # written in milliseconds, as Matroska keeps times
        ("10f", "100f", 10, 100),
        ("01:00:00:05", "01:00:02:00", 5, 50),
    ],
)
def test_a_frame_is_within_from_in_to_before_out(begin, until, first, end):
    found = span(begin, until, timecode="01:00:00:00")
    assert (found.first, found.end) == (first, end)
    assert found.start == Fraction(10 + first, 25)
    assert found.stop == (None if until is None else Fraction(10 + end, 25))
    assert Span.load(found.dump()) == found


@pytest.mark.parametrize(
    ("begin", "until", "said"),
    [
        ("4.5s", None, "in: 4.5s is after its end"),
        (None, "101f", "out: 101f is after its end, 4.000 s, 100 frames"),
        ("20f", "20f", "no frame is from 20f to 20f"),
        ("01:00:00:00", None, "is a timecode, and it has none"),
    ],
)
def test_a_point_that_is_not_in_the_source_is_refused(begin, until, said):
    with pytest.raises(ValueError, match=said):
        span(begin, until)


@pytest.mark.parametrize("text", ["10", "1:2:3:4", "ten", "-1s", "1e9s", "00:00:00:00:00"])
def test_what_is_no_time_is_a_fault(text):
    assert "is no time" in fault(text)


def test_a_part_is_sought_by_all_keyframes_and_ends_where_the_source_goes_on():
    part = sliced(GRID, 80, 90)
    assert part.seek(3) == GRID.seek(83) != ()
    assert part.after == GRID.pts[90]
    assert sliced(GRID, 80, 100).after is None
    assert output(GRID, {"first": "80", "end": "90"}).pts == GRID.pts[80:90]


@given(st.integers(0, 107892 * 24 - 1), st.integers(0, 5000))
def test_drop_frame_timecode_counts_frames(start, frames):
    # whatever the start: so many frames later is the same as one by one from midnight
    begin = advanced("00:00:00;00", start, NTSC)
    both = advanced("00:00:00;00", start + frames, NTSC)
    assert advanced(begin, frames, NTSC) == both
    minutes, seconds, number = (int(both[n : n + 2]) for n in (3, 6, 9))
    assert not (number < 2 and seconds == 0 and minutes % 10)


@pytest.mark.parametrize(
    ("start", "frames", "rate", "later"),
    [
        ("00:00:59;29", 1, NTSC, "00:01:00;02"),
        ("00:09:59;29", 1, NTSC, "00:10:00;00"),
        ("00:00:59;59", 1, 2 * NTSC, "00:01:00;04"),
        ("23:59:59:24", 1, Fraction(25), "00:00:00:00"),
        ("01:00:00:00", 30, None, None),
    ],
)
def test_timecode_goes_on(start, frames, rate, later):
    assert advanced(start, frames, rate) == later


def test_cues_and_chapters_are_cut_to_the_part():
    second = 10**9
    found = clipped(
        Marks(
            cues={2: (Cue(start=0, end=second), Cue(start=second // 2, end=3 * second)), 3: ()},
            chapters=(
                Chapter(start=0, end=second, title="a"),
                Chapter(start=second, end=5 * second, title="b"),
            ),
        ),
        Span(start=Fraction(1), stop=Fraction(2)),
    )
    assert found.cues == {2: (Cue(start=second, end=2 * second),)}
    assert found.chapters == (Chapter(start=second, end=2 * second, title="b"),)


def test_pictures_of_a_part_last_as_long_as_the_part():
    values = seen(steady(1500), frames=1500, duration_s=60.0, rate="25/1")
    values["span"] = {"first": 250, "end": 500, "start": "10", "stop": "20"}
    video = facts.read(values).video
    assert video
    assert (video.start, video.duration_s, video.duration) == (10, 10.0, 10)
