"""How quickly the program is there: `--help`, and the first encoder after `run` was typed.

`python -m tests.bench.startup` prints JSON.  The first encoder is the moment in which an
ffmpeg that writes a segment is first seen below the `run`, looked for every 5 ms.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.bench import kit

HELP_BAR_S = 0.25
ENCODER_BAR_S = 1.5
GIVE_UP_S = 60.0
LOOK_EVERY_S = 0.005


def help_s() -> float:
    """Time `orchestrator --help` as the installed command."""
    command = Path(sys.executable).with_name("orchestrator")
    words = [str(command)] if command.exists() else list(kit.ORCHESTRATOR)
    return kit.timed([*words, "--help"])


def encoder_s(job: Path, state: Path) -> float:
    """Run a job, and return the seconds until its first encoder was started."""
    began = time.time()
    words = [*kit.ORCHESTRATOR, "run", str(job), "-o", "json", "--state", str(state)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    with subprocess.Popen(words, stderr=subprocess.PIPE, **quiet) as running:
        while time.time() - began < GIVE_UP_S and running.poll() is None:
            if any(map(_is_encoder, _below(running.pid))):
                seen = time.time() - began
                running.communicate()
                return seen
            time.sleep(LOOK_EVERY_S)
        raise RuntimeError(f"no encoder was seen: {running.communicate()[1].decode()[-2000:]}")


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _is_encoder(process: psutil.Process) -> bool:
    """Whether it is an encoder; when it is first seen counts, a process's own start is too coarse."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    return words[:1] == [kit.FFMPEG] and any("segment" in word for word in words[-1:])


def main() -> int:
    wants = argparse.ArgumentParser(description=__doc__)
    wants.add_argument("--repeats", type=int, default=7)
    wanted = wants.parse_args()
    source = kit.source(10, "640x360")
    helps, encoders = [], []
    for _ in range(wanted.repeats):
        helps.append(help_s())
        with tempfile.TemporaryDirectory() as folder:
            spec = {
                "container": "mp4",
                "video": {"codec": "h264", "preset": "fast", "rate": {"crf": 23}, "size": "source"}
                | {"pixelFormat": "yuv420p"},
            }
            job = kit.manifest(Path(folder), source, spec)
            encoders.append(encoder_s(job, Path(folder) / "state"))
    help_median, encoder_median = statistics.median(helps), statistics.median(encoders)
    figures = {
        "help_s": round(help_median, 3),
        "first_encoder_s": round(encoder_median, 3),
        "all_help_s": [round(each, 3) for each in helps],
        "all_first_encoder_s": [round(each, 3) for each in encoders],
    }
    bars = {
        f"help_s <= {HELP_BAR_S}": help_median <= HELP_BAR_S,
        f"first_encoder_s <= {ENCODER_BAR_S}": encoder_median <= ENCODER_BAR_S,
    }
    return kit.report(figures, bars)


if __name__ == "__main__":
    sys.exit(main())
