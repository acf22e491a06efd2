"""Segments and a single pass by the very words of the plan, decoded frames only: no gate, no join.

It is cheap enough for a matrix; `oracle.Line` carries out the whole job.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import oracle

from orchestrator.api import Command, Facts, Kind, Places, Result, Room, Target, Task, task_id
from orchestrator_compressor.table import Output, Table, output

PROBE = frozenset[Kind]()


@dataclass(frozen=True)
class Probed:
    """A source that was probed once, for many plans."""

    path: Path
    line: oracle.Line

    @classmethod
    def of(cls, folder: Path, path: Path) -> Probed:
        spec = {"processor": "compressor", "container": "mkv", "video": {"codec": "ffv1"}}
        line = oracle.Line(folder / "probed", _job(folder, path, spec, ()))
        return cls(path, line.run(PROBE))

    def facts(self, **video: Any) -> Facts:
        """Return what the probe found; `video` is told instead of what it told."""
        probe = Task(id=task_id(self.line.job.id, Kind.PROBE), job=self.line.job, kind=Kind.PROBE)
        found = self.line.facts(probe)
        values = {**found.values, "video": {**dict(found.values["video"]), **video}}
        return replace(found, values=values)

    def plan(
        self, folder: Path, more: Mapping[str, Any], cuts: Sequence[int], **video: Any
    ) -> Plan:
        """Return the plan of an FFV1 target whose ``video`` says `more`."""
        spec = {
            "processor": "compressor",
            "container": "mkv",
            "video": {"codec": "ffv1", **more},
        }
        job = _job(folder, self.path, spec, cuts)
        room = Room(instances=2, cores=2, node_instances=2)
        facts = self.facts(**video)
        (target,) = self.line.processor.plan(job, facts, room)
        probe = task_id(job.id, Kind.PROBE)
        return Plan(self, target, {probe: Result(attempt="a1", values=facts.values)})


@dataclass(frozen=True)
class Plan:
    """A target, and the frames that its commands give."""

    probed: Probed
    target: Target
    done: Mapping[str, Result]  #: what the probe told

    def encodes(self) -> list[Task]:
        return [task for task in self.target.tasks if task.kind is Kind.ENCODE]

    def command(self, task: Task) -> Command:
        where = Places(
            attempt="/a",
            results={need: "/r" for need in task.needs} | self.probed.line.folders,
            programs={"ffmpeg": oracle.FFMPEG, "python": "python"},
        )
        return self.probed.line.processor.command(task, where, self.done)

    def words(self, task: Task) -> list[str]:
        words = self.command(task).words()
        return words[words.index("--") + 1 :]

    def segments(self) -> list[list[str]]:
        """Return the frames of each segment."""
        return [frames(self.words(task)) for task in self.encodes()]

    def single(self) -> list[tuple[int, str]]:
        """Return the frames of one uninterrupted pass, each with the tick at which it is shown."""
        words = oracle.uncut(self.words(self.encodes()[0]))
        cut = cast("Mapping[str, Any]", self.encodes()[0].args["cut"])
        return [(int(row[2]), row[-1]) for row in _rows(_told(clocked(words, cut["tb"])))]

    def output(self, table: Table) -> Output:
        """Return when its frames are shown."""
        (join,) = (task for task in self.target.tasks if task.kind is Kind.ASSEMBLE)
        return output(table, dict(self.command(join).input["output"]))


def frames(words: Sequence[str]) -> list[str]:
    """Return the hash of each frame that a chain of filters hands to its encoder."""
    return [row[-1] for row in _rows(_told(words))]


def clocked(words: Sequence[str], tb: str) -> list[str]:
    """Return words that keep the times that the filters give, in ticks of `tb` seconds."""
    at, clock = words.index("-vf") + 1, words.index("-enc_time_base") + 1
    chain = re.sub(r",(settb=[^,]*,setpts=N,fps=[^,]*|setpts=PTS-STARTPTS)$", "", words[at])
    assert chain != words[at]
    kept = list(words)
    kept[at], kept[clock] = f"{chain},settb={tb}", "filter"
    return kept


def _told(words: Sequence[str]) -> str:
    told = [*words[: words.index("-c:v")], "-c:v", "rawvideo", "-f", "framemd5", "-"]
    done = subprocess.run(told, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{told}\n{done.stderr}"
    return done.stdout


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("0,"):  # else it is progress, or a head
            yield [each.strip() for each in line.split(",")]


def _job(folder: Path, path: Path, spec: Mapping[str, Any], cuts: Sequence[int]) -> Any:
    outputs = [{"setting": "own", "destination": str(folder / "out/a.mkv")}]
    more = {"segments": {"cuts": list(cuts)}} if cuts else {}
    return oracle.job(folder, path, outputs, (("own", spec),), **more)
