"""What is kept beside pictures and sound, by container; what is not kept is named."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from compressor_jobs import built_in, seen, steady

from orchestrator_compressor import facts, settings, streams
from orchestrator_compressor.streams import Others

SETTINGS = {"mp4": "h264-1080p", "mov": "prores-422-hq", "mkv": "ffv1-archive", "webm": "vp9"}
SETTINGS |= {"wav": "wav", "m4a": "aac"}


def kept(container: str, *others: dict[str, Any], rate: Any = 25, **values: Any) -> Others:
    """Return what is kept of a source with these other streams."""
    name = SETTINGS[container]
    told = seen(steady(250)) | {"others": [{"index": n + 2, **o} for n, o in enumerate(others)]}
    source = facts.read(told | values)
    setting = settings.read(name, built_in()[name])
    return streams.settle(setting, source, None if rate is None else Fraction(rate))


def subtitle(codec: str, **more: Any) -> dict[str, Any]:
    return {"type": "subtitle", "codec": codec, **more}


@pytest.mark.parametrize(
    ("container", "codec", "wanted"),
    [
        ("mp4", "subrip", "mov_text"),
        ("mov", "ass", "mov_text"),
        ("mp4", "mov_text", "mov_text"),
        ("webm", "mov_text", "webvtt"),
        ("mkv", "mov_text", "subrip"),
        ("mkv", "ass", "ass"),
        ("mkv", "dvd_subtitle", "dvd_subtitle"),
    ],
)
def test_text_becomes_what_the_container_holds(container, codec, wanted):
    (found,) = kept(container, subtitle(codec)).subtitles
    assert (found.codec, found.is_made) == (wanted, codec != wanted)


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "hdmv_pgs_subtitle"), ("webm", "dvd_subtitle"), ("mkv", "dvb_teletext")],
)
def test_what_cannot_be_held_is_named(container, codec):
    found = kept(container, subtitle(codec, language="fra"))
    assert not found.subtitles
    (note,) = found.notes
    assert note.endswith(f"stream 2 is not kept in {container}: subtitle {codec} fra")


def test_only_text_that_is_made_anew_is_stacked():
    tangled = subtitle("subrip", overlaps=True)
    assert kept("mp4", tangled).subtitles[0].is_stacked
    assert not kept("mkv", tangled).subtitles[0].is_stacked
    assert not kept("webm", tangled).subtitles[0].is_stacked


def test_tracks_of_timecode_and_chapters_are_not_missed():
    assert kept("mp4", {"type": "timecode"}, {"type": "chapters"}).notes == ()
    assert "stream 2 is not kept in mp4: data" in kept("mp4", {"type": "data"}).notes[0]


@pytest.mark.parametrize("container", ["wav", "m4a"])
def test_sound_alone_keeps_no_subtitles_and_misses_none(container):
    found = kept(container, subtitle("subrip"), attachments=3)
    assert (found.subtitles, found.attachments, found.notes) == ((), 0, ())


@pytest.mark.parametrize(
    ("timecode", "rate", "wanted"),
    [
        ("01:00:00:00", 25, True),
        ("01:00:00;00", Fraction(30000, 1001), True),
        ("01:00:00;00", Fraction(60000, 1001), True),
        ("01:00:00;00", 25, False),
        ("01:00:00:00", None, False),
        ("nonsense", 25, False),
    ],
)
def test_a_timecode_is_kept_where_it_can_be_counted(timecode, rate, wanted):
    found = kept("mov", timecode=timecode, rate=rate)
    assert (found.timecode == timecode) is wanted
    assert bool(found.notes) is not wanted


@pytest.mark.parametrize(
    ("container", "name", "wanted"),
    [
        *(("mov", "deu", "ger"), ("mov", "eng", "eng"), ("mov", "nob", ""), ("mp4", "deu", "deu")),
        *(("mp4", "en-US", ""), ("mkv", "en-US", "en-US"), ("mkv", "und", ""), ("wav", "eng", "")),
    ],
)
def test_a_language_is_written_as_the_container_can(container, name, wanted):
    assert streams.language(container, name) == wanted


def test_the_earliest_cue_may_be_where_the_file_begins():
    found = kept("mp4", subtitle("subrip", start="3"), subtitle("ass", start="1/2"))
    assert found.start == Fraction(1, 2)
