"""What an agent is told: a task and its node to a complete Spec."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.controller.storage import Storage
from orchestrator.decide.reconcile import Attempt
from orchestrator.errors import PluginError
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.node import Identity, Places, Spec
from orchestrator.model.work import Command, Kind, Task, TaskId
from orchestrator.plugin.caller import Caller

LIMIT_DEFAULT_S = 24 * 3600.0
"""Every command has a time limit (P7); this one where neither processor nor job names one."""

TOKEN = re.compile(r"\{(destination|batch)\}")
"""What the words of an action may name."""

OF_PERSONS = frozenset({Kind.ENCODE, Kind.RENDER, Kind.ANALYSE, Kind.AUDIO, Kind.ACTION})
"""Kinds that a job's preflight and stallAfter speak of; the others are our own steps."""


@dataclass(frozen=True, slots=True)
class Briefing:
    """Writes specs."""

    cluster: str
    ledger: Ledger
    caller: Caller
    storage: Storage

    def spec(self, attempt: Attempt, task: Task, identity: Identity) -> tuple[Spec, Command]:
        """Return what to send for an attempt; PluginError where its processor cannot say."""
        command = self.command(task, self.places(attempt, task, identity))
        return self._spec(attempt, task, command), command

    def command(self, task: Task, where: Places) -> Command:
        """Return the words of a task, its processor's or, for an action, its manifest's."""
        if task.kind is Kind.ACTION:
            return _action(task)
        return self.caller.command(task, where, self.ledger.results(task.needs))

    def places(self, attempt: Attempt, task: Task, identity: Identity) -> Places:
        """Return where things are on the node."""
        results = self.ledger.results(task.needs)
        programs = {program.name: program.path for program in identity.programs}
        folders: Mapping[TaskId, str] = {
            id: str(self.storage.attempt(result.attempt)) for id, result in results.items()
        }
        return Places(
            attempt=str(self.storage.attempt(attempt.id)),
            results=folders,
            programs={**programs, "python": identity.python},
        )

    def _spec(self, attempt: Attempt, task: Task, command: Command) -> Spec:
        job, personal = task.job, task.kind in OF_PERSONS
        file, digest = self.storage.put(job.batch, command.input) if command.input else (None, None)
        stall_s = job.stall_s if personal and job.stall_s is not None else command.stall_s
        limit_s = (job.timeout_s if personal else None) or command.limit_s or LIMIT_DEFAULT_S
        env = {**job.env, **{name: _plain(value) for name, value in command.env.items()}}
        _check_words(task, [*command.words(), *job.preflight, *env.values()])
        return Spec(
            cluster=self.cluster,
            epoch=self.ledger.epoch,
            lease=attempt.lease,
            attempt=attempt.id,
            task=task.id,
            service=attempt.service.value,
            argv=tuple(command.words()),
            env=env,
            folder=str(self.storage.attempt(attempt.id)),
            cwd=command.cwd or (job.working_directory if personal else None),
            preflight=job.preflight if personal else (),
            limit_s=limit_s,
            stall_s=stall_s if stall_s else None,
            watch=command.watch,
            input=None if file else command.input,
            input_file=file,
            input_sha256=digest,
        )


def _check_words(task: Task, words: Iterable[str]) -> None:
    """Refuse what no system takes as a word."""
    text = "".join(words)
    if "\0" in text:
        raise PluginError(f"task {task.id}: a word of its command holds a NUL; remove it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        what = "a word of its command holds half a character"
        raise PluginError(f"task {task.id}: {what}; remove it") from error


def _plain(value: object) -> str:
    return str(getattr(value, "value", value))


def _action(task: Task) -> Command:
    """Fill ``{destination}`` and ``{batch}`` into the words of a job's action (F-SUB-9)."""
    words = task.args.get("command")
    if not isinstance(words, list | tuple) or not words:
        raise PluginError(f"task {task.id}: this action has no command")
    names = {"destination": str(task.args.get("destination", "")), "batch": task.job.batch}
    # in one pass: a destination may be called {batch}
    return Command(tuple(TOKEN.sub(lambda hit: names[hit[1]], str(word)) for word in words))
