"""One build of a program: on one computer for each job, on many for each target.

Two builds of one encoder write segments that do not fit together, and not always visibly
(F-ROLE-6); so what was begun with one build is not gone on with by another.  On one computer a job
is planned anew when its program was changed; among many nodes another build does other targets.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.decide.place import Builds, builds_of, is_segment, target_of
from orchestrator.errors import PluginError
from orchestrator.ledger.protocol import Attempt, Ledger, Standing
from orchestrator.model.node import Identity, Member, Report
from orchestrator.model.work import State, TaskId
from orchestrator.plugin.caller import Caller

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """Remembers, in a file beside the ledger, with which builds each unfinished job was begun."""

    path: Path
    ledger: Ledger
    caller: Caller

    def renew(self, identity: Identity, retried: str | None) -> frozenset[str]:
        """Plan open jobs anew whose programs are others now.

        Returns the failed jobs of the batch `retried` (an id, or None) that must begin anew, too.
        """
        before, now = _read(self.path), _builds(identity)
        record: dict[str, Builds] = {}
        restarts: set[str] = set()
        for batch in self.ledger.standings():
            if batch.state is State.SUCCESSFUL:
                continue
            if batch.state.is_final and batch.id != retried:
                record |= {job: was for job, was in before.items() if _of(job, batch.id)}
                continue
            for job, mine in self._needed(batch.id, now):
                record[job.id] = mine
                if before.get(job.id, mine) != mine and (again := self._anew(job)):
                    restarts |= again
                    record[job.id] = before[job.id]  # until it is begun anew
        _write(self.path, record)
        return frozenset(restarts)

    def begin(self, batch: str, identity: Identity) -> None:
        """Remember the builds of a batch that has just been accepted."""
        now = _builds(identity)
        mine = {job.id: builds for job, builds in self._needed(batch, now)}
        _write(self.path, {**_read(self.path), **mine})

    def _needed(self, batch: str, now: Builds) -> Iterator[tuple[Standing, Builds]]:
        """Yield each job of a batch with the builds of the programs it needs."""
        whole = self.ledger.batch(batch)
        parts = {part.id: part for part in self.ledger.standings(batch)}
        for job in whole.jobs if whole else ():
            try:
                needs = self.caller.review(job).needs
            except PluginError:
                continue  # its plugin is gone: that is for the job's own command to say
            yield parts[job.id], {name: sha for name, sha in now.items() if name in needs}

    def _anew(self, job: Standing) -> set[str]:
        why = "its program is another build than the one it was begun with; begun anew"
        if job.state is State.SUCCESSFUL:
            return set()
        log.warning("job %s: %s", job.id, why, extra={"action": "job_replanned"})
        if job.state.is_final:
            return {job.id}
        self.ledger.replan(job.id, {}, why)
        return set()


class TargetBuilds:
    """Remembers, in a file beside the ledger, with which builds each target was begun."""

    def __init__(self, path: Path, caller: Caller, ledger: Ledger) -> None:
        self._path = path
        self._caller = caller
        self._ledger = ledger
        self._fixed = _read(path)

    def fixed(
        self, attempts: Sequence[Attempt], members: Mapping[Member, Report]
    ) -> Mapping[str, Builds]:
        """Return target -> builds: those remembered, and those that open segments run with."""
        nodes = {member.node: report.identity for member, report in members.items()}
        fresh: dict[str, Builds] = {}
        for attempt in attempts:
            if is_segment(attempt.task) and attempt.node in nodes:
                target = target_of(attempt.task)
                if target not in self._fixed and target not in fresh:
                    fresh[target] = self._of(attempt.task, nodes[attempt.node])
        return {**self._fixed, **fresh}

    def fix(self, tasks: Iterable[tuple[TaskId, Identity]]) -> None:
        """Remember the builds of segments that are about to be sent; the first of a target counts.

        Raises OSError if that cannot be written.
        """
        fresh: dict[str, Builds] = {}
        for task, identity in tasks:
            target = target_of(task)
            if is_segment(task) and target not in self._fixed and target not in fresh:
                fresh[target] = self._of(task, identity)
        if fresh:
            self._fixed |= fresh
            _write(self._path, self._fixed)

    def forget(self, under: str) -> None:
        """Forget the targets of a job that begins anew, or of a batch that is over."""
        left = {id: builds for id, builds in self._fixed.items() if not _of(id, under)}
        if left != self._fixed:
            self._fixed = left
            _write(self._path, left)

    def _of(self, id: TaskId, identity: Identity) -> Builds:
        task = self._ledger.task(id)
        try:
            needs = self._caller.review(task.job).needs if task else {}
        except PluginError:
            needs = {}
        return builds_of(needs, identity)


def _read(path: Path) -> dict[str, Builds]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _write(path: Path, record: Mapping[str, Builds]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record), "utf-8")
    part.replace(path)


def _builds(identity: Identity) -> Builds:
    return {program.name: program.sha256 for program in identity.programs if program.path}


def _of(job: str, batch: str) -> bool:
    return job.startswith(f"{batch}/")
