"""Ladders: every rung plays from its pieces, and all of them change at the same frames."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import oracle
import pytest
from media import ffmpeg, generated

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
AVERAGE = {"average": "100k", "maximum": "150k", "buffer": "200k"}
RUNGS = [
    {"size": {"fit": [80, 60]}, "rate": AVERAGE},
    {"size": {"fit": [160, 120]}, "rate": {"crf": 30}},
    {"size": {"fit": [1600, 1200]}, "rate": {"crf": 30}},
    {"size": {"fit": [3200, 2400]}, "rate": {"crf": 30}},
]
MASTER = {"hls": "master.m3u8", "dash": "manifest.mpd"}


def packaged(tmp_path: Path, kind: str, source: str) -> tuple[oracle.Line, Path]:
    spec = {
        "processor": "compressor",
        "container": kind,
        "video": {"codec": "h264", "preset": "veryfast", "keyInterval": 12},
        "ladder": RUNGS,
        "audio": {"codec": "aac"},
    }
    out = tmp_path / "out" / "film"
    outputs = [{"setting": "l", "destination": str(out)}]
    job = oracle.job(tmp_path, generated(source), outputs, (("l", spec),), segments={"frames": 36})
    return oracle.Line(tmp_path / "work", job).run(), out


def decoded(path: Path, stream: str) -> int:
    """How many frames a player gets to see, by the playlist."""
    guards = ["-allowed_extensions", "ALL"] if path.suffix == ".m3u8" else []
    said = ffmpeg(*guards, "-i", str(path), "-map", stream, "-f", "framecrc", "-")
    return sum(not line.startswith("#") for line in said.splitlines())


@pytest.mark.parametrize("kind", MASTER)
def test_a_player_finds_every_frame_of_every_rung(tmp_path, kind):
    done, out = packaged(tmp_path, kind, "sound.mp4")
    *rungs, whole = [target for target in done.targets if target.name != "l.sound"]
    assert len(rungs) == 3  # the fourth is as large as the source, too
    assert len({tuple(each.segments) for each in rungs}) == 1
    for n, rung in enumerate(rungs):
        assert decoded(out / MASTER[kind], f"0:v:{n}") == rung.frames
    assert (whole.frames, whole.destination) == (0, str(out))


def test_frames_that_stand_on_no_grid_are_conformed(tmp_path):
    done, out = packaged(tmp_path, "hls", "vfr.mp4")
    assert any("stand on no grid" in note for note in done.targets[-1].notes)
    assert (out / "master.m3u8").exists()


def test_a_piece_that_is_not_what_was_made_is_found(tmp_path):
    packaged(tmp_path, "hls", "sound.mp4")
    work = tmp_path / "work"
    folder = next(work.glob("*+l+assemble")) / "package"
    other = (folder / "120p-000000.m4s").read_bytes()
    (folder / "60p-000000.m4s").write_bytes(other)
    again = tmp_path / "again"
    again.mkdir()
    shutil.copy(next(work.glob("*+l+verify")) / "input.json", again)
    words = [sys.executable, "-m", "orchestrator_compressor.work", "unpack"]
    done = subprocess.run(words, cwd=again, capture_output=True, text=True)
    assert done.returncode == 1
    assert "60p-000000.m4s" in json.loads((again / "result.json").read_text())["error"]
