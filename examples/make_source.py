"""Make a moving picture with sound to try things on: `python examples/make_source.py FILE`.

30 seconds of 1280x720 at 25 frames a second: FFmpeg's moving test card with a running clock, and
a rising tone that ticks once a second, so that a wrong frame or shifted sound is seen and heard.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg

SECONDS = 30
SIZE = "1280x720"
FRAMES_PER_S = 25
TONE = "0.2*sin(2*PI*t*(220+10*t))+0.5*sin(2*PI*1000*t)*lt(mod(t,1),0.03)"


def words(file: Path, seconds: float, size: str) -> list[str]:
    """Return the command that makes `file`."""
    return [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-nostdin", "-hide_banner", "-loglevel", "error", "-y"),
        *("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={FRAMES_PER_S}:duration={seconds}"),
        *("-f", "lavfi", "-i", f"aevalsrc='{TONE}':sample_rate=48000:duration={seconds}"),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", "-b:a", "128k", "-ac", "2"),
        str(file.absolute()),
    ]


def make(file: Path, seconds: float = SECONDS, size: str = SIZE) -> None:
    """Make `file`, whole or not at all; raises CalledProcessError where ffmpeg cannot."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{os.getpid()}-{file.name}")
    try:
        subprocess.run(words(part, seconds, size), stdin=subprocess.DEVNULL, check=True)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and make the file."""
    parser = argparse.ArgumentParser(description="Make a moving picture with sound.")
    parser.add_argument("file", type=Path, help="what to write: .mov, .mp4 or .mkv")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length; default: 30")
    parser.add_argument("--size", default=SIZE, help="width and height; default: 1280x720")
    asked = parser.parse_args(arguments)
    make(asked.file, asked.seconds, asked.size)


if __name__ == "__main__":
    main()
