"""Wall time, size and VMAF of what encodes one file with x264, all with the same settings.

`python -m tests.bench.peers` makes a source and encodes it by

* ours: `orchestrator run` in a fresh state, with all its gates;
* plain: one ffmpeg of the same binary with all threads;
* parallel: GNU parallel with the commands of our segments, then ffmpeg's concat demuxer, no gate;
* av1an: Av1an of PyPI, installed into the cache of the tests; it wants a program `x264`, too.

The last has another build of x264, and cuts at the scenes it finds.  Who cannot run here has the
reason in the place of its figures.  Prints a table on stderr and JSON on stdout.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from tests.bench import kit
from tests.bench.speed import CASES, Plan

SECONDS = 40
AV1AN = "Av1an==6.1.5"
EVERY = 5  #: VMAF looks at one frame of so many
SETTING, _ = CASES["x264 medium"]
X264_WORDS = "--preset medium --crf 23 --keyint 250 --stitchable --threads 1"
"""What the setting says, in the words of the program `x264`."""


class Missing(Exception):
    """Somebody cannot run here; the text says why."""


@dataclass(frozen=True, slots=True)
class Table:
    """One source and the place where everybody writes."""

    source: Path
    folder: Path
    job: Path
    plan: Plan

    @classmethod
    def of(cls, source: Path, folder: Path) -> "Table":
        """Ask for our plan, which tells the words that the others run."""
        job = kit.manifest(folder, source, SETTING)
        return cls(source, folder, job, Plan.of(job, folder, "h264"))

    def ours(self, place: Path) -> tuple[float, Path]:
        """Time `orchestrator run`."""
        words = [*kit.ORCHESTRATOR, "run", str(self.job), "-o", "json", "--state", str(place)]
        return kit.timed(words), self.folder / "out.mp4"

    def plain(self, place: Path) -> tuple[float, Path]:
        """Time one ffmpeg."""
        made = place / "plain.mp4"
        return kit.timed(self.plan.plain(self.source, made)), made

    def parallel(self, place: Path) -> tuple[float, Path]:
        """Time GNU parallel, and what joins its parts."""
        if not shutil.which("parallel"):
            raise Missing("GNU parallel is missing; install it: apt-get install parallel")
        lines = [line.partition(" && ")[0] for line in self.plan.lines(place / "parts")]
        (place / "lines").write_text("\n".join(lines) + "\n")
        words = ["parallel", "--halt", "now,fail=1", "-j", str(os.cpu_count()), "-a"]
        seconds = kit.timed([*words, str(place / "lines")])
        parts = sorted((place / "parts").glob("[0-9]*/segment.*"))
        (place / "list").write_text("".join(f"file 'file:{part}'\n" for part in parts))
        (sound,) = (place / "parts/sound").iterdir()
        made = place / "parallel.mp4"
        words = [kit.FFMPEG, "-nostdin", "-v", "error", "-y", "-f", "concat", "-safe", "0"]
        words += ["-i", str(place / "list"), "-i", str(sound), "-map", "0:v", "-map", "1:a"]
        joined = kit.timed([*words, "-c", "copy", "-movflags", "+faststart", str(made)])
        return seconds + joined, made

    def av1an(self, place: Path) -> tuple[float, Path]:
        """Time Av1an."""
        program = installed()
        if not shutil.which("x264"):
            raise Missing("no program x264; install it: apt-get install x264")
        (place / "bin").mkdir()
        (place / "bin/ffmpeg").symlink_to(kit.FFMPEG)
        path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
        made = place / "av1an.mkv"
        words = [str(program), "--quiet", "-i", str(self.source), "-o", str(made)]
        words += ["-enc", "x264", "-p", "1", "-v", f" {X264_WORDS}", "-w", str(os.cpu_count())]
        words += ["-a", " -c:a aac -b:a 192k", "--temp", str(place / "temp")]
        try:
            seconds = kit.timed(words, cwd=place, env={**os.environ, "PATH": path})
        except RuntimeError as error:
            logs = (place / "temp").glob("*log*")
            told = " ".join(log.read_text().strip() for log in logs if log.is_file())
            raise Missing(f"Av1an fails: {told[-600:] or error}") from error
        if not made.exists():
            raise Missing("Av1an ended with 0 and wrote nothing")
        return seconds, made


def installed() -> Path:
    """Return Av1an, installed into a place of its own; raises Missing where that fails."""
    if found := shutil.which("av1an"):
        return Path(found)
    folder = kit.source(1).parent / AV1AN.replace("==", "-")
    program = folder / "bin/av1an"
    if not program.exists():
        venv.create(folder, with_pip=True, clear=True)
        try:
            kit.run([str(folder / "bin/python"), "-m", "pip", "install", "-q", AV1AN])
        except RuntimeError as error:
            raise Missing(f"{AV1AN} cannot be installed: {error}") from error
    return program


def vmaf(made: Path, source: Path) -> float:
    """Return the mean VMAF of a file against its source, frame by frame in order."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "vmaf.json"
        clock = "settb=1/25,setpts=N"
        graph = f"[0:v]{clock}[a];[1:v]{clock}[b];"
        graph += f"[a][b]libvmaf=n_subsample={EVERY}:n_threads={os.cpu_count()}"
        graph += f":log_fmt=json:log_path={log.name}"
        words = [kit.FFMPEG, "-nostdin", "-v", "error", "-i", str(made), "-i", str(source)]
        kit.run([*words, "-lavfi", graph, "-f", "null", "-"], cwd=folder)
        return float(json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"])


def frames(made: Path) -> int:
    """Return how many frames a file shows."""
    with av.open(str(made)) as file:
        return sum(1 for packet in file.demux(video=0) if packet.size and not packet.is_discard)


Way = Callable[[Path], tuple[float, Path]]


def measure(table: Table, repeats: int) -> list[Mapping[str, object]]:
    """Let all take turns; return a row for each."""
    ways: Mapping[str, Way] = {
        "ours": table.ours,
        "plain ffmpeg": table.plain,
        "GNU parallel + ffmpeg": table.parallel,
        AV1AN.replace("==", " "): table.av1an,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    rows: dict[str, dict[str, object]] = {}
    for turn in range(repeats):
        for name, way in ways.items():
            place = table.folder / f"{turn}-{name.split()[0]}"
            place.mkdir()
            try:
                took, made = way(place)
            except (Missing, RuntimeError) as error:
                rows[name] = {"who": name, "cannot run here": str(error)}
                continue
            seconds[name].append(took)
            if turn == 0:
                facts = {"bytes": made.stat().st_size, "frames": frames(made)}
                rows[name] = {"who": name, **facts, "vmaf": round(vmaf(made, table.source), 2)}
            shutil.rmtree(place)
    plain = statistics.median(seconds["plain ffmpeg"])
    for name, row in rows.items():
        if seconds[name]:
            median = statistics.median(seconds[name])
            row |= {"seconds": round(median, 2), "against plain": round(median / plain, 3)}
    return list(rows.values())


def show(rows: Sequence[Mapping[str, object]]) -> None:
    """Print the table."""
    for row in rows:
        if why := row.get("cannot run here"):
            print(f"{row['who']:22} cannot run here: {why}", file=sys.stderr)
            continue
        print(
            f"{row['who']:22} {row['seconds']:8.2f} s  {row['against plain']:6.3f}"
            f"  {row['bytes']:12,} bytes  {row['frames']:6} frames  VMAF {row['vmaf']:.2f}",
            file=sys.stderr,
        )


def main() -> int:
    wants = argparse.ArgumentParser(description=__doc__)
    wants.add_argument("--repeats", type=int, default=3)
    wants.add_argument("--seconds", type=int, default=SECONDS, help="of the source")
    wants.add_argument("--folder", help="where everything is written; default: the temporary one")
    wanted = wants.parse_args()
    source = kit.source(wanted.seconds)
    with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
        rows = measure(Table.of(source, Path(folder)), wanted.repeats)
    show(rows)
    whole = [row for row in rows if "frames" in row and row["who"] == "ours"]
    bars = {"ours has every frame": [row["frames"] for row in whole] == [frames(source)]}
    return kit.report({"source_s": wanted.seconds, "peers": rows}, bars)


if __name__ == "__main__":
    sys.exit(main())
