"""Every built-in setting, once, with the real encoder: the words are right and the frames exact."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import pytest
from compressor_jobs import AUDIO, built_in, seen, steady

from orchestrator.api import Segment
from orchestrator_compressor import facts, finish, graph, handles, product, recipe, settings, table
from orchestrator_compressor.codecs import VIDEO
from orchestrator_compressor.finish import Parts
from orchestrator_compressor.product import Product
from orchestrator_compressor.recipe import Means
from orchestrator_compressor.table import Table
from orchestrator_compressor.timing import Timing

pytestmark = pytest.mark.timeout(300)

FRAMES = 10
FFMPEG: str = imageio_ffmpeg.get_ffmpeg_exe()
MEANS = Means(ffmpeg=FFMPEG, threads=2)
STEADY = steady(FRAMES)
HDR10 = {
    "primaries": "bt2020",
    "trc": "smpte2084",
    "matrix": "bt2020nc",
    "master_display": "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)",
}
UNEVEN = Table(
    tb=Fraction(1, 12800),
    pts=(0, 512, 1024, 2560, 3072, 3584, 6144, 6656, 7168, 7680),
    keys=(0,),
    last_duration=512,
)


@pytest.fixture(scope="module", params=["steady", "uneven"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a source of ten frames and its table."""
    path = tmp_path_factory.mktemp("source") / "source.mov"
    times = STEADY if request.param == "steady" else UNEVEN
    chosen = "+".join(f"eq(n,{time // 512})" for time in times.pts)
    run(
        *("-f", "lavfi", "-i", "testsrc2=s=352x182:r=25:d=1"),
        *("-f", "lavfi", "-i", "sine=r=48000:d=0.4"),
        *("-vf", f"select='{chosen}'", "-fps_mode", "passthrough", "-enc_time_base", "1/12800"),
        *("-c:v", "mpeg4", "-q:v", "2", "-c:a", "pcm_s16le", "-video_track_timescale", "12800"),
        path,
    )
    return path, times


def run(*words: object) -> str:
    """Run ffmpeg; its words may begin with the program itself."""
    given = [str(word) for word in words]
    if given[0] != FFMPEG:
        given = [FFMPEG, "-hide_banner", "-nostdin", "-y", "-v", "error", *given]
    done = subprocess.run(given, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def made(path: Path, times: Table, setting: str) -> tuple[facts.Source, Product]:
    """Return the source as its probe would tell it, and what the setting makes of it."""
    hdr = HDR10 if setting == "hevc-hdr10" else {}
    values = seen(times, width=352, height=182, codec="mpeg4", **hdr)
    values["audio"] = [{**AUDIO, "samples": 19200}]
    found = facts.read({**values, "path": str(path)})
    return found, product.settle(settings.read(setting, built_in()[setting]), found)


def cut(times: Table, segment: Segment) -> recipe.Cut:
    """Return where a segment is in its source, of which nothing is asked but that."""
    found = handles.cut(times, table.same(times), segment, Timing(), 0)
    return replace(found, rate=graph.rate(times))


def pictures(path: Path) -> int:
    """Return how many frames of a file can be decoded."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


#: without those that write a folder of images: `test_sequences`
WITH_PICTURES = sorted(
    name for name, spec in built_in().items() if "video" in spec and spec["container"] != "sequence"
)
WITH_SOUND = sorted(name for name, spec in built_in().items() if "audio" in spec)


@pytest.mark.parametrize("setting", WITH_PICTURES)
def test_a_segment_of_each_setting_has_its_frames(source, tmp_path, setting):
    path, times = source
    if setting == "mpeg2" and times is UNEVEN:
        return  # it needs a constant rate, and the plan refuses it
    found, wanted = made(path, times, setting)
    assert wanted.picture
    out = tmp_path / ("segment" + wanted.picture.video.codec.suffix)
    part = cut(times, Segment(0, 3, FRAMES))
    run(*recipe.encode(MEANS, found, part, wanted.picture, str(out)))
    assert pictures(out) == FRAMES - 3


@pytest.mark.parametrize("setting", WITH_SOUND)
def test_the_sound_of_each_setting_has_its_samples(source, tmp_path, setting):
    path, times = source
    found, wanted = made(path, times, setting)
    assert wanted.sound
    out = tmp_path / ("audio" + wanted.sound.audio.codec.suffix)
    run(*recipe.audio(MEANS, found, wanted.sound, str(out)))
    with av.open(str(out)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert abs(samples - 19200) <= wanted.sound.slack


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_segments_of_any_length_are_exact(source, tmp_path, length):
    path, times = source
    found, wanted = made(path, times, "ffv1-archive")
    assert wanted.picture
    edges = [*range(0, FRAMES, length), FRAMES]
    hashes = []
    for number, (a, b) in enumerate(pairwise(edges)):
        out = tmp_path / f"{number}.mkv"
        part = cut(times, Segment(number, a, b))
        run(*recipe.encode(MEANS, found, part, wanted.picture, str(out)))
        hashes += shown(out)
    assert hashes == shown(path)


def shown(path: Path) -> list[str]:
    """Return a hash for each frame, in display order."""
    text = run("-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-")
    return re.findall(r"^0,.*, ([0-9a-f]{32})$", text, re.MULTILINE)


def test_the_finishing_pass_puts_sound_where_it_was(source, tmp_path):
    path, times = source
    found, wanted = made(path, times, "h264-1080p")
    assert wanted.picture
    assert wanted.sound
    video, audio, final = (tmp_path / name for name in ("video.mov", "audio.m4a", "final.mp4"))
    part = cut(times, Segment(0, 0, FRAMES))
    run(*recipe.encode(MEANS, found, part, wanted.picture, str(video)))
    run(*recipe.audio(MEANS, found, wanted.sound, str(audio)))
    parts = Parts(video=str(video), audio=(str(audio),))
    run(*finish.finish(MEANS, found, wanted, parts, str(final)))
    with av.open(str(final)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert [stream.start_time for stream in container.streams] == [0, 0]


@pytest.mark.parametrize("name", sorted(VIDEO))
def test_an_encoder_takes_the_pixel_formats_we_say(name):
    codec = VIDEO[name]
    text = run(FFMPEG, "-hide_banner", "-h", f"encoder={codec.encoder}")
    found = re.search(r"Supported pixel formats: (.+)", text)
    assert found
    assert codec.pixel_formats <= set(found[1].split())
