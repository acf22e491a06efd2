"""What a cluster has to do beyond its own nodes: ledger and node views to a `Demand`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable

from orchestrator.decide.unmanaged import Demand
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.talk import NodePhase, NodeView
from orchestrator.model.work import Service

WAITING_MAX = 200
"""So many tasks in line of each service are counted; more make no difference to who is taken."""


class Wanting:
    """Says what waits; remembers which jobs waited, until they are over."""

    def __init__(
        self,
        ledger: Ledger,
        views: Callable[[], Iterable[NodeView]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._views = views
        self._clock = clock
        self._jobs: frozenset[str] = frozenset()

    def demand(self) -> Demand:
        """Return what there is to do now."""
        now = self._clock()
        waiting = {
            service.value: dict(
                Counter(task.job.id for task in self._ledger.ready(service, WAITING_MAX, now))
            )
            for service in Service
        }
        busy = self._ledger.open_attempts()
        at_work = {"/".join(attempt.task.split("/")[:2]) for attempt in busy}
        known = self._jobs.union(at_work, *waiting.values())
        self._jobs = self._unfinished(known)
        return Demand(
            waiting={service: jobs for service, jobs in waiting.items() if jobs},
            spare=self._spare(),
            unfinished=self._jobs,
            busy=frozenset(attempt.node for attempt in busy),
        )

    def _unfinished(self, jobs: frozenset[str]) -> frozenset[str]:
        """Return those of the jobs that are not over."""
        return frozenset(
            standing.id
            for batch in {job.partition("/")[0] for job in jobs}
            for standing in self._ledger.standings(batch)
            if standing.id in jobs and not standing.state.is_final
        )

    def _spare(self) -> dict[str, int]:
        """Return how many instances of nodes that work are idle, by service."""
        spare: Counter[str] = Counter()
        for view in self._views():
            if view.phase is NodePhase.READY:
                for service, seats in view.services.items():
                    spare[service] += max(0, seats.instances - seats.busy)
        return dict(spare)
