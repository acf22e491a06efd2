"""What a batch will be, from its plans alone: targets, segments and the words of every command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from orchestrator.controller.brief import OF_PERSONS, Briefing
from orchestrator.errors import PluginError
from orchestrator.ledger.protocol import Ledger, Standing
from orchestrator.model.node import Identity, Places
from orchestrator.model.work import (
    Batch,
    Cause,
    Command,
    Kind,
    Result,
    State,
    Task,
    TaskId,
    task_id,
)

Data = dict[str, object]

ATTEMPT = "ATTEMPT"
"""Stands in a command for the attempt's own folder."""


class Later(Mapping[str, object]):
    """The result of a task that has not run: every value is its name in braces."""

    def __getitem__(self, key: str) -> object:
        return f"{{{key}}}"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def is_over(ledger: Ledger, batch: str) -> bool:
    """Whether every job of a batch has a plan, or a reason why it gets none by itself."""
    standings = ledger.standings(batch)
    planned = {each.id.rpartition("/")[0] for each in standings if each.level == "target"}
    jobs = (each for each in standings if each.level == "job")
    return all(
        job.id in planned or job.state.is_final or _probe_waits(ledger, job.id) for job in jobs
    )


def forecast(ledger: Ledger, briefing: Briefing, identity: Identity, batch: Batch) -> Data:
    """Return every job of the batch with its reason or its targets; `batch` as the ledger has it."""
    standings = ledger.standings(batch.id)
    words = _Words(ledger, briefing, identity)
    jobs = []
    for job in (each for each in standings if each.level == "job"):
        mine = [
            each
            for each in standings
            if each.level == "target" and each.id.startswith(f"{job.id}/")
        ]
        own = [task for task in ledger.tasks(job.id) if not task.target]
        jobs.append(
            {
                "jobid": job.id,
                "reason": job.reason or ("" if mine else _why(own)),
                "isSourceMissing": any(task.cause is Cause.SOURCE for task in own),
                "isProbed": all(task.state is State.SUCCESSFUL for task in own),
                "tasks": [words.of(task) for task in own],
                "targets": [_target(ledger, words, each) for each in mine],
            }
        )
    return {"batch": batch.name, "jobs": jobs}


class _Words:
    """Asks for the commands of tasks, with readable names where a node would have folders."""

    def __init__(self, ledger: Ledger, briefing: Briefing, identity: Identity) -> None:
        self._ledger = ledger
        self._briefing = briefing
        self._programs = {each.name: each.path for each in identity.programs}
        self._programs["python"] = identity.python

    def of(self, task: Task) -> Data:
        """Return a task with its command, or why its words are not known yet."""
        places = Places(
            attempt=ATTEMPT,
            results={need: f"{{{need}}}" for need in task.needs},
            programs=self._programs,
        )
        try:
            if task.kind is Kind.ACTION:
                command = self._briefing.command(task, places)
            else:
                command = self._briefing.caller.command(task, places, self._done(task))
        except PluginError:
            why = f"its words follow from the results of {len(task.needs)} other tasks"
            return {"id": task.id, "command": None, "why": why}
        return {"id": task.id, "command": str(command), "why": "", **_around(task, command)}

    def _done(self, task: Task) -> Mapping[TaskId, Result]:
        known = self._ledger.results(task.needs)
        later = Result(attempt=ATTEMPT, values=Later())
        return {need: known.get(need, later) for need in task.needs}


def _gate(target: Standing) -> tuple[str, ...]:
    return (f"it waits for a person: {target.gate}",) if target.gate else ()


def _around(task: Task, command: Command) -> Data:
    """Return what is sent with a command: where it runs, in what environment, and after what."""
    job, personal = task.job, task.kind in OF_PERSONS
    env = {**job.env, **{name: str(value) for name, value in command.env.items()}}
    folder = command.cwd or (job.working_directory if personal else None)
    return {
        "env": env,
        "preflight": shlex.join(job.preflight) if personal else "",
        "workingDirectory": folder if folder and folder != ATTEMPT else "",
    }


def _target(ledger: Ledger, words: _Words, target: Standing) -> Data:
    tasks = ledger.tasks(target.id)
    segments = {task.segment.index: task.segment for task in tasks if task.segment}
    return {
        "id": target.id,
        "name": target.name,
        "destination": target.destination,
        "notes": [*target.notes, *_gate(target)],
        "frames": target.frames,
        "segments": [
            {"index": each.index, "frames": each.frames, "start": each.start, "end": each.end}
            for _, each in sorted(segments.items())
        ],
        "tasks": [words.of(task) for task in tasks],
    }


def _probe_waits(ledger: Ledger, job: str) -> bool:
    """Whether a job's probe met a condition that only a person can end."""
    probe = ledger.task(task_id(job, Kind.PROBE))
    return probe is not None and probe.state is State.WAITING and probe.cause is Cause.UNREADY


def _why(own: list[Task]) -> str:
    return next((task.reason for task in own if task.reason), "it was not planned")
