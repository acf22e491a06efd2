"""A render job: what is refused, its segments, and where its frames go."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
import sample
from hypothesis import given, settings
from hypothesis import strategies as st
from standin import StandIn

from orchestrator.api import (
    Facts,
    FrameProcessor,
    IfExists,
    Job,
    Kind,
    Places,
    Room,
    Split,
    Target,
)
from orchestrator.frames.plan import span_of

PROCESSOR = FrameProcessor(StandIn())
ROOM = Room(instances=4, cores=4, node_instances=4, storage="/store", date="2026-05-04")
WHERE = Places(attempt="/a/x-000001", programs={"python": "py"}, paths={"/o": "/node"})


def job(frames=(1, 100), *, split=Split(), if_exists=IfExists.FAIL, **asks):  # noqa: B008  # frozen
    start, end, *step = frames
    told = {"start": start, "end": end, **({"step": step[0]} if step else {})}
    asks = {"scene": "/s/shot.ma", "destination": "/o/a.####.png", "frames": told, **asks}
    return Job(
        id="b-0001/j", name="j", processor="standin", asks=asks, split=split, if_exists=if_exists
    )


def planned(asked: Job, facts: Facts = Facts()) -> Target:  # noqa: B008  # frozen
    (target,) = PROCESSOR.plan(asked, facts, ROOM)
    return target


def rendered(target: Target) -> list[list[Fraction]]:
    tasks = [task for task in target.tasks if task.kind is Kind.RENDER]
    return [list(span_of(task.args).frames()) for task in tasks]


def seen(*runs: tuple[int, int]) -> Facts:
    return Facts(values={"there": [list(run) for run in runs]})


def refused(asked: Job) -> dict[str, str]:
    return {"/".join(map(str, f.path)): f.text for f in PROCESSOR.review(asked).faults}


# -- what the manifest alone shows


@pytest.mark.parametrize(
    ("asked", "where", "why"),
    [
        (job((5, 1)), "frames/end", "is before start 5"),
        (job(if_exists=IfExists.NUMBER), "destination", "use fail or replace"),
        (job(split=Split(seconds=2)), "frames", "segments.seconds is for films"),
        (job(split=Split(cuts=(2,))), "frames", "segments.cuts is for films"),
        (job(split=Split(spread="always")), "frames", "segments.spread"),
        (job(split=Split(scenes="never")), "frames", "segments.scenes"),
        (job(destination="/o/{bach}.####.png"), "destination", "did you mean {batch}?"),
        (job(destination="/o/{width}.####.png"), "destination", "known: {batch} {date} {end}"),
        (job(destination="/o/{storage}/a.####.png"), "destination", "put it first"),
        (job(destination="/o/a}.####.png"), "destination", "a single } means nothing"),
        (job(destination="/o/{date}.#.png", skipExisting=True), "skipExisting", "cannot be looked"),
        (job(destination="/o/a.mov"), "destination", "minFrames: 100 to make it one segment"),
        (job((1, 5), destination="/o/a.PNG"), "destination", "a .png holds one of 5 frames"),
    ],
)
def test_what_the_manifest_shows_is_refused_with_the_way_out(asked, where, why):
    assert why in refused(asked)[where]


def test_all_faults_are_told_at_once():
    asked = job(destination="/o/{x}.mov", split=Split(seconds=1), if_exists=IfExists.NUMBER)
    assert len(PROCESSOR.review(asked).faults) == 4


@pytest.mark.parametrize(
    "asked", [job(destination="/o/a.mov", minFrames=100), job((3, 3), destination="/o/a.png")]
)
def test_one_segment_may_write_one_file(asked):
    assert refused(asked) == {}
    assert len(rendered(planned(asked))) == 1


def test_renders_alone_want_the_program():
    review = PROCESSOR.review(job())
    tasks = planned(job()).tasks
    kinds = {Kind.PROBE, Kind.COPY, Kind.ACTION, *(task.kind for task in tasks)}
    assert {*review.needs} == {"standin"}
    assert {kind for kind in kinds if kind not in review.plain} == {Kind.RENDER}


# -- segments


def test_segments_have_at_least_so_many_frames():
    assert [len(part) for part in rendered(planned(job((1, 25))))] == [12, 13]
    assert [len(part) for part in rendered(planned(job((1, 25), minFrames=30)))] == [25]
    split = Split(frames=10)
    assert [len(part) for part in rendered(planned(job((1, 25), split=split)))] == [10, 10, 5]


@settings(max_examples=sample.times(150))
@given(st.sets(st.integers(0, 119)), st.integers(1, 30))
def test_every_frame_that_is_not_there_is_rendered_once(there, frames_min):
    asked = job((-10, 49.5, 0.5), minFrames=frames_min, skipExisting=True)
    target = planned(asked, seen(*((index, index) for index in sorted(there))))
    frames = [frame for part in rendered(target) for frame in part]
    assert frames == [Fraction(n, 2) - 10 for n in range(120) if n not in there]
    assert [s.frames for s in target.segments] == [len(part) for part in rendered(target)]
    assert target.frames == len(frames)


def test_frames_that_are_there_stay_unless_they_are_replaced():
    with pytest.raises(ValueError, match=r"/o/a\.0003\.png: exists \(and 4 more\).*skipExisting"):
        planned(job(), seen((2, 6)))
    assert len(rendered(planned(job(if_exists=IfExists.REPLACE), seen((2, 6))))) == 10


def test_nothing_missing_is_looked_at_and_nothing_else():
    target = planned(job(skipExisting=True, sequenceCheck=False), seen((0, 99)))
    assert [task.kind for task in target.tasks] == [Kind.VERIFY]
    assert target.tasks[0].needs == ("b-0001/j/probe",)
    assert target.notes == ("all 100 frames were there already",)


def test_long_list_of_what_is_there_stands_in_a_file():
    facts = Facts(
        values={"there": {"file": "there.json", "sha256": "x"}},
        files={"there.json": json.dumps([[0, 89]]).encode()},
    )
    assert [len(p) for p in rendered(planned(job(skipExisting=True), facts))] == [10]


# -- the graph


def test_whole_sequence_is_looked_at_last_unless_it_is_not_wanted():
    *_, last = planned(job((1, 20))).tasks
    assert last.kind is Kind.VERIFY
    assert last.needs == tuple(f"b-0001/j/frames/00000{n}/publish" for n in (0, 1))
    kinds = [task.kind for task in planned(job((1, 20), sequenceCheck=False)).tasks]
    assert kinds == [Kind.RENDER, Kind.PUBLISH] * 2


def test_hundred_thousand_frames_are_small_words():
    tasks = planned(job((1, 100_000))).tasks
    assert len(tasks) == 20_001
    assert max(len(json.dumps(task.args)) for task in tasks) < 100


# -- names


def test_tokens_are_filled_in():
    folder = "{storage}/{batch}/{job}/{date}"
    asked = job((1, 20, 2), destination=f"{folder}/{{scene.stem}}-{{start}}-{{end}}.{{frame}}.png")
    target = planned(asked)
    assert target.destination == "/store/b-0001/j/2026-05-04/shot-1-20.####.png"
    publish = next(task for task in target.tasks if task.kind is Kind.PUBLISH)
    command = PROCESSOR.command(publish, at(publish), {})
    assert command.input is not None
    assert command.input["folder"] == "/store/b-0001/j/2026-05-04"
    assert command.input["frames"][:2] == [
        ["0001", "shot-1-20.0001.png"],
        ["0003", "shot-1-20.0003.png"],
    ]


def test_on_this_computer_storage_is_the_folder_of_the_scene():
    here = Room(instances=1, cores=1, node_instances=1)
    (target,) = PROCESSOR.plan(job(destination="{storage}/a.####.png"), Facts(), here)
    assert target.destination == "/s/a.####.png"


def test_files_may_be_numbered_from_anywhere_while_frames_keep_their_numbers():
    target = planned(job((1, 3, 0.5), destination="/o/a.####.png", numberFrom=10, minFrames=2))
    made = [task for task in target.tasks if task.kind is Kind.PUBLISH]
    named = [PROCESSOR.command(task, at(task), {}).input["frames"] for task in made]
    assert [pair for part in named for pair in part] == [
        ["0001.0", "a.0010.png"],
        ["0001.5", "a.0011.png"],
        ["0002.0", "a.0012.png"],
        ["0002.5", "a.0013.png"],
        ["0003.0", "a.0014.png"],
    ]


def test_node_is_told_its_own_paths():
    for task in planned(job((1, 3))).tasks:
        asked = json.dumps(PROCESSOR.command(task, at(task), {}).input)
        assert "/o/" not in asked
        assert ("/node" in asked) == (task.kind is not Kind.RENDER)


def at(task):
    return Places(
        attempt=WHERE.attempt,
        results={need: f"/a/{number}" for number, need in enumerate(task.needs)},
        programs=WHERE.programs,
        paths=WHERE.paths,
    )
