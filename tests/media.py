"""Media for tests: sources made with ffmpeg, and real files that packages carry.

Both are kept in a cache outside the tree (`ORCHESTRATOR_TEST_CACHE`) and never committed.  A real
file that is not there is no failure: the test is skipped and says which command fetches it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import imageio_ffmpeg
import pytest

VARIABLE = "ORCHESTRATOR_TEST_CACHE"
FFMPEG: str = imageio_ffmpeg.get_ffmpeg_exe()

#: Real files: name -> first of its SHA-256 (what each proves: see `docs`)
REAL = {
    "VID_20191220_170832.mp4": "9b0710a4",  # true VFR, a phone's
    "movie-hello.mp4": "68162af4",  # an edit list hides one of 250 packets
    "movie-hello.avi": "eac488b5",  # no times of its own
    "bikes.mp4": "91028f9d",  # B-frames, scene cuts
    "bigbuckbunny.mp4": "f25b31f1",  # one keyframe in 132 frames
    "carphone_pristine.mp4": "1c4add78",
    "carphone_distorted.mp4": "46051a3b",
    "sintel-captions.ts": "b5d95121",  # starts at 9.88 s, captions
}


def cache() -> Path:
    """Return the folder that keeps media from one run of the tests to the next."""
    folder = Path(os.environ.get(VARIABLE) or Path.home() / ".cache" / "orchestrator-tests")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def real(name: str) -> Path:
    """Return a real file; skips the test where it has not been fetched."""
    path = cache() / "real" / name
    if not path.exists():
        pytest.skip(f"{name} is not in {path.parent}; to fetch it: python tests/fetch_media.py")
    if not sha256(path).startswith(REAL[name]):
        pytest.skip(f"{path} is another file than the one these tests know; delete it, fetch again")
    return path


def generated(name: str) -> Path:
    """Return a source made by the recipe `name`, made now if the cache lacks it."""
    words = RECIPES[name]()
    digest = hashlib.sha256("\0".join([FFMPEG, *words]).encode()).hexdigest()[:12]
    path = cache() / "generated" / f"{digest}-{name}"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(f".{os.getpid()}-{path.name}")
        ffmpeg(*words, str(part))
        part.replace(path)
    return path


def ffmpeg(*words: str) -> str:
    """Run ffmpeg and return what it printed; an error is an error of the test."""
    done = subprocess.run(
        [FFMPEG, "-hide_banner", "-nostdin", "-y", "-v", "error", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}\n{done.stderr}"
    return done.stdout


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _picture(seconds: float = 4, rate: str = "25", size: str = "320x180") -> list[str]:
    # noise makes every frame another one, also for an encoder of poor quality
    source = f"testsrc2=s={size}:r={rate}:d={seconds},noise=alls=8:allf=t:all_seed=7"
    return ["-f", "lavfi", "-i", source]


def _sound(seconds: float = 4) -> list[str]:
    # a click at 2 s, silence else: where it is heard is where the sound stands
    click = "if(between(t,2,2.001),0.9,0)"
    return ["-f", "lavfi", "-i", f"aevalsrc='{click}':s=48000:d={seconds}:c=mono"]


def _x264(*params: str, extra: Sequence[str] = ()) -> Callable[[], list[str]]:
    joined = ":".join(params)
    codec = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p"]
    return lambda: [*_picture(), *codec, "-x264-params", joined, *extra]


def _flash() -> list[str]:
    """Picture with a white frame at 2 s, where the sound clicks: the two must stay together."""
    flash = "drawbox=t=fill:color=white:enable='between(t,1.999,2.039)'"
    return [
        *(*_picture(), *_sound(), "-map", "0:v", "-map", "1:a", "-vf", flash),
        *("-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", "-b:a", "96k"),
    ]


def _vfr() -> list[str]:
    steps = "setpts='(N*40+if(mod(N,3),7,0)+if(gt(N,30),300,0))/1000/TB'"
    return [
        *(*_picture(3), "-vf", f"settb=1/90000,{steps}", "-fps_mode", "passthrough"),
        *("-enc_time_base", "filter", "-c:v", "libx264", "-g", "10", "-pix_fmt", "yuv420p"),
        *("-video_track_timescale", "90000"),
    ]


def _edit_listed() -> list[str]:
    """An mp4 cut by stream copy: its first packets are there and hidden by an edit list."""
    return ["-ss", "0.5", "-i", str(generated("open-gop.mp4")), "-c", "copy"]


def _copied(name: str) -> Callable[[], list[str]]:
    return lambda: ["-i", str(generated(name)), "-map", "0", "-c", "copy"]


RECIPES: dict[str, Callable[[], list[str]]] = {
    "open-gop.mp4": _x264("keyint=25", "min-keyint=25", "open-gop=1", "scenecut=0"),
    "long-gop.mp4": _x264("keyint=1000", "bframes=3"),
    "one-frame-gop.mp4": _x264("keyint=1"),
    "b-frames.mp4": _x264("keyint=20", "bframes=5", "b-pyramid=normal", "ref=4"),
    "open-gop-hevc.mp4": lambda: [
        *(*_picture(), "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"),
        *("-x265-params", "keyint=25:min-keyint=25:open-gop=1:scenecut=0:log-level=none"),
    ],
    "vfr.mp4": _vfr,
    "edit-list.mp4": _edit_listed,
    "sound.mp4": _flash,
    "much-later-sound.mkv": lambda: [
        *("-i", str(generated("sound.mp4")), "-itsoffset", "0.378667"),
        *("-i", str(generated("sound.mp4")), "-map", "0:v", "-map", "1:a", "-c", "copy"),
    ],
    "wide.mov": lambda: [*_picture(1), "-vf", "setsar=64/45", "-c:v", "prores_ks"],
    "late-sound.mkv": lambda: [
        *("-i", str(generated("sound.mp4")), "-itsoffset", "0.009"),
        *("-i", str(generated("sound.mp4")), "-map", "0:v", "-map", "1:a", "-c", "copy"),
    ],
    "sound.mkv": _copied("sound.mp4"),
    "sound.ts": _copied("sound.mp4"),
    "odd.mkv": lambda: [
        *(*_picture(size="321x181"), "-c:v", "libx264", "-pix_fmt", "yuv444p", "-g", "15"),
        *("-preset", "veryfast"),
    ],
    "old.avi": lambda: [*_picture(), "-c:v", "mpeg4", "-g", "12", "-q:v", "3"],
    "raw.h264": _x264("keyint=25", "bframes=2"),
    "ntsc.mov": lambda: [
        *(*_picture(3, rate="24000/1001"), "-c:v", "libx264", "-g", "24", "-pix_fmt", "yuv420p"),
    ],
    "prores.mov": lambda: [*_picture(2), "-c:v", "prores_ks", "-profile:v", "3"],
    "interlaced.mov": lambda: [
        *(*_picture(2), "-vf", "setfield=bff", "-c:v", "prores_ks", "-flags", "+ildct"),
    ],
    "sound.wav": lambda: [*_sound(), "-c:a", "pcm_s16le"],
}
