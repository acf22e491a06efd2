"""The ledger in dicts, for tests.  Passes the same contract suite as the real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Self

from orchestrator.decide.reconcile import Attempt
from orchestrator.decide.settle import Reach
from orchestrator.errors import LedgerError
from orchestrator.ledger import events, rows
from orchestrator.ledger.memory_blaming import MemoryBlaming
from orchestrator.ledger.memory_history import MemoryHistory
from orchestrator.ledger.memory_moves import BAD, is_bad, plain, stored, target_of
from orchestrator.ledger.memory_outbox import MemoryOutbox
from orchestrator.ledger.planning import earliest
from orchestrator.ledger.protocol import HERE, AttemptRecord, Origin, Settlement
from orchestrator.ledger.renewing import meant
from orchestrator.ledger.store import Part, batch_of
from orchestrator.model.node import Member
from orchestrator.model.work import (
    AttemptId,
    Batch,
    Cause,
    Kind,
    Outcome,
    Priority,
    Result,
    State,
    Target,
    Task,
    TaskId,
    task_id,
)


class MemoryLedger(MemoryHistory, MemoryOutbox, MemoryBlaming):
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
        number = max((part.place for part in self._store.of("batch")), default=0) + 1
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
        batch, job, part = meant(id)
        parent = store.parts.get(batch)
        if parent is None:
            return
        not_before = earliest(parent.not_before, self._wall().timestamp())
        jobs = [
            each for each in store.of("job", parent) if each in store.reach(parent, job or batch)
        ]
        restarted = [each for id in restart for each in jobs if each.id == id]
        for each in restarted:
            self._drop_plan(each, "its job begins anew")
            for step in store.under(each):
                self._freshen(step, not_before)
        part = "" if job in {each.id for each in restarted} else part
        whole = [each for each in jobs if not part or each.id != job]
        steps = [step for each in whole for step in store.under(each) if is_bad(step)]
        steps += self._lacking(part) if part else []
        touched = {part, *(step.task.job.id for step in steps), *map(target_of, steps)}
        opened = self._reopen(whole, touched, restarted)
        if not (steps or opened):
            return
        for step in steps:
            self._freshen(step, not_before)
        parent.state, parent.ended = State.WAITING, ""
        unwell = [each for each in store.of("job", parent) if each.state in BAD]
        unwell.sort(key=lambda each: each.state is State.CANCELLED)
        parent.reason = unwell[0].reason if unwell else ""
        parts = sorted({each.id for each in opened})
        held = [id for id in parts if store.shut(id)]
        self.note(
            "retried",
            part or job or batch,
            {
                "restart": [each.id for each in restarted],
                "tasks": [step.task.id for step in steps],
                "parts": parts,
                **({"gates": held} if held else {}),
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
        store = self._store
        gates = {f"{job}/{each.name}": rows.clean(each.gate) for each in targets if each.gate}
        store.gates |= gates
        shut = {id: why for id, why in gates.items() if store.shut(id)}
        for place, target in enumerate(targets):
            id = f"{job}/{target.name}"
            self._store.add(Part(id, "target", target.name, target, place, part))
            for task in target.tasks:
                self._add(part, task, position, not_before)
                position += 1
        self.note("planned", job, events.planned(job, targets, shut))

    def copy(self, task: Task, *, at_once: bool = False) -> bool:
        part = self._store.parts.get(task.job.id)
        if part is None or not part.is_open or task.id in self._store.steps:
            return False
        for step in self._store.under(part):
            if not step.task.needs and step.accepted is None:
                step.task = replace(step.task, needs=(task.id,))
        self._add(part, task, -1, 0.0)
        if at_once:
            step = self._store.steps[task.id]
            step.order = (rows.PRIORITIES[Priority.HIGH], *step.order[1:])
        self.note("copying", part.id, events.copying(task, at_once=at_once))
        return True

    def plan_failed(self, job: str, reason: str) -> None:
        self.close_part(job, "job", State.FAILED, reason)

    def replan(
        self, job: str, changes: Mapping[str, object], reason: str, *, keeps: bool = False
    ) -> None:
        part = self._store.parts.get(job)
        if part is None or not part.is_open:
            return
        copy = self._store.steps.get(task_id(job, Kind.COPY))
        kept = copy.task.id if keeps and copy and copy.accepted else ""
        attempts = self._drop_plan(part, reason, kept)
        for step in self._store.under(part):
            task = step.task
            if task.id == kept:
                continue
            args = plain({**task.args, **changes})
            step.task = replace(task, args=args, agains=task.agains + 1, reason=reason)
        told = {"changes": changes, "reason": reason, "attempts": attempts}
        self.note("replanned", job, {**told, **({"kept": [kept]} if kept else {})})

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
            id=rows.attempt_id(self.id, store.next_attempt()),
            task=task.id,
            service=task.job.service,
            node=member.node,
            incarnation=member.incarnation,
            lease=store.next_seq,
        )
        store.open[attempt.id] = attempt
        store.records[attempt.id] = AttemptRecord(
            id=attempt.id,
            task=task.id,
            node=member.node,
            opened=self._now(),
            incarnation=member.incarnation,
        )
        self._move(step, State.PROCESSING, "")
        self._note(events.LEASED, task.id, events.leased(attempt))
        return attempt

    def _settle(self, settlement: Settlement) -> bool:
        task = replace(settlement.task, reason=rows.clean(settlement.task.reason))
        if settlement.is_late:
            return self._settle_late(replace(settlement, task=task))
        if settlement.is_withdrawn:
            return self._withdraw(replace(settlement, task=task))
        attempt = self._store.open.get(settlement.attempt)
        if attempt is None or attempt.task != task.id:
            return False
        step = self._store.steps[task.id]
        if settlement.is_awaited:
            self._store.late[attempt.id] = attempt
        cause = "" if settlement.accepted or not task.cause else task.cause.value
        why = "" if settlement.accepted else task.reason
        self._close_attempt(settlement.attempt, cause, why, settlement.outcome)
        args = step.task.args if settlement.accepted else plain(task.args)
        if args != step.task.args:
            self._let_go(task.id)
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

    def _withdraw(self, settlement: Settlement) -> bool:
        store, task = self._store, settlement.task
        step = store.steps.get(task.id)
        if step is None or step.accepted is None or step.accepted.attempt != settlement.attempt:
            return False
        store.records[settlement.attempt] = replace(
            store.records[settlement.attempt],
            accepted=False,
            cause=Cause.CANCELLED.value,
            why=task.reason,
        )
        self._move(step, task.state, task.reason, task.cause)
        args = plain(task.args)
        if args != step.task.args:
            self._let_go(task.id)
        step.task = replace(step.task, tries=task.tries, agains=task.agains, args=args)
        step.accepted = None
        kind, data = events.withdrawn(settlement)
        self._note(kind, task.id, data)
        if settlement.reach is not Reach.NOTHING:
            self._fell(step, settlement.reach)
        return True

    def _settle_late(self, settlement: Settlement) -> bool:
        store, step = self._store, self._store.steps.get(settlement.task.id)
        attempt = store.late.pop(settlement.attempt, None)
        attempt = store.cancelled.pop(settlement.attempt, attempt)
        if attempt is None:
            return False
        is_open = step is not None and not step.task.state.is_final
        if step is None or not (settlement.accepted and is_open):
            kind, data = events.late(replace(settlement, accepted=False), ())
            self._note(kind, settlement.task.id, data)
            return True
        replaced = self._close_attempts(step.task.id, events.LATE)
        store.records[attempt.id] = replace(
            store.records[attempt.id],
            accepted=True,
            cause="",
            why="",
            outcome=stored(Outcome, settlement.outcome),
        )
        self._move(step, State.SUCCESSFUL, "")
        values = plain(settlement.outcome.result)
        step.accepted = Result(attempt=settlement.attempt, values=values)
        kind, data = events.late(settlement, replaced)
        self._note(kind, step.task.id, data)
        return True
