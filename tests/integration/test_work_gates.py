"""What a node refuses to accept: exit code 0 proves nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from media import FFMPEG, generated
from pipeline import Pipeline

pytestmark = pytest.mark.timeout(300)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "24")
PRORES = ("-c:v", "prores_ks")


@pytest.fixture
def line(tmp_path: Path) -> Pipeline:
    """A source of our own, probed: tests may harm it."""
    source = tmp_path / "source.mp4"
    shutil.copy2(generated("sound.mp4"), source)
    line = Pipeline(tmp_path / "attempts", source, X264)
    line.probe()
    return line


def encode(line: Pipeline, *words: str, code: int = 1, **more: object) -> dict[str, object]:
    """Run the encode verb of frames 0 to 49 with other words than Recipe R."""
    data = {
        "source": str(line.source),
        "fingerprint": line.facts["fingerprint"],
        "segment": [0, 50],
        "file": "segment.mov",
        "ffmpeg": FFMPEG,
        "mode": "decoder",
        **more,
    }
    return line.verb("encode", data, *words, code=code).result


def recipe(line: Pipeline, *, frames: int, out: str = "ATTEMPT/segment.mov") -> list[str]:
    return line.recipe(0, frames, "", out)


def test_too_few_frames_are_refused_with_both_numbers(line):
    result = encode(line, *recipe(line, frames=26))
    assert result["error"] == "segment.mov: has 26 frames instead of 50 (frames 0 to 49)"
    assert result["cause"] == "failed"


def test_packets_that_promised_other_frames_call_for_another_index(line):
    result = encode(line, *recipe(line, frames=26), code=0, mode="packets")
    assert result["mismatch"] == {"expected": 50, "found": 26, "segment": [0, 50]}


def test_empty_segment_is_refused(line):
    words = recipe(line, frames=50)
    words[words.index("-vf") + 1] = "trim=start_pts=99999999,setpts=PTS-STARTPTS"
    assert "is empty instead of 50" in str(encode(line, *words)["error"])


def test_killed_encoder_leaves_no_segment(line):
    script = line.root / "killed"
    script.write_text('#!/bin/sh\n: > "$1"\nkill -9 $$\n')
    script.chmod(0o755)
    result = encode(line, str(script), "ATTEMPT/segment.mov")
    assert result == {
        "error": "ffmpeg was ended by SIGKILL after 0 frames of frames 0 to 49",
        "cause": "crashed",
    }


def test_full_storage_is_no_fault_of_the_work(line):
    words = [*recipe(line, frames=50)[:-1], "-f", "mov", "/dev/full"]
    result = encode(line, *words)
    assert result["cause"] == "unready"
    assert "is full; free some space, it goes on by itself" in str(result["error"])


def test_replaced_source_is_not_encoded(line):
    line.source.write_bytes(generated("vfr.mp4").read_bytes())
    result = encode(line, *recipe(line, frames=50))
    assert (result["cause"], result["final"]) == ("source", True)
    assert "has changed since it was indexed (size" in str(result["error"])


def test_deleted_source_is_named(line):
    line.source.unlink()
    result = encode(line, *recipe(line, frames=50))
    assert result["cause"] == "source"
    assert str(result["error"]).startswith(f"{line.source}: is missing")


@pytest.mark.pitfall(19)
def test_corrupt_source_is_told_with_frame_and_time(tmp_path):
    data = bytearray(generated("long-gop.mp4").read_bytes())
    for i in range(400):
        data[len(data) // 2 + 5 * i] ^= 0x5A
    source = tmp_path / "source.mp4"
    source.write_bytes(data)
    line = Pipeline(tmp_path / "attempts", source, X264)
    line.probe()
    result = line.encode(0, 100, code=1).result
    assert result["cause"] == "source"
    assert "cannot be decoded" in result["error"]
    assert "a frame near" in result["error"]


@pytest.mark.pitfall(16)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("width", 640),
        ("pix_fmt", "yuv422p"),
        ("codec", "hevc"),
        ("field_order", "tt"),
        ("sar", "2/1"),
    ],
)
def test_other_headers_than_planned_are_refused_with_both_values(line, key, value):
    result = line.encode(0, 20, code=1, expect={key: value}).result
    assert f"{key} is " in result["error"]
    assert f"instead of {value}" in result["error"]


def test_sampled_gate_decodes_first_last_and_every_25th(tmp_path):
    line = Pipeline(tmp_path, generated("open-gop.mp4"), PRORES)
    line.probe()
    assert line.encode(0, 60, gate="sampled").result["decoded"] == 4
    assert line.encode(0, 60).result["decoded"] == 60


@pytest.mark.pitfall(21)
def test_progress_never_passes_the_plan(line):
    done = line.encode(0, 100)
    rows = [row.split()[0].partition("=") for row in done.out.splitlines()]
    frames = [int(value) for key, _, value in rows if key == "frame"]
    assert frames == sorted(frames)
    assert frames[-1] == 100


def test_ffmpeg_that_is_not_there_is_no_fault_of_the_work(line):
    result = encode(line, "/nowhere/ffmpeg", "out")
    assert result["cause"] == "unready"
    assert "/nowhere/ffmpeg" in str(result["error"])


@pytest.mark.pitfall(7)
def test_foreign_segment_is_refused_and_named(line):
    own = line.record(line.encode(0, 50), 0, 50)
    line.encoder = ("-c:v", "libx264", "-preset", "medium", "-qp", "24")
    foreign = line.record(line.encode(50, 100), 50, 100)
    result = line.assemble([own, foreign], code=1).result
    assert "segment 50" in result["error"]
    assert "codec headers differ" in result["error"]


@pytest.mark.pitfall(20)
def test_segments_with_a_hole_are_refused(line):
    parts = line.segments([30, 60])
    assert (
        "frames 30 to 60 are nobody's"
        in line.assemble([parts[0], parts[2]], code=1).result["error"]
    )


def test_segment_changed_after_its_gate_is_refused(line):
    parts = line.segments([50])
    path = Path(parts[1]["path"])
    data = bytearray(path.read_bytes())
    at = data.index(b"mdat") + 2000
    data[at : at + 9] = b"forgotten"
    path.write_bytes(data)
    result = line.assemble(parts, code=1).result
    assert result["error"].startswith(f"{path}: has changed since it was accepted")


def test_changed_final_file_does_not_pass(line):
    parts = line.segments([50])
    final = line.assemble(parts)
    path = final.folder / "final.mov"
    data = bytearray(path.read_bytes())
    at = data.index(b"mdat") + 2000
    data[at : at + 9] = b"forgotten"
    path.write_bytes(data)
    final.result["sha256"] = ""
    result = line.verify(final, parts, code=1).result
    assert "packets of the segments is changed in those that begin at 0" in result["error"]


@pytest.mark.pitfall(11)
def test_sound_that_is_too_short_is_refused(line):
    result = line.audio(code=1, expect={"samples": 96000}).result
    assert "audio.m4a: has 192" in result["error"]
    assert "instead of 96000" in result["error"]


def test_sound_of_another_rate_is_refused(line):
    result = line.audio(code=1, expect={"rate": 44100}).result
    assert result["error"] == "audio.m4a: rate is 48000 instead of 44100"
