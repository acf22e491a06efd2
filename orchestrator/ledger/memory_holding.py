"""What a person pauses, cancels and applies, in dicts."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.decide.leaving import leaving
from orchestrator.ledger import events, rows
from orchestrator.ledger.events import Data
from orchestrator.ledger.holding import STOPPED
from orchestrator.ledger.memory_moves import MemoryMoves, stored
from orchestrator.ledger.protocol import Application
from orchestrator.ledger.store import Part, Step
from orchestrator.model.cluster import Node
from orchestrator.model.work import Cause, Kind, Priority, State


class MemoryHolds(MemoryMoves):
    """The writing methods that people use."""

    def pause(self, id: str, *, stop: bool = False) -> bool:
        store = self._store
        part = store.parts.get(id)
        steps = self._open_steps(id)
        if not steps and not (part and part.is_open):
            return False
        running = [s for s in steps if stop and s.task.state is State.PROCESSING]
        attempts = []
        for step in running:
            attempts += self._close_attempts(step.task.id, STOPPED)
            step.task = replace(step.task, state=State.WAITING, reason="", cause=None)
            step.not_before = 0.0
        if id in store.holds and not running:
            return False
        store.holds.add(id)
        self.note("paused", id, {"tasks": [s.task.id for s in running], "attempts": attempts})
        return True

    def resume(self, id: str) -> bool:
        self._store.open_gates(id)
        lifted = self._store.lift(id)
        if lifted:
            self.note("resumed", id, {})
        return lifted

    def reprioritize(self, batch: str, priority: Priority) -> bool:
        part = self._store.parts.get(batch)
        if part is None or not part.is_open or part.level != "batch":
            return False
        if part.noun.priority is priority:
            return False
        part.noun = replace(part.noun, priority=priority)
        for step in self._store.under(part):
            step.order = (rows.PRIORITIES[priority], *step.order[1:])
        self.note("reprioritized", batch, {"priority": priority.value})
        return True

    def cancel(self, id: str, reason: str) -> bool:
        part, steps = self._store.parts.get(id), self._open_steps(id)
        if part is not None and part.is_open and part.level == "batch":
            return self._close_jobs_of(part, rows.clean(reason))
        if part is not None and part.is_open:
            self._cancel_part(part, reason)
            return True
        if not steps:
            return False
        task = steps[0].task
        if task.kind is Kind.ACTION:
            self.note("cancelled", id, self._cancel_steps(steps, reason))
            return True
        above = f"{task.job.id}/{task.target}" if task.target else task.job.id
        self._cancel_part(self._store.parts[above], f"{id} was cancelled")
        return True

    def close_part(self, id: str, level: str, state: State, reason: str) -> None:
        raise NotImplementedError

    def apply(self, application: Application) -> None:
        clean = rows.clean(application.commit)
        stood = self._store.applied.cluster.nodes if self._store.applied else ()
        gone = leaving((*self._store.leaving, *stood), application.cluster.nodes)
        self._store.leaving = tuple(stored(Node, node) for node in gone)
        whole = stored(Application, replace(application, at=self._now(), commit=clean))
        self._store.applied = whole
        self.note("applied", application.cluster.name, events.applied(application))

    def pause_node(self, name: str) -> bool:
        fresh = name not in self._store.paused_nodes
        if fresh:
            self._store.paused_nodes.add(name)
            self.note("node-paused", name, {})
        return fresh

    def resume_node(self, name: str) -> bool:
        known = name in self._store.paused_nodes
        if known:
            self._store.paused_nodes.remove(name)
            self.note("node-resumed", name, {})
        return known

    def node_left(self, name: str) -> bool:
        before = self._store.leaving
        self._store.leaving = tuple(node for node in before if node.name != name)
        is_new = self._store.leaving != before
        if is_new:
            self.note("node-left", name, {})
        return is_new

    def _open_steps(self, id: str) -> list[Step]:
        """Return the tasks at or below `id` that are not final, in order."""
        found = [s for s in self._store.steps.values() if id in rows.lineage(s.task.id)]
        return sorted((s for s in found if not s.task.state.is_final), key=lambda s: s.place)

    def _cancel_part(self, part: Part, reason: str) -> None:
        if part.level == "target":
            needing = self._needing(self._open_steps(part.id))
            self.note("cancelled", part.id, self._cancel_steps(needing, rows.clean(reason)))
        self.close_part(part.id, part.level, State.CANCELLED, reason)

    def _cancel_steps(self, steps: list[Step], reason: str) -> Data:
        attempts = []
        for step in steps:
            attempts += self._close_attempts(step.task.id, reason)
            self._move(step, State.CANCELLED, reason, Cause.CANCELLED)
        return events.fallen([step.task.id for step in steps], reason, attempts)

    def _needing(self, steps: list[Step]) -> list[Step]:
        """Return the tasks, and those that need any of them, if they are not final; in order."""
        fallen = {step.task.id for step in steps}
        while more := {t.id for t in self._all_tasks() if fallen & set(t.needs)} - fallen:
            fallen |= more
        found = (self._store.steps[id] for id in fallen)
        return sorted((s for s in found if not s.task.state.is_final), key=lambda s: s.place)
