"""What an agent is told: a task and its node to a complete Spec."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.controller import actions
from orchestrator.controller.heading import heading
from orchestrator.controller.storage import Storage
from orchestrator.controller.testimony import lease_proof
from orchestrator.decide import copying
from orchestrator.decide.reconcile import Attempt
from orchestrator.errors import PluginError
from orchestrator.ledger.protocol import Ledger
from orchestrator.manifest.actions import source_of
from orchestrator.model.node import Identity, Label, Places, Spec, mapped, work_digest
from orchestrator.model.work import Command, Kind, Outcome, Result, Task, TaskId, task_id
from orchestrator.plugin.caller import Caller

LIMIT_DEFAULT_S = 24 * 3600.0
"""Every command has a time limit (P7); this one where neither processor nor job names one."""

COPY_LIMIT_S = 7 * 24 * 3600.0
COPY_STALL_S = 600.0
"""A copy tells of every MiB: a disk that gives none for so long is dead."""

OF_PERSONS = frozenset({Kind.ENCODE, Kind.RENDER, Kind.ANALYSE, Kind.AUDIO, Kind.ACTION})
"""Kinds that a job's preflight and stallAfter speak of; the others are our own steps."""

Paths = Callable[[str], Mapping[str, str]]
"""A node's name -> how it calls the folders that manifests name (F-STOR-14)."""

Done = Mapping[TaskId, Result]
"""A task -> what is accepted of it."""


def everywhere_alike(node: str) -> Mapping[str, str]:
    """Return that the node calls every folder as manifests do."""
    return {}


