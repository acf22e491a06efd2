"""The records of a cluster, as the screens read those of a ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from orchestrator.client.client import Client
from orchestrator.errors import NotThere
from orchestrator.model.record import AttemptRecord, Standing
from orchestrator.model.talk import BatchView
from orchestrator.model.work import Batch, Result, State, Task, TaskId

FRESH_S = 0.5
"""How long an answer is good for: a screen asks for several parts of one batch."""


class RemoteRecords:
    """The looking half of `ledger.protocol.Ledger`, over the API."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._views: dict[str, tuple[float, BatchView | None]] = {}

    def state(self, batch: str) -> State | None:
        """Return how a batch stands; None: there is none of that id."""
        view = self._view(batch)
        return view.standings[0].state if view else None

    def batch(self, id: str) -> Batch | None:
        """Return a batch as accepted."""
        view = self._view(id)
        return view.batch if view else None

    def standings(self, batch: str | None = None) -> tuple[Standing, ...]:
        """Return all batches, or one with its jobs and targets: parents before children."""
        if batch is None:
            return self._client.batches()
        view = self._view(batch)
        return view.standings if view else ()

    def task(self, id: TaskId) -> Task | None:
        """Return a task, or None."""
        return next((task for task in self.tasks(id) if task.id == id), None)

    def tasks(self, under: str) -> tuple[Task, ...]:
        """Return the tasks whose id is `under` or below it, in order."""
        view = self._view(under)
        return tuple(task for task in view.tasks if _is_in(task.id, under)) if view else ()

    def attempts(self, under: str) -> tuple[AttemptRecord, ...]:
        """Return the attempts of the tasks at or below `under`, oldest first."""
        view = self._view(under)
        return tuple(each for each in view.attempts if _is_in(each.task, under)) if view else ()

    def results(self, tasks: Sequence[TaskId]) -> Mapping[TaskId, Result]:
        """Return the accepted results of those that have one."""
        found: dict[TaskId, Result] = {}
        for id in tasks:
            view = self._view(id)
            if view and id in view.results:
                found[id] = view.results[id]
        return found

    def paused(self, under: str = "") -> tuple[str, ...]:
        """Return the ids at or below `under`, which names a batch or a part, that are paused."""
        view = self._view(under)
        return tuple(each for each in view.paused if _is_in(each, under)) if view else ()

    def refused(self, batch: str) -> Mapping[TaskId, Mapping[str, str]]:
        """Return of tasks that could go next which nodes are not given them, and why."""
        view = self._view(batch)
        return view.refused if view else {}

    def full(self, batch: str) -> Mapping[str, str]:
        """Return which limits of what is worked on are reached, each with a sentence."""
        view = self._view(batch)
        return view.full if view else {}

    def _view(self, id: str) -> BatchView | None:
        batch, now = id.partition("/")[0], self._clock()
        kept = self._views.get(batch)
        if kept is None or now - kept[0] >= FRESH_S:
            try:
                kept = now, self._client.batch(batch)
            except NotThere:
                kept = now, None
            self._views = {batch: kept}  # one batch at a time is looked at
        return kept[1]


def _is_in(id: str, under: str) -> bool:
    return id == under or id.startswith(f"{under}/")
