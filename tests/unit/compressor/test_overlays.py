"""What is drawn: timecode that follows from time, and nothing of a person's in ffmpeg's words."""

import math
import re
from dataclasses import replace
from fractions import Fraction
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_compressor import chain, overlays
from orchestrator_compressor.facts import Colour
from orchestrator_compressor.geometry import Geometry
from orchestrator_compressor.overlays import Canvas

CANVAS = Canvas(
    frame=Geometry(width=1920, height=1080, sar=Fraction(1)),
    pixel_format="yuv422p10le",
    colour=Colour(range="tv", matrix="bt709"),
    start=Fraction(0),
    rate=Fraction(25),
    timecode=None,
)
NTSC = Fraction(30000, 1001)


def drawn(words: str, t: float) -> str:
    """What drawtext makes of its text at `t` seconds: its expressions are Python's, too."""
    names = {"t": t, "floor": math.floor, "max": max, "mod": lambda a, b: a - b * (a // b)}
    part = re.compile(r"%\{eif:([^:]*):d:2\}")
    return part.sub(lambda hit: f"{int(eval(hit[1], names)):02d}", words)


def labels(drop: int, whole: int, separator: str):
    """Every timecode of a day: what drop-frame leaves out is left out by name."""
    for minute in range(24 * 60):
        for second in range(60):
            first = drop if drop and second == 0 and minute % 10 else 0
            for frame in range(first, whole):
                yield f"{minute // 60:02d}:{minute % 60:02d}:{second:02d}{separator}{frame:02d}"


@pytest.mark.pitfall(14)
@pytest.mark.parametrize(
    ("rate", "separator", "drop"),
    [(Fraction(25), ":", 0), (NTSC, ";", 2), (NTSC, ":", 0), (2 * NTSC, ";", 4)],
)
def test_a_timecode_counts_as_people_do(rate, separator, drop):
    whole = round(rate)
    words = overlays.counted(f"00:00:00{separator}00", Fraction(0), rate)
    ten = 600 * whole - 9 * drop
    every = list(islice(labels(drop, whole, separator), 12 * 60 * whole))
    for n in {0, 1, 60 * whole - 1, 60 * whole, ten - 1, ten, *range(0, 11 * 60 * whole, 91)}:
        assert drawn(words, float(n / rate)) == every[n], n
        assert drawn(words, float((2 * n + 1) / rate / 2)) == every[n], "of its second field"


@given(st.integers(0, 2_500_000), st.integers(0, 2_500_000), st.sampled_from([NTSC, Fraction(25)]))
def test_a_start_is_only_another_frame_of_the_same_count(first, passed, rate):
    separator = ";" if rate == NTSC else ":"
    zero = Fraction(80, 3)
    plain = overlays.counted(f"00:00:00{separator}00", zero, rate)
    start = drawn(plain, float(zero + first / rate))
    moved = overlays.counted(start, zero, rate)
    at = float(zero + passed / rate)
    assert drawn(moved, at) == drawn(plain, float(zero + (first + passed) / rate))


def test_after_the_last_frame_of_a_day_comes_the_first():
    words = overlays.counted("23:59:59;29", Fraction(0), NTSC)
    assert drawn(words, float(1 / NTSC)) == "00:00:00;00"


@pytest.mark.parametrize(
    ("start", "rate", "said"),
    [
        ("01:00:00;00", Fraction(25), "drop-frame, which 25 frames a second cannot have"),
        ("01:00:00:25", Fraction(25), "a second has 25 frames only"),
        ("01:00:00:00", None, "unknown"),
    ],
)
def test_a_timecode_that_cannot_be_counted_is_refused(start, rate, said):
    with pytest.raises(ValueError, match=said):
        overlays.counted(start, Fraction(0), rate)


@given(st.text(min_size=1), st.text(alphabet="ab'[];,:=%\\ /", min_size=1))
def test_nothing_that_a_person_wrote_is_a_word_of_a_filter(text, path):
    """T04: texts and paths stand in files of our own names."""
    names = {"text": text, "font": f"/{path}.ttf"}
    spec = {"text": names, "watermark": {"image": f"/{path}.PNG"}}
    filters, _ = overlays.settle(overlays.read(spec), CANVAS)
    harmless = overlays.read({"text": {"text": "x"}, "watermark": {"image": "/a.png"}})
    assert [each.words for each in filters] == [
        each.words for each in overlays.settle(harmless, CANVAS)[0]
    ]
    found = {prop.name: prop for prop in chain.props(filters)}
    assert found["text.txt"].text == text
    assert found["text.ttf"].path == f"/{path}.ttf"
    assert found["watermark.png"].path == f"/{path}.PNG"


def test_nothing_asked_is_no_filter():
    assert overlays.settle(overlays.read({}), CANVAS) == ((), ())


def test_the_sources_timecode_is_burned_in_or_a_note_says_that_it_has_none():
    burn = overlays.read({"timecodeBurnIn": {}})
    _, notes = overlays.settle(burn, CANVAS)
    assert "no timecode" in notes[0]
    filters, notes = overlays.settle(burn, replace(CANVAS, timecode="10:00:00:00"))
    assert not notes
    words = next(prop.text for prop in chain.props(filters) if prop.text)
    assert drawn(words, 0.04) == "10:00:00:01"


@pytest.mark.parametrize(
    ("pixel_format", "surface"),
    [
        ("yuv420p", "format=yuv420:"),
        ("yuv422p10le", "format=yuv422p10:"),
        ("yuva444p10le", "format=yuv444p10:"),
        ("bgr0", "format=rgb:"),
        ("gray", "format=yuv444:"),
    ],
)
def test_an_image_is_laid_over_pictures_as_they_are(pixel_format, surface):
    mark = overlays.read({"watermark": {"image": "/a.jpg"}})
    filters, _ = overlays.settle(mark, replace(CANVAS, pixel_format=pixel_format))
    assert surface in filters[-1].words
    assert "format_name=jpeg_pipe" in filters[-1].words
