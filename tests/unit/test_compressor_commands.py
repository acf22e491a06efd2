"""Commands: nothing but words, guarded inputs, and what a node must know."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from compressor_jobs import COMPRESSOR, job, places, planned, probe, seen, split, steady

from orchestrator.api import Command, Kind, Result, Task
from orchestrator_compressor.table import Table

PROBE = "friday-0001/trailer/probe"


def commands(asked: Any, times: Table | None = None, **video: Any) -> dict[str, Command]:
    """Return the commands of a plan whose probe is done, by the end of their task's id."""
    times = times or steady(250)
    tasks: tuple[Task, ...] = tuple(
        t for each in planned(asked, times, **video) for t in each.tasks
    )
    done = {PROBE: Result(attempt="a1", values=seen(times, **video))}
    made = {task.id: COMPRESSOR.command(task, places(tasks), done) for task in tasks}
    return {id.partition("/trailer/")[2]: command for id, command in made.items()}


@pytest.mark.parametrize("setting", ["h264-1080p", "ffv1-archive", "wav", "vp9"])
def test_every_input_is_a_file_of_known_format(setting):
    for command in commands(job(setting)).values():
        words = command.words()
        for place in (n for n, word in enumerate(words) if word == "-i"):
            assert words[place + 1].startswith("file:/")
            assert words[place - 4 : place : 2] == ["-protocol_whitelist", "-format_whitelist"]


def test_a_damaged_source_ends_the_encoder_unless_the_job_warns():
    fails, warns = (
        commands(job("h264-1080p", on_decode_errors=each))["h264-1080p/000000/encode"].words()
        for each in ("fail", "warn")
    )
    assert "-xerror" in fails
    assert "-xerror" not in warns
    assert ("-v", "warning") in set(pairwise(warns))


@pytest.mark.pitfall(21)
def test_threads_are_the_cores_of_a_node_shared_out():
    words = commands(job("hevc-10bit"))["hevc-10bit/000000/encode"].words()
    assert words.count("-threads") == 2
    assert all(b == "2" for a, b in pairwise(words) if a == "-threads")
    assert "pools=2:frame-threads=1" in str(words)


def test_an_uneven_source_keeps_its_clock():
    times = Table(tb=steady(1).tb, pts=(0, 512, 1600, 2048), keys=(0,), last_duration=512)
    words = commands(job("h264-1080p"), times)["h264-1080p/000000/encode"].words()
    assert ("-enc_time_base", "filter") in set(pairwise(words))
    assert any("setpts=PTS-STARTPTS" in word for word in words)


def test_commands_work_in_the_folder_of_the_attempt():
    made = commands(job("h264-1080p", working_directory="/elsewhere"))
    assert {command.cwd for command in made.values()} == {"/store/OUT"}


def test_only_an_encoder_stalls():
    made = commands(job("h264-1080p"))
    stalling = {id.rpartition("/")[2] for id, command in made.items() if command.stall_s}
    assert stalling == {"encode"}


def test_a_node_is_told_what_its_segment_must_be():
    given = commands(job("prores-422-hq", split=split(frames=100)))
    asked = given["prores-422-hq/000001/encode"].input
    assert asked is not None
    assert (asked["segment"], asked["gate"], asked["file"]) == (
        [100, 200],
        "sampled",
        "segment.mov",
    )
    expect: Any = asked["expect"]
    assert (expect["codec"], expect["pix_fmt"], expect["frames"]) == ("prores", "yuv422p10le", 100)


def test_joining_gets_the_segments_in_the_order_of_the_plan():
    asked: Any = commands(job("ffv1-archive", split=split(frames=100)))[
        "ffv1-archive/assemble"
    ].input
    spans = [(each["a"], each["b"]) for each in asked["segments"]]
    assert spans == [(0, 100), (100, 200), (200, 250)]
    assert asked["segments"][0]["path"] == "/store/ffv1-archive-000000-encode/segment.mkv"


