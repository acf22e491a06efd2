"""Names of frames."""

from fractions import Fraction

import pytest

from orchestrator.frames import names
from orchestrator.frames.spans import asked


@pytest.mark.parametrize(
    ("path", "frame", "name"),
    [
        ("/o/a.####.exr", 7, "/o/a.0007.exr"),
        ("/o/a.@@.exr", 123, "/o/a.123.exr"),
        ("/o/a_%05d.exr", -3, "/o/a_-00003.exr"),
        ("/o/a%d", 12, "/o/a12"),
        ("/o.##/{frame}b.tga", 1, "/o.##/0001b.tga"),
        ("/o/v01_##.####.png", 1, "/o/v01_##.0001.png"),
    ],
)
def test_last_place_of_the_name_is_the_number(path, frame, name):
    found = names.frame_pattern(path)
    assert found is not None
    assert found.path(Fraction(frame)) == name


@pytest.mark.parametrize("path", ["/o/a.mov", "/o.####/a.mov", "/o/%0099d.png"])
def test_what_has_no_place_is_one_file(path):
    assert names.frame_pattern(path) is None
    assert names.single(path).path(Fraction(5)) == path


def numbered(frames, **more):
    span = asked(frames)
    pattern = names.frame_pattern("/o/a.####.png")
    assert pattern is not None
    decimals = names.decimals_of(span.step, span.first)
    data = {"pattern": {**names.asdict(pattern), "decimals": decimals}, "span": span.data()}
    return names.sequence_of({**data, "number_from": None, **more})


def test_frames_between_frames_have_decimals():
    found = numbered({"start": 1, "end": 2, "step": 0.5})
    files = [found.name(frame) for frame in found.span.frames()]
    assert files == ["a.0001.0.png", "a.0001.5.png", "a.0002.0.png"]


def test_files_may_be_numbered_by_themselves():
    found = numbered({"start": -1, "end": 0, "step": 0.25}, number_from=100)
    assert [found.name(frame) for frame in found.span.frames()] == [
        f"a.{number:04d}.png" for number in range(100, 105)
    ]
    assert found.number(Fraction(-1, 4)) == "-0000.25"
    assert names.sequence_of(found.data()) == found


def test_no_two_frames_have_one_name():
    for step in ("1", "0.5", "0.25", "0.125", "3"):
        found = numbered({"start": -2, "end": 40, "step": float(step)})
        files = [found.name(frame) for frame in found.span.frames()]
        assert len({*files}) == len(files), step
