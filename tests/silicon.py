"""A stand-in for an ffmpeg on a computer with a hardware encoder: libx264 does its work.

It lists what the real one lists, takes the very words of ``h264_nvenc`` and hands them on as those
of libx264; words that it does not know are an error, as they would be of the real encoder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from media import FFMPEG

SCRIPT = """#!{python}
import os, sys

words, out = sys.argv[1:], []
if "h264_nvenc" in words:
    while words:
        word = words.pop(0)
        if word == "h264_nvenc":
            out += ["libx264"]
        elif word in ("-rc", "-cq", "-preset"):
            value = words.pop(0)
            if value not in {{"-rc": ("vbr", "constqp"), "-preset": ("p1", "p4", "p5")}}.get(word, (value,)):
                sys.exit(f"{{word}} {{value}}: unknown")
            out += ["-crf", value] if word == "-cq" else []
        elif word == "-b:v":
            words.pop(0)
        else:
            out += [word]
os.execv({ffmpeg!r}, [{ffmpeg!r}, *(out or sys.argv[1:])])
"""


def ffmpeg(folder: Path) -> str:
    """Return the path of the stand-in, made in `folder`."""
    path = folder / "ffmpeg-of-silicon"
    path.write_text(SCRIPT.format(python=sys.executable, ffmpeg=FFMPEG))
    path.chmod(0o755)
    return str(path)
