"""What waits for so long that somebody should look after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

from orchestrator.decide.settle import Limits, paused_s
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.work import TaskId
from orchestrator.system import now_s

UNREADY_S = 3600.0
"""A condition that was not ready for so long is told of; the task goes on by itself all the same."""

NAMED_MAX = 5


LOOK_S = 60.0
"""So often it is looked for such tasks."""


@dataclass(slots=True)
class Unready:
    """The tasks that have waited so long, looked for now and then."""

    ledger: Ledger
    clock: Callable[[], float] = now_s
    _next: float = field(default=float("-inf"))
    _found: Mapping[TaskId, str] = field(default_factory=dict)

    def now(self, limits: Limits) -> Mapping[TaskId, str]:
        """Return what each waits for, not older than `LOOK_S`; of many, the first."""
        if self.clock() >= self._next:
            self._next, self._found = self.clock() + LOOK_S, _unready(self.ledger, limits)
        return self._found


def unready(ledger: Ledger, limits: Limits) -> tuple[str, ...]:
    """Return a sentence for each task that has waited so long; of many, for the first."""
    return tuple(f"task {id}: {why}" for id, why in _unready(ledger, limits).items())


def _unready(ledger: Ledger, limits: Limits) -> Mapping[TaskId, str]:
    waits = next(n for n in count(1) if paused_s(n, limits) >= UNREADY_S)
    says = f"not ready for more than {UNREADY_S / 3600:g} h, and no try is counted"
    return {task.id: f"{says}: {task.reason}" for task in ledger.unready(waits, NAMED_MAX)}
