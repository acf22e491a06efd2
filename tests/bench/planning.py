"""How long a film of two hours takes from nothing to a plan, and how memory grows with length.

`python -m tests.bench.planning` prints JSON.  The film is made: small pictures, as many frames as a
real one, for indexing reads packets and the plan goes by times.  Half an hour of the same is planned
beside it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import kit

SECONDS_BAR = 5.0
GROWTH_BAR_MIB = 30.0
HOURS = 2.0
RATE = 24

PLAN = """
import json, sys, time
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from orchestrator.api import Facts, Room
import oracle
began = time.perf_counter()
job = oracle.job(Path("asked"), Path(sys.argv[1]), [{"setting": "h264-1080p", "destination": "/x.mp4"}])
folder = Path(sys.argv[2])
values = json.loads((folder / "result.json").read_text())
files = {"index.bin": (folder / "index.bin").read_bytes()}
room = Room(instances=40, cores=4, node_instances=4)
(target,) = oracle.Plugins.installed().processor("compressor").plan(job, Facts(values=values, files=files), room)
print(json.dumps([time.perf_counter() - began, len(target.segments), target.frames]))
"""


def film(seconds: int) -> Path:
    """Return a film of small pictures; made once, kept in the cache."""
    path = kit.source(10, "64x36").with_name(f"film-{seconds}s.mp4")
    if not path.exists():
        part = path.with_name(f"part-{os.getpid()}-{path.name}")
        words = ["-f", "lavfi", "-i", f"testsrc=s=64x36:r={RATE}:d={seconds}"]
        words += ["-c:v", "libx264", "-preset", "ultrafast", "-g", "48", "-pix_fmt", "yuv420p"]
        kit.run([kit.FFMPEG, "-v", "error", "-nostdin", "-y", *words, str(part)])
        part.replace(path)
    return path


def measured(words: list[str], folder: Path) -> tuple[float, float, str]:
    """Run a program; return its seconds, its peak memory in MiB and what it said."""
    began = time.perf_counter()
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{words[:4]} ended with {process.returncode}")
    return time.perf_counter() - began, used.ru_maxrss / 1024, said


def planned(seconds: int, folder: Path) -> dict[str, float]:
    """Probe and plan a film of that length, each in a process of its own."""
    source = film(seconds)
    source.read_bytes()  # the disk is not what is measured
    folder.mkdir()
    asked = {"source": str(source), "ffmpeg": kit.FFMPEG, "scenes": "auto"}
    (folder / "input.json").write_text(json.dumps(asked))
    probe = [sys.executable, "-m", "orchestrator_compressor.work", "probe"]
    probe_s, probe_mib, _ = measured(probe, folder)
    tests = str(Path(__file__).resolve().parents[1])
    plan = [sys.executable, "-c", PLAN, str(source), str(folder), tests]
    _, plan_mib, said = measured(plan, folder)
    plan_s, segments, frames = json.loads(said)
    return {
        "frames": frames,
        "segments": segments,
        "probe_s": round(probe_s, 2),
        "plan_s": round(plan_s, 2),
        "probe_mib": round(probe_mib, 1),
        "plan_mib": round(plan_mib, 1),
    }


def main() -> int:
    wants = argparse.ArgumentParser(description=__doc__)
    wants.add_argument("--hours", type=float, default=HOURS)
    wanted = wants.parse_args()
    seconds = round(wanted.hours * 3600)
    with tempfile.TemporaryDirectory() as folder:
        short = planned(seconds // 4, Path(folder) / "short")
        whole = planned(seconds, Path(folder) / "whole")
    took = whole["probe_s"] + whole["plan_s"]
    growth = max(whole[key] - short[key] for key in ("probe_mib", "plan_mib"))
    bars = {
        f"probe and plan <= {SECONDS_BAR:g} s": took <= SECONDS_BAR,
        f"memory grows by <= {GROWTH_BAR_MIB:g} MiB over 4 x the length": growth <= GROWTH_BAR_MIB,
    }
    return kit.report({"a quarter": short, "whole": whole, "took_s": round(took, 2)}, bars)


if __name__ == "__main__":
    sys.exit(main())
