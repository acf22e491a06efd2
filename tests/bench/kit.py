"""What the benchmarks share: sources, job manifests, and a clock around a process."""

import hashlib
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import imageio_ffmpeg

FFMPEG: str = imageio_ffmpeg.get_ffmpeg_exe()
ORCHESTRATOR = (sys.executable, "-m", "orchestrator")

PICTURE = (
    "testsrc2=s={size}:r=25:d={seconds},split[a][b];[b]crop=iw/2:ih/2,noise=alls=30:allf=t[c];"
)
PICTURE += "[a][c]overlay=x='mod(t*80,W/2)':y=H/4,format=yuv420p"


def source(seconds: int, size: str = "1280x720") -> Path:
    """Return a file with a moving, partly noisy picture and sound; made once, kept in the cache."""
    home = os.environ.get("ORCHESTRATOR_TEST_CACHE")
    folder = Path(home or Path.home() / ".cache" / "orchestrator-tests") / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    picture = PICTURE.format(size=size, seconds=seconds)
    name = hashlib.sha256(picture.encode()).hexdigest()[:12]
    path = folder / f"{name}-{seconds}s-{size}.mp4"
    if not path.exists():
        part = path.with_name(f"part-{os.getpid()}-{path.name}")
        words = ["-f", "lavfi", "-i", picture]
        words += ["-f", "lavfi", "-i", f"sine=f=440:r=48000:d={seconds}", "-ac", "2"]
        words += ["-c:v", "libx264", "-preset", "veryfast", "-crf", "16", "-c:a", "aac"]
        run([FFMPEG, "-v", "error", "-nostdin", "-y", *words, str(part)])
        part.replace(path)
    return path


def helper(name: str) -> ModuleType:
    """Return a helper module of the tests, which are not a package."""
    tests = str(Path(__file__).resolve().parents[1])
    if tests not in sys.path:
        sys.path.insert(0, tests)
    return importlib.import_module(name)


def manifest(
    folder: Path, source: Path, setting: str | Mapping[str, object], **job: object
) -> Path:
    """Write a job with one output, by a built-in setting's name or by a spec of its own."""
    documents: list[dict[str, object]] = []
    if not isinstance(setting, str):
        head = {"apiVersion": "orchestrator/v1", "kind": "Setting"}
        about = {"metadata": {"name": "bench", "description": "for a benchmark"}}
        documents.append({**head, **about, "spec": {"processor": "compressor", **setting}})
    name = setting if isinstance(setting, str) else "bench"
    container = "mov" if isinstance(setting, str) else str(setting["container"])
    output = {"setting": name, "destination": str(folder / f"out.{container}")}
    what = {"name": "j", "processor": "compressor", "ifExists": "replace", **job}
    what["with"] = {"source": str(source), "outputs": [output]}
    batch: dict[str, object] = {"apiVersion": "orchestrator/v1", "kind": "Batch"}
    batch |= {"metadata": {"name": "bench"}, "spec": {"jobs": [what]}}
    path = folder / "job.yaml"
    path.write_text("---\n".join(json.dumps(each) + "\n" for each in [*documents, batch]))
    return path


def run(words: Sequence[str], **wanted: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; what it says on stderr is shown if it fails."""
    done = subprocess.run(
        list(words), stdin=subprocess.DEVNULL, capture_output=True, text=True, **wanted
    )
    if done.returncode:
        raise RuntimeError(f"{words[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done


def timed(words: Sequence[str], **wanted: object) -> float:
    """Return how many seconds a command takes, start-up included."""
    began = time.perf_counter()
    run(words, **wanted)
    return time.perf_counter() - began


def peak_mib() -> float:
    """Return the most memory that this program took; ``ru_maxrss`` counts who started it, too."""
    status = Path("/proc/self/status").read_text()
    (peak,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peak.split()[1]) / 1024


def report(figures: Mapping[str, object], bars: Mapping[str, bool]) -> int:
    """Print figures and bars as JSON; return the exit code."""
    print(json.dumps({**figures, "bars": dict(bars)}, indent=2))
    return 0 if all(bars.values()) else 1
