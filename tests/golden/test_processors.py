"""Every tests/golden/<plugin>/*.yaml is one test: a job in; segments, commands, progress out.

A case names what a manifest says (``with``, and ``job`` for the keys beside it), what a probe found
(``facts``; ``table`` for the times of its frames) and the ``room``.  What it does not compare, it
leaves out.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from orchestrator.api import (
    Facts,
    Job,
    Kind,
    Places,
    Processor,
    Progress,
    Result,
    Room,
    Split,
    Task,
)
from orchestrator.plugin.manager import Plugins
from orchestrator_compressor import table

CASES = sorted(Path(__file__).parent.glob("*/*.yaml"))
PLUGINS = Plugins.installed()


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_golden(path: Path) -> None:
    case = YAML(typ="safe").load(path)
    processor = PLUGINS.processor(case["processor"])
    job = _job(path.stem, case)
    faults = {"/".join(map(str, f.path)): f.text for f in processor.review(job).faults}
    assert faults == case.get("faults", {})
    if faults:
        return
    targets = processor.plan(job, _facts(case), Room(**ROOM, **case.get("room", {})))
    spans = {t.name: [f"{s.start}-{s.end - 1}" for s in t.segments] for t in targets}
    assert spans == case.get("segments", spans)
    notes = [note for target in targets for note in target.notes]
    assert notes == case.get("notes", notes)
    tasks = [task for target in targets for task in target.tasks]
    made = _commands(processor, case, tasks)
    assert {id: made.get(id) for id in case["commands"]} == _flat(case["commands"])
    for line, frames in case.get("progress", {}).items():
        assert processor.progress(tasks[0], line) == (None if frames is None else Progress(frames))


ROOM: dict[str, Any] = {"cores": 4, "date": "2026-05-04"}


def _job(name: str, case: dict[str, Any]) -> Job:
    keys = dict(case.get("job", {}))
    split = Split(**keys.pop("segments", {}))
    return Job(
        id=f"golden-0001/{name}",
        name=name,
        processor=case["processor"],
        asks=case["with"],
        settings={**_built_in(), **case.get("settings", {})},
        split=split,
        **keys,
    )


def _built_in() -> dict[str, Any]:
    files = (file for folder in PLUGINS.settings_folders() for file in folder.glob("*.yaml"))
    documents = [YAML(typ="safe").load(file) for file in files]
    return {each["metadata"]["name"]: each["spec"] for each in documents}


def _facts(case: dict[str, Any]) -> Facts:
    values = case.get("facts", {})
    if "table" not in case:
        return Facts(values=values)
    return Facts(values=values, files={values["table"]["file"]: _table(**case["table"])})


def _table(frames: int, step: int, tb: str, gop: int, first: int = 0) -> bytes:
    return table.dump(
        table.Table(
            tb=Fraction(tb),
            pts=tuple(range(first, first + frames * step, step)),
            keys=tuple(range(0, frames, gop)),
            last_duration=step,
        )
    )


def _commands(processor: Processor, case: dict[str, Any], tasks: list[Task]) -> dict[str, str]:
    """Return each task's command, by the end of its id; a node's folders are called after tasks."""
    ends = {task.id: task.id.split("/", 2)[2] for task in tasks}
    probe = {task.job.id + "/" + Kind.PROBE.value for task in tasks}
    folders = {id: f"/store/{end.replace('/', '-')}" for id, end in ends.items()}
    where = Places(
        attempt="OUT",
        results={**folders, **dict.fromkeys(probe, "/store/probe")},
        programs=_Anything(),
    )
    done = dict.fromkeys(probe, Result(attempt="a1", values=case.get("facts", {})))
    return {ends[task.id]: str(processor.command(task, where, done)) for task in tasks}


class _Anything(dict[str, str]):
    """A node that has every program, called by its name."""

    def __missing__(self, name: str) -> str:
        return name


def _flat(commands: dict[str, str]) -> dict[str, str]:
    return {id: " ".join(text.split()) for id, text in commands.items()}
