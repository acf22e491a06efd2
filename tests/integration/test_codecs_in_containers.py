"""Each codec in each container that may hold it: joined of parts, finished, and judged as a final is.

No controller and no process of ours: the words, the join and the gates themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import media
import pytest
from compressor_jobs import AUDIO, seen, steady

from orchestrator.api import Segment
from orchestrator_compressor import (
    expect,
    facts,
    finish,
    fits,
    graph,
    handles,
    product,
    recipe,
    settings,
)
from orchestrator_compressor import table as tables
from orchestrator_compressor.codecs import VIDEO
from orchestrator_compressor.recipe import Means
from orchestrator_compressor.sequences import CONTAINER
from orchestrator_compressor.timing import Timing
from orchestrator_compressor.work import gates, join, part
from orchestrator_compressor.work.sound import listen

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

FRAMES = 10
TIMES = steady(FRAMES)
MEANS = Means(ffmpeg=media.FFMPEG, threads=2)
PICTURES: dict[str, dict[str, Any]] = {
    "h264": {"preset": "veryfast", "pixelFormat": "yuv420p", "rate": {"crf": 28}, "level": "3.1"},
    "hevc": {"preset": "ultrafast", "pixelFormat": "yuv420p", "rate": {"crf": 28}, "bFrames": 2},
    "av1": {"preset": 10, "pixelFormat": "yuv420p", "rate": {"crf": 40}},
    "vp9": {"pixelFormat": "yuv420p", "rate": {"crf": 40}},
    "prores": {"profile": "4444", "pixelFormat": "yuva444p10le"},
    "dnxhr": {"profile": "lb", "pixelFormat": "yuv422p"},
    "cineform": {"profile": "low", "pixelFormat": "yuv422p10le"},
    "mpeg2": {"pixelFormat": "yuv420p", "rate": {"qp": 4}},
    "mjpeg": {"pixelFormat": "yuv422p", "rate": {"qp": 4}},
    "ffv1": {"pixelFormat": "yuv420p"},
}
SOUND = {"mp4": "aac", "mov": "pcm", "mkv": "flac", "webm": "opus"}
SOUND |= {"mxf": "pcm", "ts": "mp2"}
PAIRS = [
    (name, container)
    for name, codec in VIDEO.items()
    for container in sorted(codec.containers - {CONTAINER})  # images are not joined
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a maker of parts and sounds, each of which is made once."""
    folder = tmp_path_factory.mktemp("parts")
    path = folder / "source.mov"
    media.ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=256x144:r=25:d=0.4", "-f", "lavfi"),
        *("-i", "sine=r=48000:d=0.4", "-c:v", "mpeg4", "-q:v", "2", "-c:a", "pcm_s16le"),
        *("-video_track_timescale", "12800", str(path)),
    )
    values = seen(TIMES, width=256, height=144, codec="mpeg4")
    values["audio"] = [{**AUDIO, "samples": 19200, "channels": 1}]
    source = facts.read({**values, "path": str(path)})

    @cache
    def segments(name: str) -> tuple[join.Piece, ...]:
        spec = {"processor": "compressor", "video": {"codec": name, **PICTURES[name]}}
        container = sorted(VIDEO[name].containers)[0]
        picture = product.settle(
            settings.read("s", {**spec, "container": container}), source
        ).picture
        assert picture
        return tuple(_pieces(folder, name, picture, source))

    @cache
    def sound(codec: str) -> Path:
        spec = {"processor": "compressor", "container": "mkv", "audio": {"codec": codec}}
        found = product.settle(settings.read("s", spec), source).sound
        assert found
        out = folder / ("audio-" + codec + found.audio.codec.suffix)
        media.ffmpeg(*recipe.audio(MEANS, source, found, str(out))[1:])
        return out

    return source, segments, sound


def _pieces(folder: Path, name: str, picture: product.Picture, source: Any) -> Iterator[join.Piece]:
    for number, (a, b) in enumerate(pairwise((0, 1, 7, FRAMES))):
        out = folder / f"{name}-{number}{picture.video.codec.suffix}"
        cut = handles.cut(TIMES, tables.same(TIMES), Segment(number, a, b), Timing(), 0)
        cut = replace(cut, rate=graph.rate(TIMES))
        media.ffmpeg(*recipe.encode(MEANS, source, cut, picture, str(out))[1:])
        found = part.read(out)
        assert found.starts_clean
        yield join.Piece(
            path=out,
            a=a,
            b=b,
            payload_sha256=found.payload_sha256,
            extradata_sha256=found.extradata_sha256,
            tag=found.tag,
            depth=found.depth,
        )


