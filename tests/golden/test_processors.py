"""Every tests/golden/<plugin>/*.yaml is one test: a job in; segments, commands, progress out.

Beside the keys of the kit (`orchestrator.testing`) a case may have ``table``: the times of the
frames of its source; and ``says``: lines of a renderer's output, each with what it comes to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from outsiders import named

from orchestrator.api import Facts, Job, Kind, Outcome, Places, Processor, Reject, Room, Task
from orchestrator.model.cluster import PluginRules
from orchestrator.model.work import Ending
from orchestrator.plugin.far import Deadlines
from orchestrator.plugin.manager import Plugins
from orchestrator.testing import Case, asking, golden_cases
from orchestrator_compressor import table

OURS = "media-orchestrator"
CASES = golden_cases(Path(__file__).parent, own=("table", "says"))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_golden(case: Case) -> None:
    case.check(_files(case))
    for line, sentence in case.own.get("says", {}).items():
        assert _said(case, line) == sentence


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugins]:
    """Return our plugins as if other people had written them: each in a process of its own."""
    folder = tmp_path_factory.mktemp("outsiders")
    for point in entry_points(group="orchestrator"):
        if point.dist and point.dist.name == OURS:
            named(folder, point.name, point.value)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        plugins = Plugins.installed(PluginRules(deny=(OURS,)), Deadlines(progress_every_s=0.0))
    yield plugins
    plugins.close()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_golden_case_holds_in_a_process_of_its_own(
    case: Case, apart: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "loaded", lambda: apart)
    case.check(_files(case))


def _files(case: Case) -> dict[str, bytes]:
    if "table" not in case.own:
        return {}
    return {case.data["facts"]["table"]["file"]: _table(**case.own["table"])}


def _table(frames: int, step: int, tb: str, gop: int, first: int = 0) -> bytes:
    return table.dump(
        table.Table(
            tb=Fraction(tb),
            pts=tuple(range(first, first + frames * step, step)),
            keys=tuple(range(0, frames, gop)),
            last_duration=step,
        )
    )


def _said(case: Case, line: str) -> str | None:
    """Return what a renderer's line means, beside frames that are all right; None: nothing.

    One that alone is no failure says why frames are missing: ``so frames are missing: …``.
    """
    processor = Plugins.installed().processor(case.data["processor"])
    task = _render(processor, case)
    notice = processor.command(task, Places(attempt="OUT", programs=_Anything()), {}).notice
    if not re.search(notice or "(?!)", line):
        return None
    outcome = Outcome(attempt="a1", ending=Ending.EXITED, exit_code=0, noticed=(line,))
    verdict = processor.check(task, replace(outcome, result={"frames": 1}))
    if isinstance(verdict, Reject):
        return verdict.why
    without = replace(outcome, result={"frames": 0, "missing": ["1"]})
    verdict = processor.check(task, without)
    assert isinstance(verdict, Reject)
    if verdict == processor.check(task, replace(without, noticed=())):
        return None
    return verdict.why.replace("frame 1 is missing", "so frames are missing", 1)


def _render(processor: Processor, case: Case) -> Task:
    job = Job(id="golden-0001/j", name="j", processor=processor.name, asks=case.data["with"])
    room = Room(instances=1, node_instances=1, cores=1, date="2026-05-04")
    targets = processor.plan(job, Facts(values=case.data.get("facts", {})), room)
    return next(task for each in targets for task in each.tasks if task.kind is Kind.RENDER)


class _Anything(dict[str, str]):
    """A node that has every program, called by its name."""

    def __missing__(self, name: str) -> str:
        return name
