"""The whole way of one file on a node: probe, encode, audio, assemble, verify, publish."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from media import generated
from pipeline import Pipeline, frame_hashes, packet_hashes, times

pytestmark = pytest.mark.timeout(300)
PRORES = ("-c:v", "prores_ks", "-profile:v", "1")
X264_QP = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "24", "-bf", "3")
X264_QP += ("-x264-params", "open-gop=0:stitchable=1")
FFV1 = ("-c:v", "ffv1", "-level", "3", "-g", "1")


def way(root: Path, name: str, encoder: tuple[str, ...], cuts: list[int], container: str) -> Path:
    """Bring a source the whole way and return the published file."""
    line = Pipeline(root, generated(name), encoder)
    line.probe()
    segments = line.segments(cuts)
    sound = line.audio() if line.facts["audio"] else None
    final = line.assemble(segments, sound, container)
    line.verify(final, segments, sound)
    return Path(line.publish(final, root / f"out/it.{container}").result["destination"])


@pytest.mark.parametrize("container", ["mov", "mp4", "mkv"])
def test_file_with_sound_goes_all_the_way(tmp_path, container):
    done = way(tmp_path, "sound.mp4", X264_QP, [30, 31, 77], container)
    assert done.stat().st_size > 0
    assert [p.name for p in done.parent.iterdir()] == [done.name]


@pytest.mark.parametrize(
    ("encoder", "container"), [(PRORES, "mov"), (FFV1, "mkv")], ids=["prores", "ffv1"]
)
def test_segmented_intra_is_packet_for_packet_the_single_pass(tmp_path, encoder, container):
    line = Pipeline(tmp_path, generated("open-gop.mp4"), encoder)
    line.probe()
    segments = line.segments([24, 25, 26, 99], gate="sampled")
    final = line.assemble(segments, None, container)
    assert packet_hashes(final.folder / f"final.{container}") == packet_hashes(line.single())


@pytest.mark.parametrize(
    "name", ["open-gop.mp4", "open-gop-hevc.mp4", "b-frames.mp4", "edit-list.mp4", "sound.ts"]
)
def test_segmented_qp_is_frame_for_frame_the_single_pass(tmp_path, name):
    line = Pipeline(tmp_path, generated(name), X264_QP)
    line.probe()
    cuts = [19, 20, 51, line.facts["video"]["frames"] - 1]
    final = line.assemble(line.segments(cuts))
    assert frame_hashes(final.folder / "final.mov") == frame_hashes(line.single(cuts))


@pytest.mark.parametrize("name", ["vfr.mp4", "ntsc.mov", "sound.mkv", "long-gop.mp4", "old.avi"])
def test_times_are_those_of_the_source_as_fractions(tmp_path, name):
    line = Pipeline(tmp_path, generated(name), X264_QP)
    line.probe()
    final = line.assemble(line.segments([1, 2, 40]))
    table = line.table
    wanted = [(pts - table.pts[0]) * table.tb for pts in table.pts]
    assert times(final.folder / "final.mov") == wanted


def test_report_lists_every_gate_with_both_values(tmp_path):
    line = Pipeline(tmp_path, generated("sound.mp4"), X264_QP)
    line.probe()
    segments, sound = line.segments([50]), line.audio()
    done = line.verify(line.assemble(segments, sound), segments, sound, rate="25/1")
    report = json.loads((done.folder / "report.json").read_text())
    assert report["ok"]
    assert {"frames", "frame times", "frame rate", "samples of sound 0"} <= {
        gate["gate"] for gate in report["gates"]
    }
    assert all(gate["wanted"] and gate["found"] and gate["ok"] for gate in report["gates"])
