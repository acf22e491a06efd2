"""Real media, each to ProRes and to another container with its own sound.

Frames, times and the distance of sound and picture are compared with what is read here of the
source, not with what the plan says; all gates are passed besides.  `test_oracle.py` has the same
media as H.264 in mp4.
"""

from fractions import Fraction
from pathlib import Path

import av
import media
import oracle
import pytest

from orchestrator.api import Kind

pytestmark = [pytest.mark.slow, pytest.mark.media, pytest.mark.timeout(300)]

SMALL = {"fit": [160, 120]}
PRORES = {"codec": "prores", "profile": "proxy", "pixelFormat": "yuv422p10le", "size": SMALL}
H264 = {"codec": "h264", "preset": "ultrafast", "rate": {"qp": 30}, "pixelFormat": "yuv420p"}
OUTPUTS = {
    "mov": {"video": PRORES, "audio": {"codec": "pcm"}},
    "mkv": {"video": {**H264, "size": SMALL}, "audio": "copy"},
}
FRAMES = {
    "VID_20191220_170832.mp4": 41,
    "movie-hello.mp4": 249,
    "movie-hello.avi": 208,
    "bikes.mp4": 250,
    "bigbuckbunny.mp4": 132,
    "carphone_pristine.mp4": 120,
    "carphone_distorted.mp4": 120,
    "sintel-captions.ts": 240,
    "test-segment.ts": 134,
}
VIDEO = frozenset({Kind.ENCODE, Kind.ASSEMBLE, Kind.VERIFY, Kind.AUDIO, Kind.STREAMS})
TICK = Fraction(1, 1000)
HALF_TICK = Fraction(1, 2000)


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.pitfall(4, 11, 23)
def test_real_media_come_out_with_their_frames_times_and_sound(tmp_path, name):
    source = media.real(name)
    own = [(end, {"processor": "compressor", "container": end, **OUTPUTS[end]}) for end in OUTPUTS]
    listed = [{"setting": end, "destination": str(tmp_path / f"out/a.{end}")} for end in OUTPUTS]
    cuts = [FRAMES[name] // 2]
    job = oracle.job(tmp_path, source, listed, tuple(own), segments={"cuts": cuts})
    done = oracle.Line(tmp_path / "work", job).run(VIDEO)
    wanted = shown(source)
    assert len(wanted) == FRAMES[name]
    for end in OUTPUTS:
        (folder,) = (each for id, each in done.folders.items() if id.endswith(f"{end}/assemble"))
        file = Path(folder) / f"final.{end}"
        found = shown(file)
        off = [abs((a - found[0]) - (b - wanted[0])) for a, b in zip(found, wanted, strict=True)]
        assert max(off) <= (0 if end == "mov" else TICK)
        if heard(source) is not None:
            apart = heard(file) - found[0]
            assert abs(apart - (heard(source) - wanted[0])) <= TICK + HALF_TICK


def shown(path):
    """Return when each frame is shown, as the decoder that encodes tells it, in seconds."""
    words = ("-copyts", "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough")
    rows = media.ffmpeg(*words, "-enc_time_base", "demux", "-f", "framecrc", "-").splitlines()
    (tb,) = (row.partition(": ")[2] for row in rows if row.startswith("#tb 0"))
    return [int(row.split(",")[2]) * Fraction(tb) for row in rows if not row.startswith("#")]


def heard(path):
    """Return when the first sample is heard, in seconds; None: there is no sound."""
    with av.open(str(path)) as opened:
        for frame in opened.decode(audio=0) if opened.streams.audio else ():
            return frame.pts * frame.time_base
    return None
