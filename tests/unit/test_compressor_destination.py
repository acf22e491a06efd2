"""Destinations: tokens, what is refused at submission, what only the probe can show."""

import pytest
from compressor_jobs import COMPRESSOR, ROOM, SOURCE, job, planned, steady

from orchestrator.api import IfExists, Room
from orchestrator_compressor import destination


def at(template: str, setting: str = "h264-1080p") -> dict[str, str]:
    return {"setting": setting, "destination": template}


def said(template: str, setting: str = "h264-1080p") -> list[str]:
    return [fault.text for fault in COMPRESSOR.review(job(at(template, setting))).faults]


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/o/{source.stem}-{setting}.mp4", "/o/trailer-h264-1080p.mp4"),
        ("/o/{source.name}.{source.ext}.mp4", "/o/trailer.mov.mov.mp4"),
        ("{source.parent}/x.mp4", "/in/x.mp4"),
        ("/o/{batch}/{job}/{counter}.mp4", "/o/friday-0001/trailer/1.mp4"),
        ("/o/{width}x{height}@{fps}-{codec}-{segments}.mp4", "/o/1920x1080@25-h264-2.mp4"),
        ("/o/{date}.mp4", "/o/2026-05-04.mp4"),
        ("{storage}/x.mp4", "/in/x.mp4"),
        ("/o/{{a}}.mp4", "/o/{a}.mp4"),
    ],
)
def test_tokens_are_filled(template, path):
    (target,) = planned(job(at(template)))
    assert target.destination == path


def test_storage_is_that_of_the_cluster_where_there_is_one():
    room = Room(instances=2, cores=2, node_instances=2, storage="/mnt/storage")
    (target,) = planned(job(at("{storage}/x.mp4")), room=room)
    assert target.destination == "/mnt/storage/x.mp4"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("/o/{source.stm}.mp4", "unknown token {source.stm}; did you mean {source.stem}?"),
        ("/o/{zzz}.mp4", "known: {batch}"),
        ("/o/{.mp4", "a single { means nothing; write {{"),
        ("/o/{storage}/x.mp4", "{storage} is a whole folder; put it first"),
        ("/o/x.mov", "ends in .mov, but setting h264-1080p writes mp4"),
        (SOURCE.replace("mov", "mp4"), None),
    ],
)
def test_a_wrong_template_is_refused_with_the_way_out(template, text):
    texts = said(template)
    assert texts == [] if text is None else any(text in each for each in texts)


def test_pictures_of_a_sound_are_refused():
    assert "wav has no pictures" in said("/o/{width}.wav", "wav")[0]


def test_the_source_itself_is_refused():
    assert said(SOURCE, "prores-422-hq") == ["is the source itself; choose another name"]


def test_an_ending_nobody_knows_is_kept_and_noted():
    (target,) = planned(job(at("/o/x.video")))
    assert target.destination == "/o/x.video"
    assert "/o/x.video: written as named, though it holds mp4" in target.notes


def test_files_that_the_manifest_tells_are_claimed():
    review = COMPRESSOR.review(job(at("/o/{setting}.mp4"), at("/o/{width}.mp4")))
    assert review.claims == ((("outputs", 0, "destination"), "/o/h264-1080p.mp4"),)


def test_a_numbered_destination_claims_nothing():
    assert COMPRESSOR.review(job("aac", if_exists=IfExists.NUMBER)).claims == ()


def test_outputs_that_meet_after_the_probe_fail_the_job():
    both = job(at("/o/{width}.mp4"), at("/o/1920.mp4"))
    with pytest.raises(ValueError, match="written by both"):
        planned(both, steady(250), ROOM)


def test_every_known_token_is_described_in_the_schema():
    outputs = COMPRESSOR.schema["properties"]["outputs"]  # type: ignore[index]
    text = outputs["items"]["properties"]["destination"]["description"]
    assert set(destination.tokens(text)) == destination.KNOWN
