"""Test frames come first, and nothing else is rendered before they are right."""

from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from orchestrator.frames.processor import FrameProcessor
from orchestrator.frames.schema import schema_of
from orchestrator.frames.spans import span_of
from orchestrator.model.work import Facts, Job, Kind, Room

NAMES = SimpleNamespace(
    name="tracer",
    title="Tracer",
    keys={},
    required=(),
    review=lambda job: (),
    reads=lambda job: (),
)
PROCESSOR = FrameProcessor(NAMES)
ROOM = Room(instances=2, cores=4, node_instances=2)


def job(**asks: object) -> Job:
    asked = {"frames": {"start": 1, "end": 12}, "destination": "/out/a.####.png", "minFrames": 3}
    return Job(id="b-0001/j", name="j", processor="tracer", asks={**asked, **asks})


def plan(**asks: object) -> dict[str, list[str]]:
    """Return the frames of each segment, by target."""
    return {target.name: [frames(task.args) for task in renders(target)] for target in made(**asks)}


def made(**asks: object):
    return PROCESSOR.plan(job(**asks), Facts(), ROOM)


def renders(target):
    return [task for task in target.tasks if task.kind is Kind.RENDER]


def frames(args: Mapping) -> str:
    span = span_of(args["span"])
    return f"{span.first}" if span.count == 1 else f"{span.first}-{span.last}"


def test_without_a_preview_there_is_one_target_without_a_gate():
    (target,) = made()
    assert plan() == {"frames": ["1-3", "4-6", "7-9", "10-12"]}
    assert (target.gate, {task.needs for task in renders(target)}) == ("", {()})


@pytest.mark.parametrize(
    ("asked", "tests", "rest"),
    [
        ({}, ["1", "6", "12"], ["2-5", "7-11"]),
        ({"frames": ["last", 12, "first", 1.0]}, ["1", "12"], ["2-4", "5-7", "8-11"]),
        ({"frames": [5, 6]}, ["5", "6"], ["1-4", "7-9", "10-12"]),
        ({"frames": [2]}, ["2"], ["1", "3-5", "6-8", "9-12"]),
    ],
)
def test_each_test_frame_is_a_segment_and_the_rest_are_the_runs_between(asked, tests, rest):
    assert plan(preview=asked) == {"preview": tests, "frames": rest}


def test_frames_between_frames_and_below_zero_are_test_frames_too():
    asked = {"start": -1, "end": 1, "step": 0.5}
    found = plan(frames=asked, preview={"frames": [-0.5, "middle"]})
    assert found == {"preview": ["-1/2", "0"], "frames": ["-1", "1/2-1"]}


def test_nothing_else_is_rendered_before_the_test_frames_are_published():
    first, rest = made(preview={"frames": ["first", "last"]})
    assert first.gate == ""
    published = tuple(task.id for task in first.tasks if task.kind is Kind.PUBLISH)
    assert published == (
        "b-0001/j/preview/000000/publish",
        "b-0001/j/preview/000001/publish",
    )
    assert {task.needs for task in renders(rest)} == {published}
    assert rest.gate == "look at the test frames first: /out/a.0001.png, /out/a.0012.png"
    assert [(part.start, part.end) for part in rest.segments] == [(0, 3), (3, 6), (6, 10)]


def test_test_frames_that_need_no_approval_still_come_first():
    first, rest = made(preview={"frames": [3], "approve": False})
    assert rest.gate == ""
    assert {task.needs for task in renders(rest)} == {(first.tasks[-1].id,)}


def test_job_of_test_frames_alone_has_nothing_that_waits():
    assert plan(frames={"start": 4, "end": 6}, preview={}) == {"preview": ["4", "5", "6"]}
    (target,) = made(frames={"start": 4, "end": 4}, preview={})
    assert (len(renders(target)), target.gate) == (1, "")


def test_whole_sequence_is_looked_at_once_all_of_it_is_published():
    *_, look = [task for target in made(preview={"frames": [3]}) for task in target.tasks]
    assert (look.kind, look.target) == (Kind.VERIFY, "frames")
    assert [need.rpartition("j/")[2] for need in look.needs] == [
        "preview/000000/publish",
        *(f"frames/{n:06}/publish" for n in range(len(look.needs) - 1)),
    ]
    (alone,) = made(frames={"start": 4, "end": 6}, preview={})
    assert alone.tasks[-1].id == "b-0001/j/preview/verify"


def test_test_frame_that_is_there_already_is_not_rendered_and_still_to_be_looked_at():
    facts = Facts(values={"there": [[0, 0], [4, 6]]})
    asked = job(preview={"frames": ["first"]}, skipExisting=True)
    (rest,) = PROCESSOR.plan(asked, facts, ROOM)
    assert [frames(task.args) for task in renders(rest)] == ["2-4", "8-12"]
    assert rest.gate == "look at the test frames first: /out/a.0001.png"
    whole = Facts(values={"there": [[0, 11]]})
    assert [target.gate for target in PROCESSOR.plan(asked, whole, ROOM)] == [""]


def test_frames_that_go_into_one_file_have_no_test_frames():
    (fault,) = PROCESSOR.review(job(destination="/out/a.mov", minFrames=12, preview={})).faults
    assert fault.path == ("preview",)


@pytest.mark.parametrize("number", [0, 13, 2.5])
def test_test_frame_that_is_not_rendered_is_refused_at_its_place(number):
    (fault,) = PROCESSOR.review(job(preview={"frames": ["first", number]})).faults
    assert fault.path == ("preview", "frames", 1)
    assert fault.text.startswith(f"{number} is not rendered: the job's frames are 1 to 12;")


def test_frame_that_a_step_leaves_out_is_refused():
    review = PROCESSOR.review(
        job(frames={"start": 1, "end": 12, "step": 3}, preview={"frames": [5]})
    )
    assert "frames are 1 to 10 by 3" in review.faults[0].text


def test_defaults_are_those_of_the_schema():
    asked = schema_of(NAMES)["properties"]["preview"]["properties"]
    default = {key: each["default"] for key, each in asked.items()}
    assert plan(preview=default) == plan(preview={})
    assert [each.gate for each in made(preview=default)] == [each.gate for each in made(preview={})]
