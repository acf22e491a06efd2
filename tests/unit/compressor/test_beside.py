"""What stands beside pictures and sound is planned: named, claimed, and said where it cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from compressor_jobs import COMPRESSOR, ROOM, found, seen, steady
from compressor_jobs import job as job_of

from orchestrator.api import Job, Kind, Target
from orchestrator_compressor import supplied

H264 = {"codec": "h264", "rate": {"crf": 20}, "pixelFormat": "yuv420p"}
PRORES = {"codec": "prores", "pixelFormat": "yuv422p10le"}
SUBTITLES = {"index": 2, "type": "subtitle", "codec": "subrip", "language": "deu"}


def asked(given: dict[str, Any] | None = None, own: dict[str, Any] | None = None) -> Job:
    spec = {"processor": "compressor", "container": "mp4", "video": H264} | (own or {})
    path = f"/out/film.{spec['container']}"
    job = job_of({"setting": "own", "destination": path}, specs={"own": spec})
    job.asks.update(given or {})  # type: ignore[attr-defined]
    return job


def planned(job: Job, others: tuple[Any, ...] = (), **video: Any) -> Target:
    values = seen(steady(250), **video) | {"others": list(others)}
    (target,) = COMPRESSOR.plan(job, found(values, steady(250)), ROOM)
    return target


def kinds(target: Target) -> list[Kind]:
    return [task.kind for task in target.tasks]


def test_nothing_is_made_where_nothing_is_asked():
    assert Kind.STREAMS not in kinds(planned(asked(), (SUBTITLES,)))


def test_files_beside_are_claimed_and_read_files_are_told():
    own = {
        **{"container": "mov", "poster": {"at": "1s"}, "captions": {"sidecar": "srt"}},
        **{"thumbnails": {"every": "1s"}, "contactSheet": {"columns": 1, "rows": 1}},
    }
    given = {
        "captions": [{"path": "/in/a.vtt", "language": "en"}, {"path": "/in/b.srt"}],
        "chapters": "/in/chapters.txt",
    }
    review = COMPRESSOR.review(asked(given, own))
    assert [path.removeprefix("/out/film") for _, path in review.claims] == [
        *(".mov", ".en.srt", ".srt", ".poster.jpg", ".thumbs", ".sheet.jpg"),
    ]
    assert review.faults == ()
    assert [path for _, path in review.media][1:] == ["/in/a.vtt", "/in/b.srt", "/in/chapters.txt"]


def test_burned_captions_are_made_before_any_segment():
    given = {"captions": "/in/a.srt"}
    target = planned(asked(given, {"captions": {"burnIn": True}}))
    (made,) = (task.id for task in target.tasks if task.kind is Kind.STREAMS)
    parts = [task for task in target.tasks if task.kind in {Kind.ENCODE, Kind.ASSEMBLE}]
    assert all(made in task.needs for task in parts)
    plain = planned(asked(given))
    assert not any(made in t.needs for t in plain.tasks if t.kind is Kind.ENCODE)


@pytest.mark.parametrize(
    ("given", "own", "video", "why"),
    [
        ({"startTimecode": "01:00:00;00"}, {}, {}, "for 29.97 and 59.94"),
        ({"startTimecode": "01:00:00:00"}, {}, {"constant": False}, "no even frame rate"),
        ({}, {"captions": {"burnIn": "fr"}}, {}, "no captions in fr to burn in"),
    ],
)
def test_what_cannot_be_made_is_refused_by_the_plan(given, own, video, why):
    with pytest.raises(ValueError, match=why):
        planned(asked(given, own), (SUBTITLES,), **video)


def test_file_beside_that_exists_stops_the_job_before_it_starts():
    job = asked(own={"contactSheet": {"columns": 1, "rows": 1}})
    there = {"existing": {"/out/film.sheet.jpg": True}}
    assert "/out/film.sheet.jpg" in (COMPRESSOR.probe(job) or {})["destinations"]
    values = seen(steady(250)) | there
    with pytest.raises(ValueError, match=r"film\.sheet\.jpg: exists"):
        COMPRESSOR.plan(job, found(values, steady(250)), ROOM)


def test_subtitles_that_are_pictures_are_not_burned_in():
    pictures = {**SUBTITLES, "codec": "hdmv_pgs_subtitle"}
    with pytest.raises(ValueError, match="subtitles are pictures"):
        planned(asked(own={"captions": {"burnIn": True}}), (pictures,))


@pytest.mark.pitfall(13)
@pytest.mark.parametrize(
    ("video", "captions", "is_lost", "makes"),
    [
        (H264, {}, False, False),
        (PRORES, {}, True, False),
        (PRORES, {"sidecar": "scc"}, False, True),
        (PRORES, {"embed": True}, False, True),
        (H264, {"sidecar": "scc"}, False, True),
    ],
)
def test_closed_captions_are_kept_made_or_named(video, captions, is_lost, makes):
    own = {"container": "mov", "video": video, "captions": captions}
    target = planned(asked(own=own), captions=True)
    assert any("does not keep the closed captions" in note for note in target.notes) == is_lost
    assert (Kind.STREAMS in kinds(target)) == makes


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"captions": "/in/a.sub"}, "captions are read from"),
        ({"captions": [{"path": "/in/a.srt", "language": "xx"}]}, "three letters"),
        ({"startTimecode": "29:00:00:00"}, "a day has 24 hours"),
    ],
)
def test_faults_that_the_manifest_shows(given, text):
    assert text in " ".join(fault.text for fault in COMPRESSOR.review(asked(given)).faults)


@pytest.mark.parametrize(
    ("at", "why"),
    [("00:00:10.000", "not within"), ("01:00:00:25", "last number"), ("00:59:59:00", "not within")],
)
def test_chapters_outside_of_the_film_are_refused(at, why):
    with pytest.raises(ValueError, match=why):
        supplied.chapters([(at, "x")], 10 * 10**9, 25, "01:00:00:00")  # type: ignore[arg-type]


def test_chapters_of_a_file_are_read_line_by_line():
    text = "# remark\n00:00:00.000 One and\ttwo\n\n01:00:01:00\tThree\n"
    assert supplied.lines(text) == (("00:00:00.000", "One and two"), ("01:00:01:00", "Three"))
    with pytest.raises(ValueError, match="line 2: 'soon' is no timecode"):
        supplied.lines("# remark\nsoon x\n")
