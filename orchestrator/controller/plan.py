"""A job whose probe is accepted becomes targets, segments and tasks."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from math import isfinite

from orchestrator.controller import actions
from orchestrator.controller.storage import Storage
from orchestrator.decide.place import lacks
from orchestrator.errors import PluginError
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.node import Report, service_instances
from orchestrator.model.work import (
    Facts,
    Job,
    Kind,
    Room,
    Target,
    TaskId,
    is_component,
    task_id,
)
from orchestrator.plugin.caller import Caller, Unplannable
from orchestrator.plugin.hasty import NotYet

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Planner:
    """Asks the processor for its plan, adds the job's actions, stores it."""

    ledger: Ledger
    caller: Caller
    storage: Storage
    shows_storage: bool = (
        False  #: ``{storage}`` is cluster storage (F-STOR-7), but on This Computer
    )

    def plan(self, job: Job, reports: Iterable[Report]) -> bool:
        """Plan a job; one that cannot be planned is Failed with the reason, the rest goes on.

        Returns False where the probe's result cannot be read, or the processor says nothing, now.
        """
        try:
            room = self._room(job, tuple(reports))
            targets = self.caller.plan(job, self._facts(job), room)
            _check(job, targets)
        except NotYet:
            return False
        except (PluginError, Unplannable, ValueError) as error:
            self.ledger.plan_failed(job.id, str(error))
            log.warning(
                "job %s: cannot be planned: %s", job.id, error, extra={"action": "plan_failed"}
            )
            return True
        except OSError as error:
            log.warning(
                "job %s: its probe's result cannot be read: %s; it goes on by itself",
                job.id,
                error,
                extra={"action": "storage_failed"},
            )
            return False
        copy = task_id(job.id, Kind.COPY)
        first = (copy,) if self.ledger.task(copy) else ()
        first_done = tuple(_after(target, first) for target in targets)
        self.ledger.plan(job.id, actions.added(job, first_done))
        parts = sum(len(target.segments) for target in targets)
        log.info(
            "job %s: %d targets, %d segments",
            job.id,
            len(targets),
            parts,
            extra={"action": "job_planned"},
        )
        return True

    def _facts(self, job: Job) -> Facts:
        probe = task_id(job.id, Kind.PROBE)
        result = self.ledger.results([probe]).get(probe)
        return self.storage.facts(result) if result else Facts()

    def _room(self, job: Job, reports: tuple[Report, ...]) -> Room:
        needs = self.caller.review(job).needs
        able = [r for r in reports if lacks(job, needs, r.identity) is None] or list(reports)
        counts = [service_instances(report.identity, job.service) for report in able]
        standing = self.ledger.standings(job.batch)
        return Room(
            instances=max(1, sum(counts)),
            cores=min((report.identity.cores for report in able), default=1),
            node_instances=max(1, min(counts, default=1)),
            storage=str(self.storage.root) if self.shows_storage else None,
            date=standing[0].accepted[:10] if standing else "",
        )


def _check(job: Job, targets: tuple[Target, ...]) -> None:
    """Refuse a plan that cannot be carried out; a processor's mistake, said by name."""
    if why := _amiss(job, targets) or _unordered(job, targets):
        raise PluginError(f"processor {job.processor!r}: {why}; tell its author")


def _amiss(job: Job, targets: tuple[Target, ...]) -> str:
    """Return what is wrong with targets and tasks; empty: nothing."""
    if not targets:
        return "plan named no target"
    tasks = [task for target in targets for task in target.tasks]
    if len({target.name for target in targets}) != len(targets):
        return "two of its targets have one name"
    if odd := [task.id for task in tasks if not isfinite(task.weight)]:
        return f"the weight of {odd[0]!r} is no number"
    if why := next(filter(None, (_unfit(job, target) for target in targets)), ""):
        return why
    return "its plan names a task twice" if len({task.id for task in tasks}) != len(tasks) else ""


def _unordered(job: Job, targets: tuple[Target, ...]) -> str:
    """Return why tasks can never all be done; empty: they can."""
    needs = {task.id: task.needs for target in targets for task in target.tasks}
    known = {*needs, task_id(job.id, Kind.PROBE)}
    if strangers := sorted({need for each in needs.values() for need in each} - known):
        return f"{strangers[0]!r} is needed, not planned"
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return f"these tasks need each other: {', '.join(sorted(set(error.args[1])))}"
    return ""


def _unfit(job: Job, target: Target) -> str:
    """Return what is wrong with a target by itself; empty: nothing."""
    if not is_component(target.name):
        return f"target {target.name!r} is named as no file can be"
    if not target.tasks:
        return f"target {target.name!r} has no tasks"
    for task in target.tasks:
        below = task.id.removeprefix(f"{job.id}/{target.name}/")
        if below == task.id or not all(map(is_component, below.split("/"))):
            return f"task id {task.id!r} is not its own"
        if task.target != target.name:
            return f"task {task.id!r} says that it is of target {task.target!r}"
    edges = [edge for each in target.segments for edge in (each.start, each.end)]
    if edges != sorted(edges) or any(edge < 0 for edge in edges):
        return f"the segments of target {target.name!r} overlap, or go backwards"
    return ""


def _after(target: Target, first: tuple[TaskId, ...]) -> Target:
    """Let what needs nothing need `first`."""
    tasks = (task if task.needs else replace(task, needs=first) for task in target.tasks)
    return replace(target, tasks=tuple(tasks))
