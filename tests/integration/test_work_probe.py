"""probe: what it says of sources, and how it refuses what is none."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest
from media import generated, real
from pipeline import Pipeline

pytestmark = pytest.mark.timeout(300)
COPY = ("-c:v", "copy")


def probe(root: Path, source: Path, code: int = 0, **more: object) -> Pipeline:
    line = Pipeline(root / "attempts", source, COPY)
    line.done = line.probe(code, **more)
    return line


def video(root: Path, name: str) -> dict[str, object]:
    return dict(probe(root / name, generated(name)).facts["video"])


def test_facts_of_a_plain_file(tmp_path):
    facts = probe(tmp_path, generated("sound.mp4")).facts
    assert facts["video"] | {"frames": 100, "rate": "25/1", "constant": True} == facts["video"]
    assert (facts["video"]["gop"], facts["video"]["intra"]) == (12, False)
    assert facts["audio"][0] | {"codec": "aac", "rate": 48000, "channels": 1} == facts["audio"][0]
    assert facts["audio"][0]["samples"] == 192000
    assert facts["table"]["mode"] == "packets"


@pytest.mark.pitfall(23)
def test_hidden_packets_of_an_edit_list_are_no_frames(tmp_path):
    facts = probe(tmp_path, real("movie-hello.mp4")).facts
    assert facts["video"]["frames"] == 249
    assert float(Fraction(facts["video"]["start"])) == pytest.approx(0.033, abs=1e-4)
    assert float(Fraction(facts["audio"][0]["start"])) == pytest.approx(0.042, abs=1e-3)


def test_true_vfr_is_not_called_constant(tmp_path):
    facts = video(tmp_path, "vfr.mp4")
    assert not facts["constant"]


@pytest.mark.parametrize(
    ("name", "rate"), [("ntsc.mov", "24000/1001"), ("sound.mkv", "25/1"), ("sound.ts", "25/1")]
)
def test_rate_is_exact_also_where_the_clock_is_coarse(tmp_path, name, rate):
    facts = video(tmp_path, name)
    assert (facts["rate"], facts["constant"]) == (rate, True)


@pytest.mark.parametrize(("name", "frames"), [("old.avi", 100), ("raw.h264", 100)])
def test_files_without_times_are_indexed_by_the_decoder(tmp_path, name, frames):
    line = probe(tmp_path, generated(name))
    assert line.facts["table"]["mode"] == "decoder"
    assert line.facts["video"]["frames"] == frames
    assert line.table.is_rising
    assert "indexed by decoding" in line.facts["notes"][0]


def test_decoder_index_equals_the_packets_where_they_tell_the_truth(tmp_path):
    by_packets = probe(tmp_path / "a", generated("b-frames.mp4"))
    by_decoder = probe(tmp_path / "b", generated("b-frames.mp4"), mode="decoder")
    assert by_decoder.table.pts == by_packets.table.pts
    assert by_decoder.table.keys == by_packets.table.keys


@pytest.mark.pitfall(17)
def test_field_order_comes_from_the_frames(tmp_path):
    assert video(tmp_path, "interlaced.mov")["field_order"] == "bb"
    assert video(tmp_path, "prores.mov")["field_order"] == "progressive"


def test_sound_alone_is_a_source_where_no_picture_is_wanted(tmp_path):
    facts = probe(tmp_path, generated("sound.wav"), video_wanted=False).facts
    assert facts["video"] is None
    assert facts["audio"][0]["samples"] == 192000


def test_destinations_that_stand_are_named(tmp_path):
    there = tmp_path / "there.mov"
    there.write_bytes(b"x")
    wanted = [str(there), str(tmp_path / "new/deep/a.mov")]
    facts = probe(tmp_path, generated("sound.mp4"), destinations=wanted).facts
    assert facts["existing"] == {str(there): True}


def test_destination_below_a_file_is_refused_before_encoding(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    wanted = [str(tmp_path / "file/a.mov")]
    done = probe(tmp_path, generated("sound.mp4"), 1, destinations=wanted).done
    assert done.result["final"]
    assert "is no folder" in done.result["error"]


def truncated(path: Path) -> None:
    data = generated("sound.mp4").read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def playlist(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.ts\n#EXT-X-ENDLIST\n")


def script(path: Path) -> None:
    path.write_text(f"ffconcat version 1.0\nfile '{generated('sound.mp4')}'\n")


FAULTS = {
    "missing": (lambda path: None, "is missing"),
    "empty": (lambda path: path.touch(), "is empty"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "pipe": (os.mkfifo, "is no regular file"),
    "text": (lambda path: path.write_text("hello"), "is not media"),
    "truncated": (truncated, "moov atom not found"),
    "playlist": (playlist, "is not media"),
    "script": (script, "is no media file of a kind that is read here"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_source_is_refused_in_one_sentence(tmp_path, fault):
    make, fact = FAULTS[fault]
    path = tmp_path / "source.mp4"
    make(path)
    done = probe(tmp_path, path, 1).done
    assert done.result["cause"] == "source"
    assert done.result["error"].startswith(f"{path}: ")
    assert fact in done.result["error"]


def test_file_without_picture_is_refused_where_one_is_wanted(tmp_path):
    done = probe(tmp_path, generated("sound.wav"), 1).done
    assert "has no video" in done.result["error"]


@pytest.mark.media
def test_scene_changes_are_found_only_where_they_are_asked_for(tmp_path):
    source = real("bikes.mp4")
    assert probe(tmp_path / "plain", source).table.scenes == ()
    assert probe(tmp_path / "asked", source, scenes="auto").table.scenes == (30, 76, 137, 187, 242)


def test_scene_changes_have_the_places_of_an_uneven_source(tmp_path):
    line = probe(tmp_path, generated("edit-list.mp4"), scenes="always")
    assert set(line.table.scenes) <= set(range(1, len(line.table.pts)))
