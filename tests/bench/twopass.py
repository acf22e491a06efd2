"""What a given rate comes to when a film is encoded in parts, beside two passes over all of it.

`python -m tests.bench.twopass` makes 20 s of 480x204, ten of which stand still, and encodes them by an
average rate in three ways:

* one: two passes of one ffmpeg over all of it;
* alone: each of 4 parts by two passes of its own, with the same rate;
* shared: `orchestrator run`, which shares the rate out by what the first pass finds.

Tells thousands of bits a second, and VMAF for each part.  Prints a table on stderr and JSON on
stdout, and ends with 1 if shared is more than 3 % off its rate, or its worst part more than 0.7
VMAF below that of two passes over all.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import av

from tests.bench import kit

RATE_BAR, VMAF_BAR = 0.03, 0.7
PARTS, PART_S, RATE = 4, 5, 25
SIZE = "480:204"
CASES = (("h264", 250), ("h264", 150), ("hevc", 100))


@dataclass(frozen=True, slots=True)
class Found:
    """What one way came to."""

    kbps: float
    vmaf: tuple[float, ...]  #: of each part

    @property
    def worst(self) -> float:
        """VMAF of the worst part."""
        return min(self.vmaf)

    def row(self) -> dict[str, object]:
        """Return it as JSON data."""
        vmaf = [round(each, 2) for each in self.vmaf]
        return {"kbps": round(self.kbps, 1), "vmaf": vmaf, "worst": round(self.worst, 2)}


def clip() -> Path:
    """Return ten seconds that stand still and ten of action; made once."""
    media = kit.helper("media")
    path: Path = media.cache() / "bench" / "uneven-20s-480x204.mp4"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"part-{os.getpid()}-{path.name}")
    shape = f"fps={RATE},scale={SIZE},setsar=1,trim=end_frame={10 * RATE},setpts=N/{RATE}/TB"
    still = f"trim=end_frame=1,gblur=sigma=2,loop={10 * RATE}:1:0,setpts=N/{RATE}/TB"
    chain = f"[0:v]{still},{shape}[a];[1:v]{shape}[b];[a][b]concat,format=yuv420p"
    words = ["-i", str(media.real("carphone_pristine.mp4"))]
    words += ["-i", str(media.real("bikes.mp4")), "-filter_complex", chain, "-an"]
    words += ["-c:v", "libx264", "-qp", "0", "-preset", "veryfast", "-g", "25"]
    media.ffmpeg(*words, "-video_track_timescale", str(RATE), str(part))
    part.replace(path)
    return path


def setting(codec: str, kbps: int) -> dict[str, object]:
    """Return a setting with an average rate and no sound."""
    video = {"codec": codec, "pixelFormat": "yuv420p", "rate": {"average": f"{kbps}k"}}
    return {"container": "mp4", "video": video}


def planned(job: Path, folder: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the words of both passes for each part, with the rate that all have on average."""
    words = [*kit.ORCHESTRATOR, "run", str(job), "--dry-run", "-o", "json"]
    said = json.loads(kit.run([*words, "--state", str(folder / "dry")]).stdout)
    (target,) = said["jobs"][0]["targets"]
    found = {task["id"]: task["command"] for task in target["tasks"]}
    for id, command in found.items():
        if id.endswith("/encode"):
            first = found[id.replace("/encode", "/analyse")]
            yield _words(first), _words(command)


def _words(command: str) -> list[str]:
    words = shlex.split(command)
    return words[words.index("--") + 1 :]


def by_hand(job: Path, folder: Path) -> list[Path]:
    """Run both passes of each part by themselves; return what came of them."""
    made = []
    for number, passes in enumerate(planned(job, folder)):
        place = folder / f"{number}"
        place.mkdir()
        for words in passes:
            there = [re.sub("^.*ATTEMPT", str(place), word) for word in words]
            kit.run(there, cwd=place)
        made.append(Path(there[-1]))
    return made


def measured(files: list[Path], source: Path) -> Found:
    """Return rate and VMAF of parts that follow one another."""
    bits = sum(8 * packet.size for file in files for packet in _packets(file))
    scores = [score for n, file in enumerate(files) for score in vmaf(file, source, n * PART_S)]
    if len(scores) != PARTS * PART_S * RATE:
        raise RuntimeError(f"{len(scores)} frames were compared")
    step = PART_S * RATE
    parts = [scores[at : at + step] for at in range(0, len(scores), step)]
    return Found(bits / (PARTS * PART_S) / 1000, tuple(sum(each) / step for each in parts))


def _packets(file: Path) -> Iterator[av.Packet]:
    with av.open(str(file)) as opened:
        yield from opened.demux(video=0)


def vmaf(file: Path, source: Path, start: int) -> list[float]:
    """Return VMAF of each frame against the source from second `start` on."""
    log = file.with_name(f"{file.stem}-vmaf.json")
    graph = f"[0:v]settb=1/{RATE},setpts=N[a];[1:v]settb=1/{RATE},setpts=N[b];"
    graph += "[a][b]libvmaf=shortest=1:n_threads=2:log_fmt=json:log_path=" + log.name
    words = [kit.FFMPEG, "-v", "error", "-nostdin", "-i", str(file.absolute()), "-ss", str(start)]
    kit.run([*words, "-i", str(source), "-lavfi", graph, "-f", "null", "-"], cwd=file.parent)
    return [each["metrics"]["vmaf"] for each in json.loads(log.read_text())["frames"]]


def measure(codec: str, kbps: int, source: Path, folder: Path) -> dict[str, object]:
    """Encode in three ways; return what each came to, and whether the bar is reached."""
    spec = setting(codec, kbps)
    jobs = {}
    for name, more in (("one", {"allowSegmenting": False}), ("alone", {}), ("shared", {})):
        place = folder / name
        place.mkdir(parents=True)
        jobs[name] = kit.manifest(place, source, {**spec, **more}, segments={"seconds": PART_S})
    one = measured(by_hand(jobs["one"], folder / "one"), source)
    alone = measured(by_hand(jobs["alone"], folder / "alone"), source)
    state = folder / "state"
    kit.run([*kit.ORCHESTRATOR, "run", str(jobs["shared"]), "--state", str(state), "-o", "json"])
    shared = measured([folder / "shared" / "out.mp4"], source)
    off, lost = abs(shared.kbps / kbps - 1), one.worst - shared.worst
    return {
        "case": f"{codec} {kbps}k",
        "one": one.row(),
        "alone": alone.row(),
        "shared": shared.row(),
        "off": round(off, 4),
        "vmaf_lost": round(lost, 2),
        "reached": off <= RATE_BAR and lost <= VMAF_BAR,
    }


def show(row: Mapping[str, object]) -> None:
    """Tell a row on stderr."""
    for way in ("one", "alone", "shared"):
        print(f"{row['case']:10} {way:7} {row[way]}", file=sys.stderr)
    print(f"{row['case']:10} off {row['off']} lost {row['vmaf_lost']}", file=sys.stderr, flush=True)


def main() -> int:
    """Measure all cases, or those that are named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", help="as h264-250")
    wanted = parser.parse_args().only
    source, rows = clip(), []
    for codec, kbps in CASES:
        if wanted in {None, f"{codec}-{kbps}"}:
            folder = Path(tempfile.mkdtemp(prefix="twopass-"))
            try:
                rows.append(measure(codec, kbps, source, folder))
            finally:
                shutil.rmtree(folder)
            show(rows[-1])
    print(json.dumps({"twopass": rows}))
    return int(not all(row["reached"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
