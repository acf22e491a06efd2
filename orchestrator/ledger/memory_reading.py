"""What can be asked of the ledger in dicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

from orchestrator.decide.collect import Fate
from orchestrator.decide.reconcile import Attempt, Tally
from orchestrator.decide.standing import standing
from orchestrator.ledger import rows
from orchestrator.ledger.attempting import SEGMENT_KINDS
from orchestrator.ledger.fates import over_at
from orchestrator.ledger.protocol import ANY, Application, AttemptRecord, Event, Only, Standing
from orchestrator.ledger.sqlite import new_id
from orchestrator.ledger.store import Part, Step, Store, batch_of
from orchestrator.model.cluster import Node
from orchestrator.model.work import (
    AttemptId,
    Batch,
    Cause,
    Job,
    Kind,
    Priority,
    Result,
    Service,
    State,
    Target,
    Task,
    TaskId,
    task_id,
)


class MemoryReader:
    """Answers from what the store remembers."""

    def __init__(self) -> None:
        self.id = new_id()
        self.epoch = 1
        self._store = Store()

    def next_id(self, name: str) -> str:
        batches = (part.noun for part in self._store.of("batch") if part.name == name)
        last = max(map(rows.serial, batches), default=0)
        return f"{name}-{max(last, self._store.serials.get(name, 0)) + 1:04d}"

    def newest(self, digest: str) -> tuple[str, State] | None:
        found = [part for part in self._store.of("batch") if part.digest == digest]
        return (found[-1].id, found[-1].state) if found else None

    def state(self, batch: str) -> State | None:
        part = self._store.parts.get(batch)
        return part.state if part else None

    def batch(self, id: str) -> Batch | None:
        part = self._store.parts.get(id)
        return part.noun if part else None

    def unplanned(self) -> tuple[Job, ...]:
        jobs = [part for part in self._store.of("job") if self._store.is_unplanned(part)]
        return tuple(part.noun for part in sorted(jobs, key=_job_order))

    def early(self) -> tuple[Job, ...]:
        store = self._store
        found = [
            job
            for job in sorted(store.of("job"), key=_job_order)
            if batch_of(job).noun.copy_at_submit
            and job.is_open
            and not job.planned
            and task_id(job.id, Kind.COPY) not in store.steps
            and (job.probe is None or store.steps[job.probe].task.state is State.WAITING)
        ]
        return tuple(job.noun for job in found)

    def submission(self, key: str) -> tuple[str, str] | None:
        return self._store.submissions.get(key)

    def paused(self, under: str = "") -> tuple[str, ...]:
        found = sorted(self._store.holds)
        return tuple(id for id in found if not under or _is_under(id, under))

    def applied(self) -> Application | None:
        return self._store.applied

    def paused_nodes(self) -> frozenset[str]:
        return frozenset(self._store.paused_nodes)

    def leaving_nodes(self) -> tuple[Node, ...]:
        return self._store.leaving

    def ready(
        self,
        service: Service,
        limit: int,
        now: float,
        only: Only = ANY,
    ) -> tuple[Task, ...]:
        line = [
            step
            for step in self._store.steps.values()
            if step.task.job.service is service
            and self._store.is_in_line(step)
            and not _sleeps(step, now)
            and _is_asked_for(step.task, only)
        ]
        busy = Counter(
            each.task.partition("/")[0]
            for each in self._store.open.values()
            if each.service is service
        )
        found: list[Task] = []
        while line and len(found) < limit:
            priority = min(step.order[0] for step in line)
            first = [step for step in line if step.order[0] == priority]
            step = min(first, key=lambda step: (busy[step.task.job.batch], step.order))
            line.remove(step)
            busy[step.task.job.batch] += 1
            found.append(step.task)
        return tuple(found)

    def next_change(self, now: float) -> float | None:
        steps = (step for step in self._store.steps.values() if self._store.is_in_line(step))
        return min((step.not_before for step in steps if _sleeps(step, now)), default=None)

    def open_attempts(self) -> tuple[Attempt, ...]:
        return tuple(self._store.open.values())

    def over(self) -> tuple[Tally, ...]:
        store = self._store
        jobs = sorted(store.of("job"), key=_job_order)
        parts = (*store.of("target"), *jobs, *store.of("batch"))
        return tuple(store.tally(part) for part in parts if store.is_over(part))

    def owner(self, batch: str) -> str | None:
        part = self._store.parts.get(batch)
        return part.origin.owner if part and part.level == "batch" else None

    def unfinished(self) -> int:
        return sum(part.is_open for part in self._store.of("batch"))

    def task(self, id: TaskId) -> Task | None:
        step = self._store.steps.get(id)
        return self._store.shown(step) if step else None

    def results(self, tasks: Sequence[TaskId]) -> Mapping[TaskId, Result]:
        steps = self._store.steps
        found = {id: steps[id].accepted for id in tasks if id in steps}
        return {id: result for id, result in found.items() if result}

    def standings(self, batch: str | None = None) -> tuple[Standing, ...]:
        store = self._store
        if batch is None:
            return tuple(self._standing(part) for part in store.of("batch"))
        if batch not in store.parts:
            return ()
        head = store.parts[batch]
        parts = [head]
        for job in store.of("job", head):
            parts += [job, *store.of("target", job)]
        return tuple(self._standing(part) for part in parts)

    def tasks(self, under: str) -> tuple[Task, ...]:
        found = [step for id, step in self._store.steps.items() if _is_under(id, under)]
        return tuple(self._store.shown(step) for step in sorted(found, key=lambda s: s.place))

    def attempts(self, under: str) -> tuple[AttemptRecord, ...]:
        records = self._store.records.values()
        return tuple(record for record in records if _is_under(record.task, under))

    def attempt(self, id: AttemptId) -> AttemptRecord | None:
        return self._store.records.get(id)

    def fates(self, attempts: Sequence[AttemptId]) -> Mapping[AttemptId, Fate]:
        found = {id: self._fate(id) for id in attempts if id in self._store.records}
        return {id: fate for id, fate in found.items() if fate}

    def _fate(self, id: AttemptId) -> Fate | None:
        store, record = self._store, self._store.records[id]
        batch, step = store.parts.get(record.task.partition("/")[0]), store.steps.get(record.task)
        if batch is None:
            return None
        job = store.parts.get(step.task.job.id) if step else None
        is_pointer = bool(step and step.accepted and step.accepted.attempt == id)
        return Fate(
            batch=batch.id,
            over_at=over_at(batch.state, batch.ended),
            is_open=not record.closed,
            is_needed=is_pointer and job is not None and job.state is not State.SUCCESSFUL,
            may_come=id in store.late and step is not None and not step.task.state.is_final,
        )

    def events(self, after: int = 0, limit: int = 1000, under: str = "") -> tuple[Event, ...]:
        above = rows.lineage(under)[:-1]
        found = (event for event in self._store.events if event.seq > after)
        told = (e for e in found if not under or e.subject in above or _is_under(e.subject, under))
        return tuple(islice(told, limit))

    def anchor(self) -> tuple[int, str]:
        return self._store.anchor

    def _standing(self, part: Part) -> Standing:
        steps = self._store.under(part)
        tasks = Counter((step.task.kind, self._store.shown(step).state) for step in steps)
        is_paused = rows.is_held(part.id, self._store.holds)
        jobs = self._store.of("job", part) if part.level == "batch" else [part]
        planned = all(job.level == "target" or job.planned or not job.is_open for job in jobs)
        about = Standing(
            id=part.id,
            level=part.level,
            name=part.name,
            state=standing(
                part.state, tasks, planned=planned, paused=is_paused, stuck=self._is_stuck(part)
            ),
            reason=part.reason,
            priority=part.noun.priority if part.level == "batch" else Priority.MEDIUM,
            owner=part.origin.owner,
            sent_by=part.origin.sent_by,
            accepted=part.accepted,
            ended=part.ended,
            tasks=dict(tasks),
            processor=part.noun.processor if part.level == "job" else "",
        )
        if part.level != "target":
            return about
        return replace(_with_frames(about, part.noun, steps), gate=self._store.gate(part.id))

    def _is_stuck(self, part: Part) -> bool:
        """Whether what waits of a part waits for what is on Hold, and for nothing else."""
        store = self._store
        if any(store.is_in_line(step) for step in store.under(part)):
            return False
        jobs = store.of("job", part) if part.level == "batch" else []
        moving = (job for job in jobs if job.is_open and not store.unmet(job))
        return all(store.tally(job).left for job in moving)


def _with_frames(about: Standing, target: Target, steps: Sequence[Step]) -> Standing:
    done = (
        step.task.segment.frames
        for step in steps
        if step.task.segment and step.task.kind in SEGMENT_KINDS and step.accepted
    )
    return replace(
        about,
        destination=target.destination,
        notes=target.notes,
        frames=target.frames,
        frames_done=sum(done),
    )


def _job_order(job: Part) -> tuple[int, int]:
    return batch_of(job).place, job.place


def _sleeps(step: Step, now: float) -> bool:
    """Whether the time of a task has not come; that of one that was not ready is never far."""
    is_put_back = step.task.cause is Cause.UNREADY and step.not_before > now + rows.SLEEP_MOST_S
    return step.not_before > now and not is_put_back


def _is_asked_for(task: Task, only: Only) -> bool:
    is_of_target = not task.target or only.targets is None
    return (
        task.job.id not in only.passing
        and not (task.kind is Kind.RENDER and task.job.id in only.unlicensed)
        and (only.kinds is None or task.kind in only.kinds)
        and (is_of_target or f"{task.job.id}/{task.target}" in (only.targets or ()))
    )


def _is_under(id: str, under: str) -> bool:
    return id == under or id.startswith(f"{under}/")
