"""The ledger in dicts, for tests.  Passes the same contract suite as the real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Self

from orchestrator.decide.reconcile import Attempt
from orchestrator.decide.settle import Reach
from orchestrator.errors import LedgerError
from orchestrator.ledger import events, rows
from orchestrator.ledger.memory_holding import MemoryHolds
from orchestrator.ledger.memory_moves import plain, stored
from orchestrator.ledger.planning import earliest
from orchestrator.ledger.protocol import HERE, AttemptRecord, Origin, Settlement
from orchestrator.ledger.store import Part, batch_of
from orchestrator.model.node import Member
from orchestrator.model.work import (
    AttemptId,
    Batch,
    Result,
    State,
    Target,
    Task,
    TaskId,
)


class MemoryLedger(MemoryHolds):
    """A ledger that forgets when the process ends."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        pass

    def accept(
        self,
        batch: Batch,
        digest: str,
        probes: Sequence[Task],
        not_before: float = 0.0,
        origin: Origin = HERE,
    ) -> None:
        if batch.id in self._store.parts:
            raise LedgerError(f"batch {batch.id!r}: it is in the ledger already")
        if origin.key:
            if origin.key in self._store.submissions:
                raise LedgerError(f"batch {batch.id!r}: its key was used before")
            self.keep_key(origin.key, origin.body, batch.id)
        noun = stored(Batch, batch)
        number = len(self._store.of("batch")) + 1
        parent = Part(batch.id, "batch", batch.name, noun, number)
        parent.accepted, parent.digest, parent.not_before = self._now(), digest, not_before
        parent.origin = replace(origin, sent_by=rows.clean(origin.sent_by))
        self._store.add(parent)
        probe_of = {probe.job.id: probe for probe in probes}
        for place, job in enumerate(noun.jobs):
            part = self._store.add(Part(job.id, "job", job.name, job, place, parent))
            if probe := probe_of.get(job.id):
                part.probe = probe.id
                self._add(part, probe, 0, not_before)
        self.note("accepted", batch.id, events.accepted(batch, digest, probes, not_before, origin))

    def keep_key(self, key: str, body: str, batch: str) -> None:
        self._store.submissions.setdefault(key, (batch, body))

    def retry(self, id: str, restart: Sequence[str] = ()) -> None:
        store = self._store
        parent = store.parts.get(id.partition("/")[0])
        if parent is None:
            return
        not_before = earliest(parent.not_before, self._wall().timestamp())
        jobs = [job for job in store.of("job", parent) if job in store.reach(parent, id)]
        restarted = [part for id in restart for part in jobs if part.id == id]
        for part in restarted:
            self._drop_plan(part, "its job begins anew")
            for step in store.under(part):
                self._freshen(step, not_before)
        again = {State.FAILED, State.CANCELLED, State.HOLD}
        steps = [step for step in store.under(parent) if step.task.state in again]
        steps = [step for step in steps if any(step.task.job.id == job.id for job in jobs)]
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
        unwell = [job for job in store.of("job", parent) if job.state in again]
        unwell.sort(key=lambda job: job.state is State.CANCELLED)
        parent.reason = unwell[0].reason if unwell else ""
        self.note(
            "retried",
            id,
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
            self._close_jobs_of(part, reason)
            self._end(part, state, reason, events.fallen((), reason))

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
        not_before = earliest(batch_of(part).not_before, self._wall().timestamp())
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
            args = plain({**task.args, **changes})
            step.task = replace(task, args=args, agains=task.agains + 1, reason=reason)
        self.note("replanned", job, {"changes": changes, "reason": reason, "attempts": attempts})

    def lease(self, pairs: Sequence[tuple[Task, Member]]) -> tuple[Attempt, ...]:
        return tuple([self._lease(*pair) for pair in pairs if self._is_free(pair[0].id)])

    def sent(self, commands: Mapping[AttemptId, str]) -> None:
        for id, words in commands.items():
            if record := self._store.records.get(id):
                self._store.records[id] = replace(record, command=words)

    def settle(self, settlements: Sequence[Settlement]) -> tuple[bool, ...]:
        return tuple([self._settle(settlement) for settlement in settlements])

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
        args = step.task.args if settlement.accepted else plain(task.args)
        self._move(step, task.state, task.reason)
        step.task = replace(task, job=step.task.job, args=args, needs=step.task.needs)
        step.not_before = settlement.not_before if task.state is State.WAITING else 0.0
        kind, data = events.settled(settlement)
        self._note(kind, task.id, data)
        if settlement.accepted and step.accepted is None:
            values = plain(settlement.outcome.result)
            step.accepted = Result(attempt=settlement.attempt, values=values)
        if settlement.reach is not Reach.NOTHING:
            self._fell(step, settlement.reach)
        return True
