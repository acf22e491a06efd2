"""The files that settings name: every node must see them, and they are looked at first."""

from typing import Any

from compressor_jobs import COMPRESSOR, ROOM, found, job, places, probe, seen, steady

from orchestrator.api import Kind, Result

LOOK: dict[str, Any] = {
    "processor": "compressor",
    "container": "mkv",
    "video": {
        "codec": "ffv1",
        "lut": "/in/film.cube",
        "watermark": {"image": "/in/logo.png"},
        "timecodeBurnIn": {"font": "/in/plain.ttf"},
    },
}
NAMED = ["/in/film.cube", "/in/logo.png", "/in/plain.ttf"]


def test_every_file_of_a_setting_is_media_of_its_jobs():
    review = COMPRESSOR.review(job("own", specs={"own": LOOK}))
    assert [path for _, path in review.media] == ["/in/trailer.mov", *NAMED]
    assert review.media[1][0] == ("outputs", 0, "setting")


def test_a_node_without_a_filter_that_is_needed_gets_nothing():
    needs = COMPRESSOR.review(job("own", specs={"own": LOOK})).needs["ffmpeg"]
    assert {"filter:zscale", "filter:lut3d", "filter:drawtext"} <= {part for part, _ in needs}


def test_the_probe_looks_at_them_and_each_encoder_is_told_what_it_saw():
    asked = job("own", specs={"own": LOOK})
    task = probe(asked)
    assert task.args["props"] == [
        [kind, path] for kind, path in zip(("lut", "image", "font"), NAMED, strict=True)
    ]
    times = steady(250)
    values = {**seen(times), "props": ["1", "2", "3"]}
    (target,) = COMPRESSOR.plan(asked, found(values, times), ROOM)
    encode = next(task for task in target.tasks if task.kind is Kind.ENCODE)
    done = {"friday-0001/trailer/probe": Result(attempt="a1", values=values)}
    stage = COMPRESSOR.command(encode, places(target.tasks), done).input["stage"]
    assert stage[0] == {"name": "lut.cube", "path": "/in/film.cube", "digest": "1"}
    assert stage[1] == {"name": "watermark.png", "path": "/in/logo.png", "digest": "2"}
    assert stage[2] == {"name": "timecode.ttf", "path": "/in/plain.ttf", "digest": "3"}
    assert stage[3]["text"].startswith("%{eif:")


def test_settings_without_files_ask_for_none():
    assert "props" not in probe(job("h264-1080p")).args
