"""Plans: targets, the graph of their tasks, weights, and what makes a job impossible."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from compressor_jobs import COMPRESSOR, ROOM, built_in, found, job, planned, seen, split, steady

from orchestrator.api import IfExists, Kind, task_id
from orchestrator_compressor import graph
from orchestrator_compressor.table import Table


def kinds(target):
    return [task.kind for task in target.tasks]


def test_a_target_is_encoded_joined_verified_and_published():
    (target,) = planned(job("h264-1080p", split=split(frames=100)))
    last = [Kind.AUDIO, Kind.ASSEMBLE, Kind.VERIFY, Kind.PUBLISH]
    assert kinds(target) == [Kind.ENCODE] * 3 + last


def test_ids_follow_from_batch_job_target_and_segment():
    (target,) = planned(job("h264-1080p", split=split(frames=100)))
    assert target.tasks[1].id == "friday-0001/trailer/h264-1080p/000001/encode"
    assert target.tasks[-1].id == "friday-0001/trailer/h264-1080p/publish"


@pytest.mark.pitfall(20)
def test_names_of_segments_sort_as_their_numbers_beyond_100_000():
    numbers = [0, 9, 10, 99_999, 100_000, 100_001, 999_999]
    names = [task_id("b/j", Kind.ENCODE, "h264-1080p", number) for number in numbers]
    assert sorted(names) == names


def test_every_task_needs_the_probe_and_joining_needs_all_parts():
    (target,) = planned(job("h264-1080p", split=split(frames=100)))
    assert all(task.needs[0] == "friday-0001/trailer/probe" for task in target.tasks)
    by_kind = {task.kind: task for task in target.tasks}
    assert set(by_kind[Kind.ASSEMBLE].needs[1:]) == {task.id for task in target.tasks[:4]}
    assert by_kind[Kind.ASSEMBLE].id in by_kind[Kind.VERIFY].needs
    assert by_kind[Kind.VERIFY].id in by_kind[Kind.PUBLISH].needs


def test_the_chain_is_never_lighter_than_a_part_of_its_target():
    (target,) = planned(job("h264-1080p", split=split(frames=100)))
    parts, chain = target.tasks[:4], target.tasks[4:]
    assert min(task.weight for task in chain) >= max(task.weight for task in parts)


def test_the_longest_segment_is_the_heaviest():
    (target,) = planned(job("h264-1080p", split=split(cuts=(10, 200))))
    weights = [task.weight for task in target.tasks[:3]]
    assert weights[1] == max(weights)


def test_sound_that_two_outputs_have_alike_is_encoded_once_by_a_target_of_its_own():
    twice = [
        {"setting": name, "destination": f"/out/{n}.mp4"}
        for n, name in enumerate(("h264-1080p", "hevc-10bit"))
    ]
    shared, *outputs = planned(job(*twice))
    (audio,) = shared.tasks
    assert (shared.name, audio.kind) == ("h264-1080p.sound", Kind.AUDIO)
    for target in outputs:
        assert Kind.AUDIO not in kinds(target)
        (assemble,) = (task for task in target.tasks if task.kind is Kind.ASSEMBLE)
        assert audio.id in assemble.needs
    other = planned(job(*twice, {"setting": "wav", "destination": "/out/a.wav"}))
    assert Kind.AUDIO in kinds(other[-1])


def test_two_outputs_of_one_setting_are_two_targets():
    twice = [{"setting": "aac", "destination": f"/out/{n}.m4a"} for n in (1, 2)]
    assert [target.name for target in planned(job(*twice))][1:] == ["aac", "aac-2"]


def test_sound_alone_has_no_segments():
    (target,) = planned(job("wav"))
    assert target.segments == ()
    assert kinds(target) == [Kind.AUDIO, Kind.ASSEMBLE, Kind.VERIFY, Kind.PUBLISH]


def test_a_setting_that_forbids_segments_gets_one_and_says_so():
    spec = {**built_in()["h264-1080p"], "allowSegmenting": False}
    (target,) = planned(job("h264-1080p", specs={"h264-1080p": spec}, split=split(frames=9)))
    assert len(target.segments) == 1
    assert "allowSegmenting: false" in target.notes[0]


def test_times_that_do_not_rise_are_one_segment_with_a_note():
    times = replace(steady(250), pts=(0, 0, *range(1, 249)))
    (target,) = planned(job("h264-1080p", split=split(frames=10)), times)
    assert len(target.segments) == 1
    assert "do not rise" in target.notes[0]


def test_the_last_segment_has_no_end_so_that_a_surplus_frame_meets_the_gate():
    (target,) = planned(job("ffv1-archive", split=split(frames=100)))
    ends = [task.args["cut"]["end"] for task in target.tasks[:3]]
    assert ends == [100 * 512, 200 * 512, None]


@pytest.mark.parametrize(
    ("pts", "wanted"),
    [((0, 1001, 2002), Fraction(24000, 1001)), ((0, 1001, 2003), None), ((5,), None)],
)
def test_only_frames_on_a_grid_have_a_rate(pts, wanted):
    times = Table(tb=Fraction(1, 24000), pts=pts, keys=(0,), last_duration=1001)
    assert graph.rate(times) == wanted


def test_a_source_without_pictures_cannot_become_h264():
    with pytest.raises(ValueError, match="no video, which setting h264-1080p needs"):
        COMPRESSOR.plan(job("h264-1080p"), found(seen(None), None), ROOM)


def test_a_source_without_sound_cannot_become_wav():
    values = {**seen(None), "audio": []}
    with pytest.raises(ValueError, match="no audio, which setting wav needs"):
        COMPRESSOR.plan(job("wav"), found(values, None), ROOM)


def test_an_existing_destination_fails_the_job_unless_it_may_be_replaced():
    values = {**seen(None), "existing": {"/out/wav.wav": True}}
    with pytest.raises(ValueError, match=r"/out/wav\.wav: exists"):
        COMPRESSOR.plan(job("wav"), found(values, None), ROOM)
    replaced = job("wav", if_exists=IfExists.REPLACE)
    assert COMPRESSOR.plan(replaced, found(values, None), ROOM)


def test_what_a_second_plan_finds_may_be_the_first_plans_own():
    values = seen(steady(250)) | {"existing": {"/out/aac.m4a": True}}
    values["table"] = {**values["table"], "mode": "decoder"}
    assert COMPRESSOR.plan(job("aac"), found(values, steady(250)), ROOM)


def test_a_small_job_counts_the_slots_of_one_node():
    wide = replace(ROOM, instances=40)
    (auto,) = planned(job("prores-422-hq"), steady(2500), wide)
    (always,) = planned(job("prores-422-hq", split=split(spread="always")), steady(2500), wide)
    assert len(auto.segments) < len(always.segments)


def test_a_plan_is_the_same_each_time_and_made_of_json():
    first, second = (planned(job("h264-1080p", "wav")) for _ in range(2))
    assert first == second
    for target in first:
        for task in target.tasks:
            assert json.loads(json.dumps(task.args)) == task.args
