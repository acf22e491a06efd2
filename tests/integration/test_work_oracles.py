"""Segmented equals a single pass on real files; and each oracle is seen to fail."""

from __future__ import annotations

from array import array
from fractions import Fraction
from pathlib import Path

import av
import pytest
from media import generated, real
from pipeline import Pipeline, frame_hashes, packet_hashes, times

pytestmark = [pytest.mark.timeout(300), pytest.mark.media]
PRORES = ("-c:v", "prores_ks", "-profile:v", "0")
P4444 = ("-c:v", "prores_ks", "-profile:v", "4", "-pix_fmt", "yuva444p10le")
X264_QP = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "28", "-bf", "2")
X264_QP += ("-x264-params", "open-gop=0:stitchable=1")
REAL = (
    "VID_20191220_170832.mp4",
    "movie-hello.mp4",
    "movie-hello.avi",
    "bikes.mp4",
    "bigbuckbunny.mp4",
    "sintel-captions.ts",
)


def probed(root: Path, source: Path, encoder: tuple[str, ...]) -> Pipeline:
    line = Pipeline(root, source, encoder, threads=2)
    line.probe()
    return line


def uneven(frames: int, gop: int) -> list[int]:
    """Cuts at one GOP less one, one GOP and one more, a one-frame segment, and the last frame."""
    wanted = {gop - 1, gop, gop + 1, frames // 3, frames // 3 + 1, frames - 1}
    return sorted(cut for cut in wanted if 0 < cut < frames)[:5]


@pytest.mark.parametrize("name", REAL)
def test_real_file_in_segments_has_the_frames_and_times_of_one_pass(tmp_path, name):
    line = probed(tmp_path, real(name), X264_QP)
    cuts = uneven(line.facts["video"]["frames"], line.facts["video"]["gop"])
    parts = line.segments(cuts, filters="scale=320:-2")
    sound = line.audio() if line.facts["audio"] and name != "bigbuckbunny.mp4" else None
    final = line.assemble(parts, sound, "mp4")
    line.verify(final, parts, sound, width=320, height=None)
    path = final.folder / "final.mp4"
    table = line.table
    assert times(path) == [(pts - table.pts[0]) * table.tb for pts in table.pts]
    assert frame_hashes(path) == frame_hashes(line.single(cuts, filters="scale=320:-2"))


@pytest.mark.pitfall(17, 22)
def test_prores_4444_keeps_its_tag_and_its_frames(tmp_path):
    line = probed(tmp_path, generated("prores.mov"), P4444)
    parts = line.segments([7, 8], gate="sampled")
    path = line.assemble(parts).folder / "final.mov"
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.codec_tag == "ap4h"
    assert packet_hashes(path) == packet_hashes(line.single())


@pytest.mark.pitfall(16)
def test_shape_of_a_pixel_is_kept(tmp_path):
    line = probed(tmp_path, generated("wide.mov"), PRORES)
    parts = line.segments([10], expect={"sar": "64/45"})
    line.verify(line.assemble(parts), parts, sar="64/45")


def test_shape_of_a_pixel_is_as_matroska_can_tell_it(tmp_path):
    line = probed(tmp_path, generated("wide.mov"), ("-c:v", "ffv1", "-g", "1"))
    line.segments([10], expect={"sar": "64/45"})
    assert "sar is" in line.encode(0, 5, code=1, expect={"sar": "1/1"}).result["error"]


@pytest.mark.pitfall(11, 24)
@pytest.mark.parametrize(
    ("name", "apart"),
    [
        ("sound.mkv", "0"),
        ("sound.ts", "0"),
        ("late-sound.mkv", "0.009"),
        ("much-later-sound.mkv", "0.378667"),
    ],
)
@pytest.mark.parametrize("container", ["mp4", "mov", "mkv"])
def test_click_and_flash_stay_as_far_apart(tmp_path, name, apart, container):
    line = probed(tmp_path, generated(name), X264_QP)
    parts, sound = line.segments([50]), line.audio()
    final = line.assemble(parts, sound, container)
    line.verify(final, parts, sound)
    click, flash = click_and_flash(final.folder / f"final.{container}")
    assert abs(click - flash - Fraction(apart)) < Fraction(2, 1000)


def click_and_flash(path: Path) -> tuple[Fraction, Fraction]:
    """Return when the first loud sample is heard and the first white frame is shown."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = [abs(value) > 0.3 for value in array("f", bytes(frame.planes[0]))]
            if any(loud):
                at = Fraction(loud.index(True), frame.sample_rate)
                click = frame.pts * frame.time_base + at
                break
    with av.open(str(path)) as container:
        light = {f.pts * f.time_base: sum(bytes(f.planes[0])) for f in container.decode(video=0)}
        return click, max(light, key=light.__getitem__)
