"""A job carried out task by task without a controller, and the single pass it must equal.

The plan and every command come from the processor; `patch` may change the words of an encoder the
same way for both, so that an encoder can be made deterministic where its defaults are not.
"""

import contextlib
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg

from orchestrator.api import (
    Accept,
    Facts,
    Job,
    Kind,
    Outcome,
    Places,
    Result,
    Rework,
    Room,
    Task,
    task_id,
)
from orchestrator.manifest.batch import numbered, read_batch
from orchestrator.manifest.write import yaml_text
from orchestrator.model.work import Ending
from orchestrator.plugin.manager import Plugins
from orchestrator_compressor.table import Table, load
from orchestrator_compressor.work import props

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
Patch = Callable[[list[str]], list[str]]


def uncut(words: list[str]) -> list[str]:
    """Return the words of a segment less its seek and all trims: they then make the whole."""
    words = list(words)
    if "-ss" in words:
        del words[words.index("-ss") : words.index("-ss") + 2]
    chain = words.index("-vf") + 1
    kept = (each for each in words[chain].split(",") if not each.startswith("trim="))
    return [*words[:chain], ",".join(kept), *words[chain + 1 :]]


def same(words: list[str]) -> list[str]:
    return words


@dataclass
class Line:
    """One job on its way through all its tasks; each is done in a folder of its own."""

    folder: Path
    job: Job
    patch: Patch = same  #: of an encoder's words
    finish: Patch = same  #: of the finishing pass's words
    reworks: list[Rework] = field(default_factory=list)  #: what tasks wanted done otherwise
    ffmpeg: str = FFMPEG  #: of the node

    def __post_init__(self) -> None:
        self.processor = Plugins.installed().processor(self.job.processor)
        self.done: dict[str, Result] = {}
        self.folders: dict[str, str] = {}
        self.words: dict[str, list[str]] = {}

    def run(self, kinds: frozenset[Kind] = frozenset(Kind)) -> "Line":
        """Carry out the tasks of these kinds, in the plan's order of need."""
        probe = Task(
            id=task_id(self.job.id, Kind.PROBE),
            job=self.job,
            kind=Kind.PROBE,
            args=self.processor.probe(self.job),
        )
        self.step(probe)
        self.targets = self.processor.plan(
            self.job, self.facts(probe), Room(instances=2, cores=2, node_instances=2)
        )
        tasks = [task for target in self.targets for task in target.tasks if task.kind in kinds]
        self.tasks = {task.id: task for task in tasks}
        while left := [task for task in self.tasks.values() if task.id not in self.done]:
            ready = [task for task in left if all(need in self.done for need in task.needs)]
            assert ready, f"nobody can go on: {[task.id for task in left]}"
            for task in ready:
                self.step(task)
        return self

    def facts(self, probe: Task) -> Facts:
        folder, result = Path(self.folders[probe.id]), self.done[probe.id]
        files = {
            each["file"]: (folder / each["file"]).read_bytes()
            for each in result.values.values()
            if isinstance(each, dict) and "file" in each
        }
        return Facts(values=result.values, files=files, attempt=result.attempt)

    def step(self, task: Task) -> None:
        """Do one task and have its outcome checked."""
        name = task.id.replace("/", "+")
        before = len(list(self.folder.glob(f"{name}*")))
        folder = self.folder / (f"{name}-{before}" if before else name)
        folder.mkdir(parents=True)
        where = Places(
            attempt=str(folder),
            results=self.folders,
            programs={"python": sys.executable, "ffmpeg": self.ffmpeg},
        )
        command = self.processor.command(task, where, {n: self.done[n] for n in task.needs})
        words = command.words()
        if task.kind is Kind.ENCODE:
            words = self.patch(words)
        if task.kind is Kind.ASSEMBLE:
            words = self.finish(words)
        self.words[task.id] = words
        (folder / "input.json").write_text(json.dumps(command.input))
        ended = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        answer = folder / "result.json"
        result = json.loads(answer.read_text()) if answer.exists() else {}
        said = f"{shlex.join(words)}\n{result}\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}"
        assert ended.returncode == 0, said
        outcome = Outcome(attempt=folder.name, ending=Ending.EXITED, exit_code=0, result=result)
        verdict = self.processor.check(task, outcome)
        if isinstance(verdict, Rework):
            self.reworks.append(verdict)
            for id, changes in verdict.changes.items():
                old = self.tasks[id]
                self.tasks[id] = replace(old, args={**old.args, **changes})
                del self.done[id]
            return
        assert verdict == Accept(), f"{verdict}\n{said}"
        self.done[task.id] = Result(attempt=folder.name, values=result)
        self.folders[task.id] = str(folder)

    def table(self) -> Table:
        """Return the index that the probe made."""
        probe = task_id(self.job.id, Kind.PROBE)
        told = self.done[probe].values["table"]
        return load((Path(self.folders[probe]) / told["file"]).read_bytes())

    def encodes(self) -> list[str]:
        """Return the ids of the encode tasks, in order."""
        return sorted(id for id in self.words if id.endswith("/encode"))

    def single_pass(self, cuts: list[int]) -> Path:
        """Encode once without cuts, by the words of the first segment less its cutting trims."""
        words = self.words[self.encodes()[0]]
        words = uncut(words[words.index("--") + 1 :])
        whole = self.folder / f"whole{Path(words[-1]).suffix}"
        forced = "expr:" + ("+".join(f"eq(n,{cut})" for cut in cuts) or "0")
        intra = any(codec in words for codec in ("prores_ks", "ffv1", "mjpeg"))
        extra = [] if intra else ["-force_key_frames", forced]
        folder = Path(self.folders[self.encodes()[0]])
        with contextlib.chdir(folder):  # where the filters' files stand
            props.place(json.loads((folder / "input.json").read_text()).get("stage", []))
        subprocess.run(
            [*words[:-1], *extra, str(whole)],
            cwd=folder,
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        return whole


def job(
    folder: Path,
    source: Path,
    outputs: list[dict],
    settings: tuple = (),
    given: dict | None = None,
    **keys,
) -> Job:
    """Return the job that this manifest text describes, read as a person's would be.

    :param given: what stands in its ``with`` beside source and outputs
    """
    folder.mkdir(parents=True, exist_ok=True)
    one = {"name": "clip", "processor": "compressor", **keys}
    one["with"] = {"source": str(source), "outputs": outputs, **(given or {})}
    head = {"apiVersion": "orchestrator/v1"}
    documents = [head | {"kind": "Batch", "metadata": {"name": "oracle"}, "spec": {"jobs": [one]}}]
    documents += [
        head
        | {"kind": "Setting", "metadata": {"name": name, "description": "a test's"}, "spec": spec}
        for name, spec in settings
    ]
    file = folder / "job.yaml"
    file.write_text("---\n".join(map(yaml_text, documents)))
    plugins = Plugins.installed()
    batch = read_batch(file, plugins.processors, plugins.settings_folders()).batch
    return numbered(batch, "oracle-0001").jobs[0]


def packets(path: Path) -> list[str]:
    """Return the hash of each video packet, in the order of the file."""
    return _hashes(path, "-c", "copy")


def decoded(path: Path) -> list[str]:
    """Return the hash of each decoded video frame, in display order."""
    return _hashes(path, "-fps_mode", "passthrough")


def _hashes(path: Path, *how: str) -> list[str]:
    words = [
        FFMPEG,
        "-v",
        "error",
        "-nostdin",
        "-i",
        str(path),
        "-map",
        "0:v:0",
        *how,
        "-f",
        "framemd5",
        "-",
    ]
    done = subprocess.run(
        words, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    rows = [line.split(",") for line in done.stdout.splitlines() if not line.startswith("#")]
    return [row[-1].strip() for row in rows]


def times(path: Path) -> list[Fraction]:
    """Return the time of each shown frame, from the first, in seconds."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        found = sorted(p.pts for p in file.demux(stream) if p.size and not p.is_discard)
        return [(pts - found[0]) * stream.time_base for pts in found]


def keyframes(path: Path) -> list[int]:
    """Return the positions of the keyframes, in display order."""
    with av.open(str(path)) as file:
        found = sorted((p.pts, p.is_keyframe) for p in file.demux(video=0) if p.size)
        return [at for at, (_, key) in enumerate(found) if key]
