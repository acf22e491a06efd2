"""How the ledger in dicts moves tasks and parts."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from orchestrator.decide.reconcile import Tally, ended
from orchestrator.decide.settle import Reach
from orchestrator.ledger import events, rows
from orchestrator.ledger.events import Data
from orchestrator.ledger.memory_reading import MemoryReader
from orchestrator.ledger.protocol import Event
from orchestrator.ledger.sqlite import now_utc
from orchestrator.ledger.store import Part, Step, batch_of
from orchestrator.model.codec import load
from orchestrator.model.work import (
    AttemptId,
    Cause,
    Outcome,
    State,
    Task,
    TaskId,
)
from orchestrator.system import now_s

T = TypeVar("T")


class MemoryMoves(MemoryReader):
    """What the writing methods are made of."""

    def __init__(
        self,
        *,
        wall: Callable[[], datetime] = now_utc,
        boottime: Callable[[], float] = now_s,
    ) -> None:
        super().__init__()
        self._wall = wall
        self._boottime = boottime
        self.note("epoch-taken", self.id, {"epoch": self.epoch})

    def _now(self) -> str:
        return self._wall().isoformat(timespec="milliseconds")

    def note(self, kind: str, subject: str, data: Mapping[str, object]) -> None:
        self._note(kind, subject, data)

    def _note(self, kind: str, subject: str, data: Mapping[str, object]) -> int:
        before = self._store.events
        text = rows.compact(data)
        stamp = events.Stamp(self.epoch, self._now(), self._boottime())
        row = events.Row(self._store.next_seq, stamp, kind, subject, text)
        before.append(
            Event(
                seq=row.seq,
                epoch=stamp.epoch,
                wall=stamp.wall,
                boottime=stamp.boottime,
                kind=kind,
                subject=subject,
                data=json.loads(text),
                hash=row.hash(before[-1].hash if before else self._store.anchor[1]),
            )
        )
        return row.seq

    def _add(self, job: Part, task: Task, position: int, not_before: float) -> None:
        batch = batch_of(job)
        place = job.place * rows.PLACES + position
        priority = rows.PRIORITIES[batch.noun.priority]
        stored = replace(task, job=job.noun, args=plain(task.args), state=State.WAITING)
        order = (priority, batch.place, -task.weight, place)
        self._store.steps[task.id] = Step(stored, order, not_before)

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

    def _lacking(self, part: str) -> list[Step]:
        """Return what a part of a job lacks, what fell with that in its target, what these need."""
        store, target = self._store, "/".join(part.split("/")[:3])
        bad = {id: step for id, step in store.steps.items() if is_bad(step)}
        found = {id for id in bad if part in rows.lineage(id)}
        beside = {id: step for id, step in bad.items() if target in rows.lineage(id)}
        while more := {id for id, s in beside.items() if found & set(s.task.needs)} - found:
            found |= more
        while more := {need for id in found for need in store.steps[id].task.needs} - found:
            found |= more
        return sorted((bad[id] for id in found & bad.keys()), key=lambda step: step.place)

    def _reopen(self, jobs: list[Part], touched: set[str], restarted: list[Part]) -> list[Part]:
        """Open what ended badly of the jobs, their targets and what is touched, or begins anew."""
        store = self._store
        targets = [target for job in jobs for target in store.of("target", job)]
        others = [store.parts[id] for id in sorted(touched) if id in store.parts]
        targets += [part for part in others if part.level == "target"]
        opened = [part for part in targets if part.state in BAD]
        owners = {part.id.rpartition("/")[0] for part in opened}
        above = [*jobs, *(part for part in others if part.level == "job")]
        above += [store.parts[id] for id in owners]
        opened += [part for part in above if part.state in BAD or part in restarted]
        for part in opened:
            part.state, part.ended = State.WAITING, ""
        for part in targets:
            part.reason = "" if part.is_open else part.reason
        for job in (part for part in above if part.is_open):
            told = [part for part in store.of("target", job) if part.reason]
            told.sort(key=lambda part: store.tally(part).failed == 0)
            job.reason = told[0].reason if told else ""
        return opened

    def _drop_plan(self, job: Part, reason: str, kept: str = "") -> list[AttemptId]:
        store = self._store
        attempts = []
        for step in store.under(job):
            attempts += self._close_attempts(step.task.id, reason)
            self._let_go(step.task.id)
            if step.task.id == kept:
                continue
            if step.task.id != job.probe:
                del store.steps[step.task.id]
            else:
                needs = tuple(need for need in step.task.needs if need == kept)
                step.task = replace(step.task, state=State.WAITING, cause=None, needs=needs)
                step.accepted, step.not_before = None, 0.0
        store.forget_gates(job.id)
        for target in store.of("target", job):
            del store.parts[target.id]
        job.children.clear()
        job.planned, job.reason = False, ""
        return attempts

    def _let_go(self, task: TaskId) -> None:
        """Wait no longer for the words of a task's attempts that were given up: it is another one."""
        late = self._store.late
        for id in [id for id, attempt in late.items() if attempt.task == task]:
            del late[id]

    def _close_attempts(self, task: TaskId, why: str) -> list[AttemptId]:
        """Close a task's open attempt as cancelled; return its id, if there is one."""
        found = [attempt.id for attempt in self._store.open.values() if attempt.task == task]
        for id in found:
            self._store.cancelled[id] = self._store.open[id]
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
            outcome=stored(Outcome, outcome) if outcome else None,
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
            batch = batch_of(job)
            _keep_reason(batch, self._store.tally(batch), state, reason or job.reason)
            self._end(job, state, reason, fallen)
            if state is not State.SUCCESSFUL:
                why = events.after_reason(job.name, state)
                due.extend((each, State.CANCELLED, why) for each in self._store.after(job))

    def _close_jobs_of(self, batch: Part, reason: str) -> bool:
        """Close the open jobs of a batch; whether there were any."""
        jobs = [job for job in self._store.of("job", batch) if job.is_open]
        for job in jobs:
            if job.is_open and self._store.is_over(job):
                self._close_jobs(job, ended(self._store.tally(job)), "")
            elif job.is_open:
                self._close_jobs(job, State.CANCELLED, reason)
        return bool(jobs)

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
        self._store.lift(part.id)
        self._note(state.value.lower(), part.id, {"level": part.level, **fallen})

    def _fell(self, step: Step, reach: Reach) -> None:
        """Cancel the waiting tasks that fall with one, and those elsewhere that need any of them."""
        store, task = self._store, step.task
        whole = reach is Reach.JOB or not task.target
        part = store.parts[task.job.id if whole else f"{task.job.id}/{task.target}"]
        waiting = [each for each in store.steps.values() if each.task.state is State.WAITING]
        fallen = {task.id}
        if reach is not Reach.NEEDS:
            fallen |= {s.task.id for s in store.under(part) if s in waiting}
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


BAD = frozenset({State.FAILED, State.CANCELLED, State.HOLD})


def is_bad(step: Step) -> bool:
    """Whether a task is over and was not accepted, or a person must decide."""
    return step.task.state in BAD


def target_of(step: Step) -> str:
    """Return the id of the target that a task belongs to; empty: none."""
    return f"{step.task.job.id}/{step.task.target}" if step.task.target else ""


def _keep_reason(part: Part, before: Tally, to: State, reason: str) -> None:
    first = not before.failed and (to is State.FAILED or not before.cancelled)
    if first and to in {State.FAILED, State.CANCELLED}:
        part.reason = reason


def stored(kind: type[T], noun: T) -> T:
    """Return a noun as it comes back from a file."""
    return load(kind, json.loads(rows.compact(noun)))


def plain(data: Mapping[str, object]) -> dict[str, object]:
    """Return JSON data as it comes back from a file."""
    plain: dict[str, object] = json.loads(rows.compact(data))
    return plain
