"""Segmented equals single pass: packets, frames, times and sound (transcoding's oracles).

Each comparison is seen to fail in `test_oracle_is_sharp.py`.
"""

from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import media
import oracle
import pytest

from orchestrator.api import Kind

pytestmark = pytest.mark.timeout(300)

VIDEO = frozenset({Kind.ENCODE, Kind.ASSEMBLE, Kind.VERIFY, Kind.AUDIO, Kind.STREAMS})
GENERATED = [
    "sound.mp4",
    "open-gop.mp4",
    "open-gop-hevc.mp4",
    "vfr.mp4",
    "edit-list.mp4",
    "long-gop.mp4",
    "b-frames.mp4",
    "sound.ts",
    "slow.ts",
    "old.avi",
]
REAL = [
    "VID_20191220_170832.mp4",
    "movie-hello.mp4",
    "movie-hello.avi",
    "bikes.mp4",
    "bigbuckbunny.mp4",
    "carphone_pristine.mp4",
    "sintel-captions.ts",
]
SOURCES = [*GENERATED, *(pytest.param(name, marks=pytest.mark.media) for name in REAL)]


def source(name):
    return media.generated(name) if name in GENERATED else media.real(name)


@cache
def frames(path):
    """How many there are; asked several times, and each answer is a whole decode."""
    return len(oracle.decoded(path))


def cuts(path):
    """Uneven cuts: two one-frame segments, one of them the last."""
    count = frames(path)
    wanted = {1, count // 3, count // 3 + 1, count - 1}
    return sorted(cut for cut in wanted if 0 < cut < count)


def x265_qp(words):
    at = words.index("-x265-params") + 1
    extra = "scenecut=0:min-keyint=1:pools=1:frame-threads=1"
    return [*words[:at], f"{words[at]}:{extra}", *words[at + 1 :]]


def x264_qp(name):
    """Where a white flash follows a cut by one frame, x264 calls it a new scene or not by how many
    frames it has behind it: not asked, both passes have their keyframes at the cuts and nowhere else.
    """
    return without_scenecut if name.startswith("sound.") else oracle.same


def without_scenecut(words):
    at = words.index("-x264-params") + 1
    return [*words[:at], f"{words[at]}:scenecut=0", *words[at + 1 :]]


END = {"ffv1-archive": "mkv", "ffv1": "mkv", "prores-422-hq": "mov", "prores": "mov"}
END |= {"x264": "mp4", "x265": "mp4"}
SMALL = {"fit": [320, 240]}
FFV1 = (
    "ffv1",
    {
        "processor": "compressor",
        "container": "mkv",
        "video": {"codec": "ffv1", "size": SMALL},
        "audio": {"codec": "flac"},
    },
)
PRORES = (
    "prores",
    {
        "processor": "compressor",
        "container": "mov",
        "video": {"codec": "prores", "pixelFormat": "yuv422p10le", "size": SMALL},
        "audio": {"codec": "pcm"},
    },
)
X264 = (
    "x264",
    {
        "processor": "compressor",
        "container": "mp4",
        "video": {"codec": "h264", "preset": "veryfast", "rate": {"qp": 28}, "size": SMALL},
    },
)
X265 = (
    "x265",
    {
        "processor": "compressor",
        "container": "mp4",
        "video": {"codec": "hevc", "preset": "ultrafast", "rate": {"qp": 30}, "size": SMALL},
    },
)


def line(tmp_path, path, setting, patch=oracle.same):
    """Carry out a job with one output; a setting is a built-in's name or (name, spec)."""
    own = () if isinstance(setting, str) else (setting,)
    name = setting if isinstance(setting, str) else setting[0]
    outputs = [{"setting": name, "destination": str(tmp_path / f"out/a.{END[name]}")}]
    at = cuts(path)
    job = oracle.job(tmp_path, path, outputs, own, segments={"cuts": at})
    return oracle.Line(tmp_path / "work", job, patch).run(VIDEO), at


def final(done, end):
    (folder,) = (folder for id, folder in done.folders.items() if id.endswith("/assemble"))
    (file,) = Path(folder).glob(f"*.{end}")
    return file


def expected(done):
    """Return the times the source's frames have, by the index the probe made."""
    table = done.table()
    return [(pts - table.pts[0]) * table.tb for pts in table.pts]


@pytest.mark.parametrize("name", SOURCES)
def test_ffv1_packets_and_times_are_those_of_a_single_pass(tmp_path, name):
    done, at = line(tmp_path, source(name), FFV1 if name in REAL else "ffv1-archive")
    whole = done.single_pass(at)
    assert oracle.packets(final(done, "mkv")) == oracle.packets(whole)
    found, wanted = oracle.times(final(done, "mkv")), expected(done)
    assert len(found) == len(wanted)
    assert max(abs(f - w) for f, w in zip(found, wanted, strict=True)) <= Fraction(1, 1000)


@pytest.mark.parametrize(
    "name", ["sound.mp4", "vfr.mp4", pytest.param("bikes.mp4", marks=pytest.mark.media)]
)
def test_prores_packets_and_times_are_those_of_a_single_pass(tmp_path, name):
    done, at = line(tmp_path, source(name), PRORES if name in REAL else "prores-422-hq")
    assert oracle.packets(final(done, "mov")) == oracle.packets(done.single_pass(at))
    assert oracle.times(final(done, "mov")) == expected(done)


@pytest.mark.pitfall(1, 3, 4)
@pytest.mark.parametrize("name", SOURCES)
def test_x264_frames_and_times_are_those_of_a_single_pass(tmp_path, name):
    done, at = line(tmp_path, source(name), X264, x264_qp(name))
    assert oracle.decoded(final(done, "mp4")) == oracle.decoded(done.single_pass(at))
    assert oracle.times(final(done, "mp4")) == expected(done)


@pytest.mark.parametrize(
    "name",
    [
        "sound.mp4",
        "open-gop-hevc.mp4",
        "vfr.mp4",
        pytest.param("movie-hello.mp4", marks=pytest.mark.media),
    ],
)
def test_x265_frames_and_times_are_those_of_a_single_pass(tmp_path, name):
    done, at = line(tmp_path, source(name), X265, x265_qp)
    assert oracle.decoded(final(done, "mp4")) == oracle.decoded(done.single_pass(at))
    assert oracle.times(final(done, "mp4")) == expected(done)


@pytest.mark.pitfall(2)
def test_keyframe_stands_at_every_cut(tmp_path):
    done, at = line(tmp_path, source("sound.mp4"), X264)
    keys = oracle.keyframes(final(done, "mp4"))
    assert set(at) <= set(keys)
    assert all(a < b for a, b in pairwise(keys))