@dataclass(frozen=True, slots=True)
class Briefing:
    """Writes specs: in them all paths are as their node calls them."""

    cluster: str
    ledger: Ledger
    caller: Caller
    storage: Storage
    paths: Paths = everywhere_alike
    key: bytes = field(default=b"", repr=False)  #: as `testimony.lease_key`

    def spec(self, attempt: Attempt, task: Task, identity: Identity) -> tuple[Spec, Command]:
        """Return what to send for an attempt; PluginError where its processor cannot say."""
        done = self._done(task)
        command = self.command(task, self._places(attempt, task, identity, done), done)
        spec = self._spec(attempt, task, command, done)
        head = heading(attempt, identity, command, spec.env)
        return replace(spec, head=head), command

    def home(self, attempt: Attempt, outcome: Outcome) -> Outcome:
        """Return what a node said with its paths as manifests have them."""
        told = home(outcome, self.paths(attempt.node))
        if (error := told.result.get("error")) is None:
            return told
        return replace(told, result={**told.result, "error": self._named(attempt, str(error))})

    def _named(self, attempt: Attempt, sentence: str) -> str:
        """Return a sentence that speaks of what was copied by the names that people gave it."""
        copy = task_id("/".join(attempt.task.split("/")[:2]), Kind.COPY)
        made = self.ledger.results([copy]).get(copy)
        folders = {copy: str(self.storage.attempt(made.attempt))} if made else {}
        own = self.paths(attempt.node)
        for path, there in self._copies(copy, folders).items():
            sentence = sentence.replace(mapped(there, own), path)
        return sentence

    def command(self, task: Task, where: Places, done: Done | None = None) -> Command:
        """Return the words of a task, its processor's or, for an action, its manifest's.

        `done`: what is accepted of what it needs, where that was read already.
        """
        if task.kind is Kind.ACTION:
            return actions.command(task, where, self._source(task), self._allowed())
        if task.kind is Kind.COPY:
            return _copy(task, where)
        done = self._done(task) if done is None else done
        return self.caller.command(task, where, {id: done[id] for id in task.needs if id in done})

    def _source(self, task: Task) -> str:
        """Return the file that an action copies or moves; empty: there is none."""
        if not {"copy", "move"} & task.args.keys():
            return ""
        return source_of(self.caller.review(task.job))

    def _allowed(self) -> Sequence[str] | None:
        """Return which addresses that are not public jobs may call; None: any, on This Computer."""
        stands = self.ledger.applied()
        return stands.cluster.access.webhooks if stands else None

    def places(self, attempt: Attempt, task: Task, identity: Identity) -> Places:
        """Return where things are on the node."""
        return self._places(attempt, task, identity, self._done(task))

    def _done(self, task: Task) -> Done:
        """Return what is accepted of what a task needs, and of its job's copy."""
        copy = task_id(task.job.id, Kind.COPY)
        return self.ledger.results(tuple(dict.fromkeys((*task.needs, copy))))

    def _places(self, attempt: Attempt, task: Task, identity: Identity, done: Done) -> Places:
        paths = self.paths(attempt.node)
        copy = task_id(task.job.id, Kind.COPY)
        programs = {program.name: program.path for program in identity.programs}
        folders: Mapping[TaskId, str] = {
            id: mapped(str(self.storage.attempt(result.attempt)), paths)
            for id, result in done.items()
        }
        return Places(
            attempt=mapped(str(self.storage.attempt(attempt.id)), paths),
            results=folders,
            programs={**programs, "python": identity.python},
            paths=paths,
            copies=self._copies(copy, folders),
        )

    def _copies(self, copy: TaskId, folders: Mapping[TaskId, str]) -> Mapping[str, str]:
        """Return where what was copied lies on the node."""
        if copy not in folders:
            return {}
        paths = copying.paths_of(self.ledger.task(copy))
        return {
            path: f"{folders[copy]}/{copying.name_of(number, path)}"
            for number, path in enumerate(paths)
        }

    def _spec(self, attempt: Attempt, task: Task, command: Command, done: Done) -> Spec:
        job, personal, paths = task.job, task.kind in OF_PERSONS, self.paths(attempt.node)
        file, digest = self.storage.put(job.batch, command.input) if command.input else (None, None)
        stall_s = job.stall_s if personal and job.stall_s is not None else command.stall_s
        limit_s = (job.timeout_s if personal else None) or command.limit_s or LIMIT_DEFAULT_S
        own = {name: mapped(value, paths) for name, value in job.env.items()}
        preflight = tuple(mapped(word, paths) for word in job.preflight) if personal else ()
        folder = mapped(job.working_directory, paths) if job.working_directory else None
        env = {**own, **{name: _plain(value) for name, value in command.env.items()}}
        _check_words(task, [*command.words(), *preflight, *command.postflight, *env.values()])
        return Spec(
            cluster=self.cluster,
            epoch=self.ledger.epoch,
            lease=attempt.lease,
            proof=lease_proof(self.key, self.ledger.id, self.ledger.epoch, attempt.lease),
            attempt=attempt.id,
            task=task.id,
            service=attempt.service.value,
            argv=tuple(command.words()),
            env=env,
            folder=mapped(str(self.storage.attempt(attempt.id)), paths),
            cwd=command.cwd or (folder if personal else None),
            preflight=preflight,
            limit_s=limit_s,
            stall_s=stall_s if stall_s else None,
            watch=command.watch,
            folders=command.folders,
            notice=command.notice,
            postflight=command.postflight,
            input=None if file else command.input,
            input_file=mapped(file, paths) if file else None,
            input_sha256=digest,
            storage=mapped(str(self.storage.root), paths) if self.storage.token else "",
            token=self.storage.token,
            label=self._label(attempt, task, done),
        )

    def _label(self, attempt: Attempt, task: Task, done: Done) -> Label:
        inputs = {id: each.attempt for id, each in done.items()}
        return Label(
            attempt=attempt.id,
            task=task.id,
            node=attempt.node,
            incarnation=attempt.incarnation,
            epoch=self.ledger.epoch,
            lease=attempt.lease,
            work=work_digest(task, inputs),
        )


def home(outcome: Outcome, paths: Mapping[str, str]) -> Outcome:
    """Return what a node said with its paths, by `paths`, called as manifests call them."""
    back = {there: here for here, there in paths.items()}
    return replace(outcome, result=_home(outcome.result, back)) if back else outcome


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


def _copy(task: Task, where: Places) -> Command:
    """Return the program that copies what a job reads into the attempt's folder (F-STOR-10)."""
    files = [
        {"path": where.original(path), "name": copying.name_of(number, path)}
        for number, path in enumerate(copying.paths_of(task))
    ]
    return Command(
        (where.program("python"), "-m", "orchestrator.agent.copying"),
        input={"files": files},
        limit_s=COPY_LIMIT_S,
        stall_s=COPY_STALL_S,
        watch=r"^copied=\d",
        cwd=where.attempt,
    )


def _plain(value: object) -> str:
    return str(getattr(value, "value", value))


def _home(value: Any, paths: Mapping[str, str]) -> Any:  # the answer is JSON, as the value
    """Return JSON data with every path in it, key or value, called as `paths` says."""
    if isinstance(value, str):
        return mapped(value, paths)
    if isinstance(value, Mapping):
        return {mapped(str(key), paths): _home(each, paths) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_home(each, paths) for each in value]
    return value
