"""How long `orchestrator run` takes, against plain ffmpeg and against GNU parallel, in one run.

`python -m tests.bench.speed` makes a source of 60 s and tells, for each codec, the wall time of

* ours: `orchestrator run` in a fresh state, start-up, gates, assembly and publishing included;
* plain: one multi-threaded ffmpeg of the same binary, settings and sound, which checks nothing;
* parallel: GNU parallel with the very commands that our segments and our sound run, one at a time
  on each core, and the same gate decode after each segment.

The three take turns; medians are compared.  Prints a table on stderr and JSON on stdout, and ends
with 1 if a bar is missed.
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator_compressor.work.child import decode_words
from tests.bench import kit

SECONDS = 60
PARALLEL_BAR = 1.05
THREADING = ("-threads", "-row-mt")
"""Options of ours that say how threads are used: plain ffmpeg has its own default."""

AAC = {"codec": "aac", "bitrate": "192k"}


def video(codec: str, **more: object) -> dict[str, object]:
    """Return the `video` of a setting that keeps the source's size."""
    return {"codec": codec, "pixelFormat": "yuv420p", "size": "source", **more}


PRORES = {"codec": "prores", "profile": "422-hq", "pixelFormat": "yuv422p10le", "size": "source"}
CASES: Mapping[str, tuple[Mapping[str, object], float]] = {
    "x264 medium": (
        {
            "container": "mp4",
            "video": video("h264", preset="medium", rate={"crf": 23}),
            "audio": AAC,
        },
        1.08,
    ),
    "x265 fast": (
        {
            "container": "mp4",
            "video": video("hevc", preset="fast", rate={"crf": 28}),
            "audio": AAC,
        },
        1.10,
    ),
    "vp9": (
        {
            "container": "webm",
            "video": video("vp9", rate={"crf": 32}),
            "audio": {"codec": "opus", "bitrate": "160k"},
        },
        0.80,
    ),
    "prores": (
        {"container": "mov", "video": PRORES, "audio": {"codec": "pcm", "depth": 24}},
        1.15,
    ),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The words that a dry run names: of each segment, and of the sound."""

    segments: tuple[tuple[str, ...], ...]
    sound: tuple[str, ...]
    samples: bool  #: the gate decodes samples only (intra codecs), in a program of ours

    @classmethod
    def of(cls, job: Path, folder: Path, codec: str) -> "Plan":
        """Ask `run --dry-run`."""
        words = [*kit.ORCHESTRATOR, "run", str(job), "--dry-run", "-o", "json"]
        said = json.loads(kit.run([*words, "--state", str(folder / "dry")]).stdout)
        (target,) = said["jobs"][0]["targets"]
        encodes, sounds = (
            [_words(task["command"]) for task in target["tasks"] if task["id"].endswith(kind)]
            for kind in ("/encode", "/audio")
        )
        return cls(tuple(encodes), sounds[0], codec == "prores")

    def plain(self, source: Path, to: Path) -> list[str]:
        """Return one ffmpeg for everything, with ffmpeg's own threading."""
        picture = _between(self.segments[0], "-c:v", "-an")
        sound = _between(self.sound, "-c:a", "-threads")
        fast = ["-movflags", "+faststart"] if to.suffix == ".mp4" else []
        begin = [kit.FFMPEG, "-hide_banner", "-nostdin", "-y", "-v", "error", "-i", str(source)]
        return [*begin, "-map", "0:v:0", "-map", "0:a:0", *picture, *sound, *fast, str(to)]

    def lines(self, folder: Path) -> list[str]:
        """Return the lines for GNU parallel: longest work first, each with its gate."""
        lines = []
        for number, words in enumerate(self.segments):
            place = folder / f"{number:06d}"
            place.mkdir(parents=True)
            encode = [word.replace("ATTEMPT", str(place)) for word in words]
            gate = self._gate(Path(encode[-1].removeprefix("file:")))
            lines.append(f"{shlex.join(encode)} && {shlex.join(gate)}")
        sound = folder / "sound"
        sound.mkdir()
        lines.append(shlex.join(word.replace("ATTEMPT", str(sound)) for word in self.sound))
        return lines

    def _gate(self, made: Path) -> list[str]:
        if not self.samples:
            return decode_words(made, kit.FFMPEG, 1)
        program = "import sys; from pathlib import Path;"
        program += "from orchestrator_compressor.work.gate import decode_samples as decode;"
        program += "decode(Path(sys.argv[1]), 1 << 30)"
        return [sys.executable, "-c", program, str(made)]


def _words(command: str) -> tuple[str, ...]:
    words = shlex.split(command)
    return tuple(words[words.index("--") + 1 :])


def _between(words: Sequence[str], first: str, last: str) -> list[str]:
    """Return the words from `first` up to `last`, without those that ffmpeg would not choose."""
    start = words.index(first)
    found = list(words[start : words.index(last, start)])
    for ours in THREADING:
        if ours in found:
            at = found.index(ours)
            del found[at : at + 2]
    return [_unlimited(word) for word in found]


def _unlimited(word: str) -> str:
    """Let x265 choose its own threads, as ffmpeg does."""
    limits = ("pools=", "frame-threads=")
    return ":".join(part for part in word.split(":") if not part.startswith(limits))


def measure(name: str, source: Path, repeats: int, folder: Path) -> dict[str, object]:
    """Time the three ways in turns; return medians and ratios."""
    setting, bar = CASES[name]
    job = kit.manifest(folder, source, setting)
    plan = Plan.of(job, folder, str(dict(setting["video"])["codec"]))
    times: dict[str, list[float]] = {"ours": [], "plain": [], "parallel": []}
    for turn in range(repeats):
        place = folder / f"turn-{turn}"
        place.mkdir()
        ours = [*kit.ORCHESTRATOR, "run", str(job), "-o", "json", "--state", str(place / "state")]
        times["ours"].append(kit.timed(ours))
        plain = plan.plain(source, place / f"plain.{setting['container']}")
        times["plain"].append(kit.timed(plain))
        (place / "lines").write_text("\n".join(plan.lines(place / "parallel")) + "\n")
        words = ["parallel", "--halt", "now,fail=1", "-j", str(os.cpu_count()), "-a"]
        times["parallel"].append(kit.timed([*words, str(place / "lines")]))
        shutil.rmtree(place)
    median = {way: statistics.median(seconds) for way, seconds in times.items()}
    return {
        "case": name,
        "segments": len(plan.segments),
        "seconds": {way: round(value, 2) for way, value in median.items()},
        "all": {way: [round(value, 2) for value in seconds] for way, seconds in times.items()},
        "ours/plain": round(median["ours"] / median["plain"], 3),
        "ours/plain bar": bar,
        "ours/parallel": round(median["ours"] / median["parallel"], 3),
        "ours/parallel bar": PARALLEL_BAR,
    }


def show(found: Mapping[str, object]) -> None:
    """Print a line of the table."""
    seconds = dict(found["seconds"])
    times = " ".join(f"{way} {value:7.2f} s" for way, value in seconds.items())
    ratios = " ".join(
        f"{key} {found[key]:.3f} (<= {found[key + ' bar']})"
        for key in ("ours/plain", "ours/parallel")
    )
    print(f"{found['case']:12} {times}  {ratios}", file=sys.stderr)


def main() -> int:
    wants = argparse.ArgumentParser(description=__doc__)
    wants.add_argument("cases", nargs="*", default=list(CASES), help=", ".join(CASES))
    wants.add_argument("--repeats", type=int, default=3)
    wants.add_argument("--seconds", type=int, default=SECONDS, help="of the source")
    wants.add_argument("--folder", help="where everything is written; default: the temporary one")
    wanted = wants.parse_args()
    if not shutil.which("parallel"):
        print("GNU parallel is missing; install it: apt-get install parallel", file=sys.stderr)
        return 2
    source = kit.source(wanted.seconds)
    table, bars = [], {}
    for name in wanted.cases:
        with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
            found = measure(name, source, wanted.repeats, Path(folder))
        show(found)
        table.append(found)
        for key in ("ours/plain", "ours/parallel"):
            bar = found[f"{key} bar"]
            bars[f"{name}: {key} <= {bar}"] = found[key] <= bar
    return kit.report({"source_s": wanted.seconds, "cases": table}, bars)


if __name__ == "__main__":
    sys.exit(main())