def test_full_range_is_said_by_the_container_where_ffv1_cannot():
    made = commands(job("ffv1-archive"), pix_fmt="yuvj420p", range="pc")
    assert "range=tv" in str(made["ffv1-archive/000000/encode"])
    assert "-color_range pc" in str(made["ffv1-archive/assemble"])
    asked: Any = made["ffv1-archive/000000/encode"].input
    assert asked["expect"]["range"] is None


def test_interlaced_pictures_stay_interlaced():
    words = str(commands(job("prores-422-hq"), field_order="tt")["prores-422-hq/000000/encode"])
    assert "field_mode=tff" in words
    assert "-flags +ildct+ilme" in words


def test_sound_that_is_copied_comes_from_the_source_itself():
    spec = {"processor": "compressor", "container": "mkv", "audio": "copy"}
    made = commands(job("copy", specs={"copy": spec}))
    assert set(made) == {"copy/assemble", "copy/verify", "copy/publish"}
    assert "-map 0:1" in str(made["copy/assemble"])


def test_a_second_probe_asks_the_decoder_and_not_for_destinations():
    asked = probe(job("h264-1080p"))
    again = Task(
        id=asked.id, job=asked.job, kind=Kind.PROBE, args={**asked.args, "mode": "decoder"}
    )
    first, second = (COMPRESSOR.command(each, places(()), {}).input for each in (asked, again))
    assert first is not None
    assert second is not None
    assert (first["mode"], first["destinations"]) == ("packets", ["/out/h264-1080p.mp4"])
    assert (second["mode"], second["destinations"]) == ("decoder", [])


def test_a_node_is_told_paths_as_it_calls_them():  # F-STOR-14
    asked = job("h264-1080p")
    tasks = tuple(task for target in planned(asked, steady(250)) for task in target.tasks)
    there = replace(places(tasks), paths={"/out": "/Volumes/out", "/in": "/Volumes/in"})
    done = {PROBE: Result(attempt="a1", values=seen(steady(250)))}
    first = COMPRESSOR.command(probe(asked), there, {}).input
    assert first is not None
    assert first["destinations"] == ["/Volumes/out/h264-1080p.mp4"]
    assert first["source"] == there.source(str(asked.asks["source"]))
    (publish,) = (task for task in tasks if task.kind is Kind.PUBLISH)
    last = COMPRESSOR.command(publish, there, done).input
    assert last is not None
    assert last["destination"] == "/Volumes/out/h264-1080p.mp4"


def test_a_shape_of_pixels_is_told_to_matroska_and_compared_where_it_can_be_kept():
    made = commands(job("ffv1-archive"), width=720, height=576, sar="64/45")
    asked: Any = made["ffv1-archive/000000/encode"].input
    assert "-aspect 16:9" in str(made["ffv1-archive/assemble"])
    assert asked["expect"]["sar"] == "64/45"
    asked = commands(job("ffv1-archive"), width=720, height=480, sar="10/11")[
        "ffv1-archive/verify"
    ].input
    assert asked["expect"]["video"]["sar"] is None


def test_full_range_has_another_name_when_h264_is_decoded():
    made = commands(job("h264-1080p"), pix_fmt="yuvj420p", range="pc")
    asked: Any = made["h264-1080p/000000/encode"].input
    assert (asked["expect"]["pix_fmt"], asked["expect"]["range"]) == ("yuvj420p", "pc")
    assert "format=yuv420p," in str(made["h264-1080p/000000/encode"])


def test_the_finished_sound_is_compared_with_what_was_encoded():
    tasks = planned(job("aac"))[0].tasks
    audio, verify = tasks[0], tasks[2]
    done = {
        PROBE: Result(attempt="a1", values=seen(steady(250))),
        audio.id: Result(attempt="a2", values={"samples": 480832}),
    }
    asked: Any = COMPRESSOR.command(verify, places(tasks), done).input
    assert asked["expect"]["audio"][0]["samples"] == 480832
