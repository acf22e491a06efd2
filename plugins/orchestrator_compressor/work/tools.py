"""tools: find the node's ffmpeg, try it, and say what it can do (a ProgramCheck)."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg

from orchestrator_compressor import hardware

VARIABLE = "ORCHESTRATOR_FFMPEG"
AV_MIN = (18, 1)
TRY_LIMIT_S = 60.0
WIDTH, HEIGHT, FRAMES = 64, 64, 3
TRIAL_SIZE = "320x192"
#: of ``-encoders`` and ``-filters``: flags, then the name
ENCODER = re.compile(r"^ [VAS][FSXBD.]{5} ([\w.-]+) ", re.MULTILINE)
FILTER = re.compile(r"^ [TSC.]{2,3} (\S+) +\S+->\S+", re.MULTILINE)


class Unfit(Exception):
    """The program cannot be used; the sentence says why and what to do."""


def run(words: list[str]) -> int:
    """Print one JSON object: ``path version sha256 parts``, or ``why`` it cannot be used."""
    named = words[words.index("--path") + 1] if "--path" in words[:-1] else ""
    try:
        _check_library()
        found: dict[str, object] = _tried(find(named))
    except Unfit as unfit:
        found = {"path": "", "why": str(unfit)}
    print(json.dumps(found))
    return 0


def find(named: str) -> str:
    """Return the path of ffmpeg: the one named, else the environment's, else the package's.

    Raises Unfit where the one that is named is not there.
    """
    for wish in (named, os.environ.get(VARIABLE, "")):
        if wish:
            path = shutil.which(wish)
            if path is None:
                raise Unfit(f"ffmpeg {wish}: is missing or no program; name another, or none")
            return str(Path(path).absolute())
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())  # type: ignore[attr-defined,no-untyped-call]
    except RuntimeError as error:
        raise Unfit("no ffmpeg is found: install the package imageio-ffmpeg") from error


def _check_library() -> None:
    found = importlib.metadata.version("av")
    numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    if numbers < AV_MIN:
        raise Unfit(f"av {found} is too old: {AV_MIN[0]}.{AV_MIN[1]} or newer is needed.")


def _tried(path: str) -> dict[str, object]:
    """Run it, and return what it is.

    Raises Unfit if it does not do three frames of Recipe R: versions in strings prove little.
    """
    version = _version(path)
    if not _does_recipe(path):
        raise Unfit(
            f"ffmpeg {version} ({path}) is too old: 6.1 or newer is needed (-enc_time_base filter)."
            " Install the package imageio-ffmpeg, or name a newer one in"
            ' "programs: {ffmpeg: …}" of the node.'
        )
    listed = ENCODER.findall(_said(path, "-encoders"))
    # a build lists encoders of any silicon there is; only a trial tells what this computer has
    encoders = [name for name in listed if name not in hardware.NAMES or _does(path, name)]
    filters = FILTER.findall(_said(path, "-filters"))
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    parts = sorted({*encoders, *(f"filter:{name}" for name in filters)})
    return {"path": path, "version": version, "sha256": digest, "parts": parts}


def _version(path: str) -> str:
    hit = re.search(r"^ffmpeg version (\S+)", _said(path, "-version"), re.MULTILINE)
    if hit is None:
        raise Unfit(f"{path}: is no ffmpeg; name another, or none")
    return hit[1].lstrip("n")


def _said(path: str, question: str) -> str:
    try:
        done = subprocess.run(
            [path, "-hide_banner", question] if question != "-version" else [path, question],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TRY_LIMIT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unfit(f"ffmpeg {path}: does not run: {error}; name another, or none") from error
    return done.stdout


def _does_recipe(path: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "three.y4m"), Path(folder, "segment.mov")
        frame = b"FRAME\n" + bytes(WIDTH * HEIGHT * 3 // 2)
        source.write_bytes(
            f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F25:1 Ip A1:1\n".encode() + FRAMES * frame
        )
        done = subprocess.run(
            _recipe(path, source, made),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TRY_LIMIT_S,
        )
        counted = re.findall(r"^frame=\s*(\d+)", done.stdout, re.MULTILINE)
        return done.returncode == 0 and counted[-1:] == [str(FRAMES)] and made.stat().st_size > 0


def _does(path: str, encoder: str) -> bool:
    """Whether a hardware encoder makes some frames of pictures that are large enough for any."""
    before, after = hardware.trial(encoder)
    picture = ("-f", "lavfi", "-i", f"color=s={TRIAL_SIZE}:r=25,format=nv12")
    words = [path, "-hide_banner", "-nostdin", "-y", "-v", "error", *before, *picture]
    count = ["-frames:v", str(FRAMES), "-progress", "pipe:1", "-nostats", "-f", "null", "-"]
    try:
        done = subprocess.run(
            [*words, *after, *count],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TRY_LIMIT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    counted = re.findall(r"^frame=\s*(\d+)", done.stdout, re.MULTILINE)
    return done.returncode == 0 and counted[-1:] == [str(FRAMES)]


def _recipe(path: str, source: Path, made: Path) -> list[str]:
    return [
        *(path, "-hide_banner", "-nostdin", "-y", "-v", "error", "-xerror"),
        *("-progress", "pipe:1", "-nostats", "-threads", "1", "-filter_threads", "1", "-copyts"),
        *("-protocol_whitelist", "file", "-format_whitelist", "yuv4mpegpipe"),
        *("-i", f"file:{source}", "-map", "0:v:0"),
        *("-vf", f"trim=start_pts=0:end_pts={FRAMES},setpts=PTS-STARTPTS"),
        *("-fps_mode", "passthrough", "-enc_time_base", "filter", "-c:v", "mpeg4", "-threads", "1"),
        *("-an", "-sn", "-dn", "-write_tmcd", "0", "-video_track_timescale", "25", str(made)),
    ]
