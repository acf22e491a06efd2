"""Ladders: rungs that a source deserves, cut at the same frames, packaged by one more target."""

from itertools import pairwise
from typing import Any

import compressor_jobs
import pytest
from compressor_jobs import job, steady

from orchestrator.api import Kind, Split
from orchestrator_compressor import cuts, ladder, settings
from orchestrator_compressor.cuts import Rule

RUNGS = [
    {"size": {"fit": [640, 360]}, "rate": {"crf": 26}},
    {"size": {"fit": [1280, 720]}, "rate": {"crf": 23}},
    {"size": {"fit": [1920, 1080]}, "rate": {"crf": 21}},
]
SPEC: dict[str, Any] = {
    "processor": "compressor",
    "container": "hls",
    "video": {"codec": "h264", "keyInterval": 48},
    "ladder": RUNGS,
    "audio": {"codec": "aac"},
}


def planned(spec: dict[str, Any] = SPEC, frames: int = 1500, **video: Any):
    times = steady(frames)
    asked = job(
        {"setting": "l", "destination": "/out/l"}, specs={"l": spec}, split=Split(seconds=10)
    )
    return compressor_jobs.planned(asked, times, **video)


def test_each_rung_is_a_target_and_one_more_packages_them():
    *rungs, whole = planned()
    assert [each.name for each in rungs] == ["l.360p", "l.720p", "l.1080p"]
    assert [task.kind for task in rungs[0].tasks][-2:] == [Kind.ASSEMBLE, Kind.VERIFY]
    assert [task.kind for task in whole.tasks] == [
        *(Kind.AUDIO, Kind.ASSEMBLE, Kind.VERIFY, Kind.PUBLISH)
    ]
    (assemble,) = (task for task in whole.tasks if task.kind is Kind.ASSEMBLE)
    made = {
        f"friday-0001/trailer/{each.name}/{kind}"
        for each in rungs
        for kind in ("assemble", "verify")
    }
    assert made < set(assemble.needs)


def test_all_rungs_are_cut_at_the_same_frames_and_these_are_keyframes():
    *rungs, _ = planned()
    (edges,) = {tuple(segment.start for segment in each.segments) for each in rungs}
    assert len(edges) > 2
    assert all(edge % 48 == 0 for edge in edges)


def test_rungs_as_large_as_the_source_become_one():
    *rungs, whole = planned(width=1280, height=720)
    assert [each.name for each in rungs] == ["l.360p", "l.720p"]
    assert any("no 1080p" in note for note in whole.notes)


def test_two_rungs_of_one_height_have_names_of_their_own():
    spec = {**SPEC, "ladder": [RUNGS[0], {**RUNGS[0], "rate": {"crf": 20}}]}
    assert ladder.names(settings.read("l", spec)) == ("360p", "360p-2")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"container": "mp4"}, "ladder: mp4 holds one size"),
        ({"ladder": None}, "ladder: hls needs one"),
        ({"video": {"codec": "h264", "rate": {"crf": 1}}}, "video.rate: each rung"),
        ({"video": {"codec": "vp9"}}, "video.codec: a ladder is of h264 or hevc"),
        ({"video": None}, "video: a ladder needs it"),
        ({"audio": "copy"}, "audio: a ladder encodes"),
        ({"audio": {"codec": "aac", "tracks": "all"}}, "audio.tracks: a ladder has one"),
        ({"poster": {"at": "10%"}}, "poster: a folder for streaming"),
    ],
)
def test_what_no_ladder_can_be_is_said(change, says):
    spec = {key: value for key, value in {**SPEC, **change}.items() if value is not None}
    assert any(text.startswith(says) for text in settings.faults(spec))


@pytest.mark.parametrize(
    "split", [Split(), Split(frames=100), Split(seconds=3), Split(cuts=(50, 99))]
)
def test_cuts_on_a_grid_are_its_multiples(split):
    found = cuts.cut(steady(1000), split, Rule(slots=3, intra=False, grid=48))
    assert all(segment.start % 48 == 0 for segment in found)
    assert all(a.end == b.start for a, b in pairwise(found))
    assert (found[0].start, found[-1].end) == (0, 1000)


def test_a_folder_that_is_made_whole_holds_neither_source_nor_another_output():
    outputs = [
        {"setting": "l", "destination": "/out"},
        {"setting": "wav", "destination": "/out/a.wav"},
    ]
    with pytest.raises(
        ValueError, match=r"/out: setting l makes it whole, and /out/a\.wav is in it"
    ):
        compressor_jobs.planned(job(*outputs, specs={"l": SPEC}), steady(100))
    asked = job({"setting": "l", "destination": "/in"}, specs={"l": SPEC})
    with pytest.raises(ValueError, match=r"/in/trailer\.mov is in it"):
        compressor_jobs.planned(asked, steady(100))


def test_two_rates_of_one_size_are_both_kept():
    rates = [{**RUNGS[1], "rate": {"crf": crf}} for crf in (26, 22)]
    *rungs, _ = planned({**SPEC, "ladder": rates})
    assert [each.name for each in rungs] == ["l.720p", "l.720p-2"]


def test_every_rung_is_checked():
    spec = {**SPEC, "ladder": [{**RUNGS[0], "rate": {"average": "1M", "maximum": "2M"}}, RUNGS[1]]}
    assert any(text.startswith("ladder[0]: video.rate.maximum") for text in settings.faults(spec))
