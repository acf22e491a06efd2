"""What speaks against a node, which are set aside for it, and words that come late, in dicts."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from orchestrator.decide.reconcile import Overdue
from orchestrator.ledger import rows
from orchestrator.ledger.memory_moves import MemoryMoves
from orchestrator.ledger.protocol import AttemptRecord
from orchestrator.model.work import AttemptId, Cause, Task, TaskId

BLAMED = frozenset({Cause.FAILED.value, Cause.CRASHED.value})


class MemoryBlaming(MemoryMoves):
    """The methods about nodes that cannot be trusted."""

    def overdue(self, ids: Collection[AttemptId]) -> Mapping[AttemptId, Overdue]:
        late, steps = self._store.late, self._store.steps
        cancelled = {id: each for id, each in self._store.cancelled.items() if each.task in steps}
        found = {**late, **cancelled}
        return {
            id: Overdue(
                found[id],
                is_wanted=id in late
                and found[id].task in steps
                and not steps[found[id].task].task.state.is_final,
                is_cancelled=id in cancelled,
            )
            for id in ids
            if id in found
        }

    def awaited(self, tasks: Collection[TaskId]) -> Mapping[TaskId, tuple[str, ...]]:
        found: dict[TaskId, tuple[str, ...]] = {}
        for record in self._store.records.values():
            is_open = record.id in self._store.late or record.id in self._store.cancelled
            if record.task in tasks and is_open:
                found[record.task] = (*found.get(record.task, ()), record.node)
        return found

    def unready(self, waits: int, limit: int) -> tuple[Task, ...]:
        found = [
            step
            for step in self._store.steps.values()
            if step.task.cause is Cause.UNREADY
            and step.task.waits >= waits
            and step.not_before
            and self._store.is_in_line(step)
        ]
        found.sort(key=lambda step: step.place)
        return tuple(step.task for step in found[:limit])

    def node_attempts(self, node: str, limit: int) -> tuple[AttemptRecord, ...]:
        forgiven = self._store.forgiven.get(node, 0)
        found = [
            record
            for record in self._store.records.values()
            if record.node == node
            and record.closed
            and rows.attempt_number(self.id, record.id) > forgiven
            and not self._is_excused(record)
        ]
        return tuple(reversed(found[-limit:]))

    def quarantined(self) -> Mapping[str, str]:
        return {node: why for node, why in self._store.aside.items() if why}

    def set_aside(self, node: str, why: str) -> bool:
        fresh = self._store.aside.get(node) != rows.clean(why)
        if fresh:
            self._store.aside[node] = rows.clean(why)
            self.note("quarantined", node, {"why": why})
        return fresh

    def take_back(self, node: str, why: str) -> bool:
        known = bool(self._store.aside.get(node))
        if known:
            self._store.aside[node] = ""
            there = (r.id for r in self._store.records.values() if r.node == node)
            numbers = (rows.attempt_number(self.id, id) for id in there)
            self._store.forgiven[node] = max(numbers, default=0)
            self.note("quarantine-ended", node, {"why": why})
        return known

    def _is_excused(self, record: AttemptRecord) -> bool:
        """Whether its task, and not its node, is to blame."""
        step = self._store.steps.get(record.task)
        if step and step.task.cause is Cause.POISON:
            return True
        return record.cause in BLAMED and any(
            other.task == record.task and other.node != record.node and other.cause in BLAMED
            for other in self._store.records.values()
        )