@pytest.mark.pitfall(22)
@pytest.mark.parametrize(("name", "container"), PAIRS, ids=[f"{a}-{b}" for a, b in PAIRS])
def test_joined_parts_of_a_codec_are_right_in_a_container(made, tmp_path, name, container):
    """Pitfall 22: tags, headers and packets, in every pair that a setting may ask for."""
    source, segments, sound = made
    codec = VIDEO[name]
    spec = {
        "processor": "compressor",
        "container": container,
        "video": {"codec": name, **PICTURES[name]},
        "audio": {"codec": SOUND[container]},
    }
    assert settings.faults(spec) == ()
    wanted = product.settle(settings.read("s", spec), source)
    fits.check(wanted, Fraction(25))
    assert wanted.picture
    video, final = tmp_path / f"video{codec.suffix}", tmp_path / f"final.{container}"
    times = tables.output(TIMES, {"kind": "source"})
    pieces = segments(name)
    join.join(pieces, times, video)
    heard = sound(SOUND[container])
    parts = finish.Parts(video=str(video), audio=(str(heard),))
    media.ffmpeg(*finish.finish(MEANS, source, wanted, parts, str(final))[1:])
    shown = gates.read_picture(final, [(each.a, each.b) for each in pieces])
    expected = {
        "video": {
            **expect.picture(wanted.picture, final.name),
            **expect.tags(wanted, "25"),
            "start": "0",
        },
        "audio": expect.sounds(wanted, [{"samples": listen(heard, 0).samples}]),
    }
    if container in gates.REPACKED:
        same = gates.decodes(final, media.FFMPEG, 2, FRAMES)
    else:
        same = gates.payloads(
            shown, [{"a": p.a, "payload_sha256": p.payload_sha256} for p in pieces]
        )
    found = [
        *gates.times(shown, times, container),
        *same,
        *gates.picture(shown, expected, container),
        *gates.sounds(final, expected),
    ]
    assert [gate for gate in found if not gate.ok] == []
    assert len(found) >= 12
    # decoded, the joined file is its parts, one after the other
    assert shown_frames(final) == [each for piece in pieces for each in shown_frames(piece.path)]


@cache
def shown_frames(path: Path) -> list[str]:
    """Return the hash of each decoded frame, in display order."""
    text = media.ffmpeg(
        *("-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-")
    )
    return [row.split(",")[-1].strip() for row in text.splitlines() if not row.startswith("#")]


def test_sound_that_starts_elsewhere_stands_beside_the_picture_in_mxf(made, tmp_path):
    """MXF cannot say that a stream begins or ends later: silence does, or a cut."""
    source, _, _ = made
    spec = {
        "processor": "compressor",
        "container": "mxf",
        "video": {"codec": "dnxhr", **PICTURES["dnxhr"]},
        "audio": {"codec": "pcm", "depth": 16},
    }
    for late in (Fraction(1, 10), Fraction(0), Fraction(-1, 10)):
        heard = (replace(source.audio[0], start=late),)
        wanted = product.settle(settings.read("s", spec), replace(source, audio=heard))
        assert wanted.sound
        assert (wanted.sound.samples, wanted.sound.start) == (19200, 0)
        out = tmp_path / f"{wanted.sound.lead}.mov"
        media.ffmpeg(*recipe.audio(MEANS, source, wanted.sound, str(out))[1:])
        assert listen(out, 0).samples == 19200
        assert loud(out) == (round(late * 48000) if late > 0 else 0)


def loud(path: Path) -> int:
    """Return the first sample that is not silent."""
    with av.open(str(path)) as file:
        data = b"".join(bytes(frame.planes[0]) for frame in file.decode(audio=0))
    first = next(at for at in range(0, len(data), 2) if data[at : at + 2] != b"\0\0")
    return first // 2 // 50 * 50  # a sine begins with a zero
