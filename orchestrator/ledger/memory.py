"""The ledger in dicts, for tests.  Passes the same contract suite as the real one."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Self, TypeVar

from orchestrator.decide.reconcile import Attempt, Tally, ended
from orchestrator.decide.settle import Reach
from orchestrator.decide.standing import standing
from orchestrator.errors import LedgerError
from orchestrator.ledger import events, rows
from orchestrator.ledger.attempting import SEGMENT_KINDS
from orchestrator.ledger.events import Data
from orchestrator.ledger.planning import earliest
from orchestrator.ledger.protocol import AttemptRecord, Event, Settlement, Standing
from orchestrator.ledger.sqlite import new_id, now_utc, since_boot
from orchestrator.ledger.store import Part, Step, Store
from orchestrator.model.codec import load
from orchestrator.model.node import Member
from orchestrator.model.work import (
    AttemptId,
    Batch,
    Cause,
    Job,
    Kind,
    Outcome,
    Result,
    Service,
    State,
    Target,
    Task,
    TaskId,
)

T = TypeVar("T")


class MemoryLedger:
    """A ledger that forgets when the process ends."""

    def __init__(
        self,
        *,
        wall: Callable[[], datetime] = now_utc,
        boottime: Callable[[], float] = since_boot,
    ) -> None:
        self.id = new_id()
        self.epoch = 1
        self._wall = wall
        self._boottime = boottime
        self._store = Store()
        self.note("epoch-taken", self.id, {"epoch": self.epoch})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        pass

    # -- batches

    def next_id(self, name: str) -> str:
        batches = (part.noun for part in self._store.of("batch") if part.name == name)
        return f"{name}-{max(map(rows.serial, batches), default=0) + 1:04d}"

    def newest(self, digest: str) -> tuple[str, State] | None:
        found = [part for part in self._store.of("batch") if part.digest == digest]
        return (found[-1].id, found[-1].state) if found else None

    def state(self, batch: str) -> State | None:
        part = self._store.parts.get(batch)
        return part.state if part else None

    def batch(self, id: str) -> Batch | None:
        part = self._store.parts.get(id)
        return part.noun if part else None

    def accept(
        self, batch: Batch, digest: str, probes: Sequence[Task], not_before: float = 0.0
    ) -> None:
        if batch.id in self._store.parts:
            raise LedgerError(f"batch {batch.id!r}: it is in the ledger already")
        noun = _stored(Batch, batch)
        number = len(self._store.of("batch")) + 1
        parent = Part(batch.id, "batch", batch.name, noun, number)
        parent.accepted, parent.digest, parent.not_before = self._now(), digest, not_before
        self._store.add(parent)
        probe_of = {probe.job.id: probe for probe in probes}
        for place, job in enumerate(noun.jobs):
            part = self._store.add(Part(job.id, "job", job.name, job, place, parent))
            if probe := probe_of.get(job.id):
                part.probe = probe.id
                self._add(part, probe, 0, not_before)
        self.note("accepted", batch.id, events.accepted(batch, digest, probes, not_before))

    def retry(self, batch: str, restart: Sequence[str] = ()) -> None:
        store = self._store
        parent = store.parts.get(batch)
        if parent is None:
            return
        not_before = earliest(parent.not_before, self._wall().timestamp())
        jobs = store.of("job", parent)
        restarted = [part for id in restart for part in jobs if part.id == id]
        for part in restarted:
            self._drop_plan(part, "its job begins anew")
            for step in store.under(part):
                self._freshen(step, not_before)
        again = {State.FAILED, State.CANCELLED, State.HOLD}
        steps = [step for step in store.under(parent) if step.task.state in again]
        for step in steps:
            self._freshen(step, not_before)
        if not (restarted or steps or any(job.state in again for job in jobs)):
            return
        below = [*jobs, *(target for job in jobs for target in store.of("target", job))]
        reopened = [part for part in below if part.state in again or part in restarted]
        for part in (*reopened, parent):
            part.state, part.ended, part.reason = State.WAITING, "", ""
        for part in below:
            part.reason = "" if part.is_open else part.reason
        self.note(
            "retried",
            batch,
            {
                "restart": [part.id for part in restarted],
                "tasks": [step.task.id for step in steps],
                "parts": sorted(part.id for part in reopened),
            },
        )

    def close_part(self, id: str, level: str, state: State, reason: str) -> None:
        part, reason = self._store.parts.get(id), rows.clean(reason)
        if part is None or not part.is_open:
            return
        if level == "target":
            self._end(part, state, reason, self._abandon(part, reason))
        elif level == "job":
            self._close_jobs(part, state, reason)
        else:
            for job in self._store.of("job", part):
                if job.is_open and self._store.is_over(job):
                    self._close_jobs(job, ended(self._store.tally(job)), "")
                elif job.is_open:
                    self._close_jobs(job, State.CANCELLED, reason)
            self._end(part, state, reason, events.fallen((), reason))

    # -- plans

    def unplanned(self) -> tuple[Job, ...]:
        jobs = [part for part in self._store.of("job") if self._store.is_unplanned(part)]
        return tuple(part.noun for part in sorted(jobs, key=_job_order))

    def plan(self, job: str, targets: Sequence[Target]) -> None:
        part = self._store.parts[job]
        if part.planned or not part.is_open:
            return
        known = {task.id for target in targets for task in target.tasks} | set(self._store.steps)
        for target in targets:
            for task in target.tasks:
                if strangers := sorted(set(task.needs) - known):
                    raise LedgerError(
                        f"task {strangers[0]!r}: it is needed, and neither planned nor there"
                    )
        part.planned = True
        not_before = earliest(_batch_of(part).not_before, self._wall().timestamp())
        position = 1
        for place, target in enumerate(targets):
            id = f"{job}/{target.name}"
            self._store.add(Part(id, "target", target.name, target, place, part))
            for task in target.tasks:
                self._add(part, task, position, not_before)
                position += 1
        self.note("planned", job, events.planned(targets))

    def plan_failed(self, job: str, reason: str) -> None:
        self.close_part(job, "job", State.FAILED, reason)

    def replan(self, job: str, changes: Mapping[str, object], reason: str) -> None:
        part = self._store.parts.get(job)
        if part is None or not part.is_open:
            return
        attempts = self._drop_plan(part, reason)
        for step in self._store.under(part):
            task = step.task
            args = _plain({**task.args, **changes})
            step.task = replace(task, args=args, agains=task.agains + 1, reason=reason)
        self.note("replanned", job, {"changes": changes, "reason": reason, "attempts": attempts})

    # -- attempts

    def ready(
        self, service: Service, limit: int, now: float, kinds: frozenset[Kind] | None = None
    ) -> tuple[Task, ...]:
        line = [
            step
            for step in self._store.steps.values()
            if step.task.job.service is service
            and self._store.is_in_line(step)
            and step.not_before <= now
            and (kinds is None or step.task.kind in kinds)
        ]
        line.sort(key=lambda step: step.order)
        return tuple(step.task for step in line[:limit])

    def lease(self, pairs: Sequence[tuple[Task, Member]]) -> tuple[Attempt, ...]:
        return tuple([self._lease(*pair) for pair in pairs if self._is_free(pair[0].id)])

    def sent(self, commands: Mapping[AttemptId, str]) -> None:
        for id, words in commands.items():
            if record := self._store.records.get(id):
                self._store.records[id] = replace(record, command=words)

    def open_attempts(self) -> tuple[Attempt, ...]:
        return tuple(self._store.open.values())

    def settle(self, settlements: Sequence[Settlement]) -> tuple[bool, ...]:
        return tuple([self._settle(settlement) for settlement in settlements])

    def note(self, kind: str, subject: str, data: Mapping[str, object]) -> None:
        self._note(kind, subject, data)

    # -- looking

    def task(self, id: TaskId) -> Task | None:
        step = self._store.steps.get(id)
        return step.task if step else None

    def results(self, tasks: Sequence[TaskId]) -> Mapping[TaskId, Result]:
        steps = self._store.steps
        found = {id: steps[id].accepted for id in tasks if id in steps}
        return {id: result for id, result in found.items() if result}

    def over(self) -> tuple[Tally, ...]:
        store = self._store
        jobs = sorted(store.of("job"), key=_job_order)
        parts = (*store.of("target"), *jobs, *store.of("batch"))
        return tuple(store.tally(part) for part in parts if store.is_over(part))

    def next_change(self, now: float) -> float | None:
        steps = (step for step in self._store.steps.values() if self._store.is_in_line(step))
        return min((step.not_before for step in steps if step.not_before > now), default=None)

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
        return tuple(step.task for step in sorted(found, key=lambda step: step.place))

    def attempts(self, under: str) -> tuple[AttemptRecord, ...]:
        records = self._store.records.values()
        return tuple(record for record in records if _is_under(record.task, under))

    def events(self, after: int = 0, limit: int = 1000) -> tuple[Event, ...]:
        return tuple(self._store.events[after : after + limit])

    # -- how it is done

    def _now(self) -> str:
        return self._wall().isoformat(timespec="milliseconds")

    def _note(self, kind: str, subject: str, data: Mapping[str, object]) -> int:
        before = self._store.events
        text = rows.compact(data)
        stamp = events.Stamp(self.epoch, self._now(), self._boottime())
        row = events.Row(len(before) + 1, stamp, kind, subject, text)
        before.append(
            Event(
                seq=row.seq,
                epoch=stamp.epoch,
                wall=stamp.wall,
                boottime=stamp.boottime,
                kind=kind,
                subject=subject,
                data=json.loads(text),
                hash=row.hash(before[-1].hash if before else ""),
            )
        )
        return row.seq

    def _add(self, job: Part, task: Task, position: int, not_before: float) -> None:
        batch = _batch_of(job)
        place = job.place * rows.PLACES + position
        priority = rows.PRIORITIES[batch.noun.priority]
        stored = replace(task, job=job.noun, args=_plain(task.args), state=State.WAITING)
        order = (priority, batch.place, -task.weight, place)
        self._store.steps[task.id] = Step(stored, order, not_before)

    def _is_free(self, task: TaskId) -> bool:
        step = self._store.steps.get(task)
        return step is not None and self._store.is_in_line(step)

    def _lease(self, task: Task, member: Member) -> Attempt:
        store, step = self._store, self._store.steps[task.id]
        attempt = Attempt(
            id=rows.attempt_id(self.id, len(store.records) + 1),
            task=task.id,
            service=task.job.service,
            node=member.node,
            incarnation=member.incarnation,
            lease=len(store.events) + 1,
        )
        store.open[attempt.id] = attempt
        store.records[attempt.id] = AttemptRecord(
            id=attempt.id, task=task.id, node=member.node, opened=self._now()
        )
        self._move(step, State.PROCESSING, "")
        self._note("leased", task.id, events.leased(attempt))
        return attempt

    def _settle(self, settlement: Settlement) -> bool:
        task = replace(settlement.task, reason=rows.clean(settlement.task.reason))
        attempt = self._store.open.get(settlement.attempt)
        if attempt is None or attempt.task != task.id:
            return False
        step = self._store.steps[task.id]
        cause = "" if settlement.accepted or not task.cause else task.cause.value
        why = "" if settlement.accepted else task.reason
        self._close_attempt(settlement.attempt, cause, why, settlement.outcome)
        args = step.task.args if settlement.accepted else _plain(task.args)
        self._move(step, task.state, task.reason)
        step.task = replace(task, job=step.task.job, args=args, needs=step.task.needs)
        step.not_before = settlement.not_before if task.state is State.WAITING else 0.0
        kind, data = events.settled(settlement)
        self._note(kind, task.id, data)
        if settlement.accepted and step.accepted is None:
            values = _plain(settlement.outcome.result)
            step.accepted = Result(attempt=settlement.attempt, values=values)
        if settlement.reach is not Reach.NOTHING:
            self._fell(step, settlement.reach)
        return True

    def _fell(self, step: Step, reach: Reach) -> None:
        """Cancel the waiting tasks that fall with one, and those elsewhere that need any of them."""
        store, task = self._store, step.task
        whole = reach is Reach.JOB or not task.target
        part = store.parts[task.job.id if whole else f"{task.job.id}/{task.target}"]
        waiting = [each for each in store.steps.values() if each.task.state is State.WAITING]
        fallen = {task.id} | {s.task.id for s in store.under(part) if s in waiting}
        while more := {each.id for each in self._all_tasks() if fallen & set(each.needs)} - fallen:
            fallen |= more
        found = sorted((s for s in waiting if s.task.id in fallen), key=lambda s: s.place)
        if not found:
            return
        reason = rows.clean(events.fallen_reason(task))
        for each in found:
            self._move(each, State.CANCELLED, reason)
        self._note("cancelled", part.id, events.fallen([s.task.id for s in found], reason))

    def _all_tasks(self) -> Iterable[Task]:
        return (step.task for step in self._store.steps.values())

    def _move(self, step: Step, to: State, reason: str, cause: Cause | None = None) -> None:
        """Move a task; its job and target keep the reason of the first that failed."""
        task = step.task
        for id in (task.job.id, f"{task.job.id}/{task.target}" if task.target else ""):
            if part := self._store.parts.get(id):
                _keep_reason(part, self._store.tally(part), to, reason)
        step.task = replace(task, state=to, reason=reason, cause=cause)
        step.not_before = 0.0

    def _freshen(self, step: Step, not_before: float) -> None:
        step.task = replace(
            step.task,
            state=State.WAITING,
            tries=0,
            losses=0,
            agains=0,
            waits=0,
            reason="",
            cause=None,
        )
        step.not_before = not_before

    def _drop_plan(self, job: Part, reason: str) -> list[AttemptId]:
        store = self._store
        attempts = []
        for step in store.under(job):
            attempts += self._close_attempts(step.task.id, reason)
            if step.task.id != job.probe:
                del store.steps[step.task.id]
            else:
                step.task = replace(step.task, state=State.WAITING, cause=None)
                step.accepted, step.not_before = None, 0.0
        for target in store.of("target", job):
            del store.parts[target.id]
        job.children.clear()
        job.planned, job.reason = False, ""
        return attempts

    def _close_attempts(self, task: TaskId, why: str) -> list[AttemptId]:
        """Close a task's open attempt as cancelled; return its id, if there is one."""
        found = [attempt.id for attempt in self._store.open.values() if attempt.task == task]
        for id in found:
            self._close_attempt(id, Cause.CANCELLED.value, why, None)
        return found

    def _close_attempt(self, id: AttemptId, cause: str, why: str, outcome: Outcome | None) -> None:
        del self._store.open[id]
        self._store.records[id] = replace(
            self._store.records[id],
            closed=self._now(),
            accepted=outcome is not None and not cause and not why,
            cause=cause,
            why=why,
            outcome=_stored(Outcome, outcome) if outcome else None,
        )

    def _close_jobs(self, job: Part, state: State, reason: str) -> None:
        """Close a job; unless Successful, also those that come after it, and those after them."""
        due = deque([(job, state, reason)])
        while due:
            job, state, reason = due.popleft()
            if not job.is_open:
                continue
            fallen = self._abandon(job, reason)
            for target in self._store.of("target", job):
                if target.is_open:
                    so = ended(self._store.tally(target))
                    self._end(target, so, "", events.fallen((), ""))
            batch = _batch_of(job)
            _keep_reason(batch, self._store.tally(batch), state, reason or job.reason)
            self._end(job, state, reason, fallen)
            if state is not State.SUCCESSFUL:
                why = events.after_reason(job.name, state)
                due.extend((each, State.CANCELLED, why) for each in self._store.after(job))

    def _abandon(self, part: Part, reason: str) -> Data:
        tasks, attempts = [], []
        for step in self._store.under(part):
            if not step.task.state.is_final:
                attempts += self._close_attempts(step.task.id, reason)
                self._move(step, State.CANCELLED, reason, Cause.CANCELLED)
                tasks.append(step.task.id)
        return events.fallen(tasks, reason, attempts)

    def _end(self, part: Part, state: State, reason: str, fallen: Data) -> None:
        part.state, part.ended, part.reason = state, self._now(), reason or part.reason
        self._note(state.value.lower(), part.id, {"level": part.level, **fallen})

    def _standing(self, part: Part) -> Standing:
        steps = self._store.under(part)
        tasks = Counter((step.task.kind, step.task.state) for step in steps)
        jobs = self._store.of("job", part) if part.level == "batch" else [part]
        planned = all(job.level == "target" or job.planned or not job.is_open for job in jobs)
        about = Standing(
            id=part.id,
            level=part.level,
            name=part.name,
            state=standing(part.state, tasks, planned=planned),
            reason=part.reason,
            accepted=part.accepted,
            ended=part.ended,
            tasks=dict(tasks),
            processor=part.noun.processor if part.level == "job" else "",
        )
        return _with_frames(about, part.noun, steps) if part.level == "target" else about


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


def _keep_reason(part: Part, before: Tally, to: State, reason: str) -> None:
    first = not before.failed and (to is State.FAILED or not before.cancelled)
    if first and to in {State.FAILED, State.CANCELLED}:
        part.reason = reason


def _batch_of(job: Part) -> Part:
    if job.parent is None:
        raise AssertionError(f"{job.id} is not a job")
    return job.parent


def _job_order(job: Part) -> tuple[int, int]:
    return _batch_of(job).place, job.place


def _is_under(id: str, under: str) -> bool:
    return id == under or id.startswith(f"{under}/")


def _stored(kind: type[T], noun: T) -> T:
    """Return a noun as it comes back from a file."""
    return load(kind, json.loads(rows.compact(noun)))


def _plain(data: Mapping[str, object]) -> dict[str, object]:
    """Return JSON data as it comes back from a file."""
    plain: dict[str, object] = json.loads(rows.compact(data))
    return plain
