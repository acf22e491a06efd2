"""Measuring: both sides go through one chain, in one format, frame by frame."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from compressor_jobs import COMPRESSOR, job, places, planned, seen, split, steady

from orchestrator.api import Accept, Command, Outcome, Reject, Result, Target
from orchestrator.model.work import Ending
from orchestrator_compressor import measure

PROBE = "friday-0001/trailer/probe"
SPEC = {
    "processor": "compressor",
    "container": "mp4",
    "video": {"codec": "h264", "pixelFormat": "yuv420p", "quality": {"vmaf": 95, "samples": 2}},
}


def target(**more: Any) -> Target:
    """Return the plan of an output of that setting that is measured."""
    output = {"setting": "q", "destination": "/out/a.mp4", "measure": ["vmaf", "xpsnr"], **more}
    asked = job(output, specs={"q": SPEC}, split=split(frames=500))
    return planned(asked, steady(1000))[0]


def commands(values: dict[str, Any] | None = None, **more: Any) -> dict[str, Command]:
    """Return the commands of a quality that is measured; `values`: what the search found."""
    tasks = target(**more).tasks
    done = {PROBE: Result(attempt="a1", values=seen(steady(1000)))}
    if values is not None:
        done["friday-0001/trailer/q/analyse"] = Result(attempt="a2", values=values)
    made = {task.id: COMPRESSOR.command(task, places(tasks), done) for task in tasks}
    return {id.partition("/q/")[2]: command for id, command in made.items()}


def test_every_segment_is_encoded_at_the_crf_that_was_found():
    made = commands({"crf": 23.25, "vmaf": 95.1})
    for n in range(2):
        words = made[f"{n:06d}/encode"].words()
        assert ("-crf", "23.25") in set(pairwise(words))


@pytest.mark.parametrize(
    ("found", "verdict"), [({"crf": 23.25}, Accept), ({}, Reject), ({"crf": "no"}, Reject)]
)
def test_a_search_that_found_nothing_is_none(found, verdict):
    search = target().tasks[0]
    outcome = Outcome(attempt="a", ending=Ending.EXITED, exit_code=0, result=found)
    assert isinstance(COMPRESSOR.check(search, outcome), verdict)


def test_a_dry_run_says_that_the_crf_is_not_known_yet():
    assert ("-crf", "{crf}") in set(pairwise(commands()["000000/encode"].words()))


def test_samples_are_encoded_and_measured_as_the_segments_will_be():
    made = commands({"crf": 23.25})
    words, asked = made["000000/encode"].words(), made["analyse"].input or {}
    first: Any = asked["samples"][0]  # type: ignore[index]
    kept = words[words.index("-c:v") : words.index("-an")]
    found = first["encode"][first["encode"].index("-c:v") : first["encode"].index("-an")]
    assert [word for word in found if word != "0"] == [word for word in kept if word != "23.25"]
    assert (first["frames"], first["file"]) == (250, "sample-0.mov")
    chain = next(word for word in first["measure"] if "libvmaf" in word)
    assert "trim=start_pts=64000:end_pts=192000," in chain
    assert made["analyse"].watch
    assert made["analyse"].stall_s


def test_both_sides_are_counted_alike_before_they_are_compared():
    words = commands({"crf": 20})["verify"].words()
    graph = words[words.index("-filter_complex") + 1]
    ours, theirs, *metrics = graph.split(";")
    clock = "settb=1/25,setpts=N,fps=25,format=yuv420p"
    told = "setparams=range=tv:colorspace=bt709"
    assert ours == f"[0:v:0]{told},{clock}[m0]"
    assert theirs.endswith(f"{clock},split=2[r0][r1]")
    assert [each.partition("=")[0] for each in metrics] == ["[m0][r0]libvmaf", "[m1][r1]xpsnr"]
    assert all("shortest=1:repeatlast=0" in each for each in metrics)


def test_without_a_wish_nothing_is_measured():
    assert "-filter_complex" not in commands(measure=[])["verify"].words()


@pytest.mark.parametrize(
    ("pixel_format", "compared"),
    [
        ("yuv420p", "yuv420p"),
        ("yuva444p10le", "yuv444p10le"),
        ("yuv422p9le", "yuv422p10le"),
        ("yuv444p16le", "yuv444p12le"),
        ("bgr0", "yuv444p"),
        ("gbrp10le", "yuv444p10le"),
        ("gray", "yuv420p"),
        ("gray12le", "yuv420p12le"),
    ],
)
def test_any_format_is_compared_in_one_that_both_filters_take(pixel_format, compared):
    assert measure.compared(pixel_format) == compared


def test_the_report_goes_where_it_was_asked_for():
    extras: Any = (commands(report="/out/r")["publish"].input or {})["reports"]
    assert [each["destination"] for each in extras] == ["/out/r.json", "/out/r.html"]
    assert (commands()["publish"].input or {})["reports"] == []
