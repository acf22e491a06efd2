"""How long and how much memory the assembly of 1500 segments takes, with 256 open files at most.

`python -m tests.bench.assembly` prints JSON.  One segment is encoded and copied 1500 times; each
copy is a file of its own, checked against its hash as any segment is.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

from orchestrator_compressor import table
from tests.bench import kit

SEGMENTS = 1500
FRAMES = 24  #: each
FILES_MAX = 256
RSS_BAR_MIB = 150.0
SECONDS_BAR = 10.0
FILM = Fraction(1001, 24000)


def prepare(folder: Path, count: int) -> Path:
    """Return an attempt's folder that asks for `count` segments."""
    pipeline = kit.helper("pipeline")
    line = pipeline.Pipeline(
        folder / "attempts", kit.source(10, "640x360"), ("-c:v", "libx264", "-qp", "44")
    )
    line.probe()
    part = line.record(line.encode(0, FRAMES), 0, FRAMES)
    times = table.Table(
        tb=FILM / 1001,
        pts=tuple(range(0, count * FRAMES * 1001, 1001)),
        keys=(0,),
        last_duration=1001,
    )
    (folder / "index.bin").write_bytes(table.dump(times))
    (folder / "segments").mkdir()
    segments = []
    for number in range(count):
        path = folder / "segments" / f"{number:06d}.mov"
        shutil.copyfile(part["path"], path)
        at = number * FRAMES
        segments.append({**part, "path": str(path), "a": at, "b": at + FRAMES})
    asked = folder / "joined"
    asked.mkdir()
    data = {
        "table": {"path": str(folder / "index.bin")},
        "segments": segments,
        "video": "video.mov",
        "final": "final.mp4",
    }
    (asked / "input.json").write_text(json.dumps(data))
    return asked


def assemble(asked: Path) -> tuple[float, float]:
    """Assemble under a limit of open files; return seconds and peak memory in MiB."""
    words = [
        *(sys.executable, "-m", "orchestrator_compressor.work", "assemble", "--"),
        *(kit.FFMPEG, "-nostdin", "-v", "error", "-progress", "pipe:1", "-nostats", "-copyts"),
        *("-i", f"file:{asked}/video.mov", "-c", "copy", str(asked / "final.mp4")),
    ]
    limited = ["sh", "-c", f'ulimit -n {FILES_MAX}; exec "$@"', "sh", *words]
    began = time.perf_counter()
    with subprocess.Popen(limited, cwd=asked, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"assembly ended with {process.returncode}")
    return time.perf_counter() - began, used.ru_maxrss / 1024


def main() -> int:
    wants = argparse.ArgumentParser(description=__doc__)
    wants.add_argument("--segments", type=int, default=SEGMENTS)
    wanted = wants.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asked = prepare(Path(folder), wanted.segments)
        seconds, peak = assemble(asked)
        frames = json.loads((asked / "result.json").read_text())["frames"]
    if frames != wanted.segments * FRAMES:
        raise AssertionError(f"{frames} frames were joined")
    figures = {
        "segments": wanted.segments,
        "frames": frames,
        "assembly_s": round(seconds, 2),
        "peak_rss_mib": round(peak, 1),
        "open_files_max": FILES_MAX,
    }
    bars = {
        f"assembly_s <= {SECONDS_BAR:g}": seconds <= SECONDS_BAR,
        f"peak_rss_mib <= {RSS_BAR_MIB:g}": peak <= RSS_BAR_MIB,
    }
    return kit.report(figures, bars)


if __name__ == "__main__":
    sys.exit(main())
