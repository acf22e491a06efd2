"""Ledger and engine to one View: all that a decision may depend on, read at one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.controller.courier import Courier
from orchestrator.controller.storage import Storage
from orchestrator.decide.place import SPARING, Needs
from orchestrator.decide.reconcile import Attempt, View, free_instances
from orchestrator.engine.protocol import Engine
from orchestrator.errors import PluginError
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.node import Member, Report
from orchestrator.model.work import Kind, Service, Task
from orchestrator.plugin.caller import Caller


@dataclass(slots=True)
class Lookout:
    """Reads; changes nothing."""

    ledger: Ledger
    engine: Engine
    courier: Courier
    caller: Caller
    storage: Storage
    only: frozenset[Kind] | None = None  #: of these kinds alone work is given out (a dry run)

    def look(self, now: float, draining: bool) -> View:
        """Return how things stand at `now` (Unix seconds).

        Reports are read before the ledger: what a report lists, the ledger knew before.
        """
        members = self.engine.look()
        travelling = self.courier.travelling(members)
        attempts = self.ledger.open_attempts()
        low = self.storage.low()
        kinds = frozenset() if draining else self.only or (SPARING if low else None)
        return View(
            members=members,
            attempts=attempts,
            travelling=travelling,
            ready=self._ready(_free(members, attempts), kinds, now),
            unplanned=self.ledger.unplanned(),
            over=self.ledger.over(),
            storage_low=low,
        )

    def _ready(
        self, free: Mapping[Service, int], kinds: frozenset[Kind] | None, now: float
    ) -> dict[Service, tuple[tuple[Task, Needs], ...]]:
        if kinds is not None and not kinds:
            return {}
        return {
            service: tuple(
                (task, self._needs(task)) for task in self.ledger.ready(service, room, now, kinds)
            )
            for service, room in free.items()
            if room > 0
        }

    def _needs(self, task: Task) -> Needs:
        try:
            return self.caller.review(task.job).needs
        except PluginError:
            return {}  # its command will raise the same, and then it has an attempt to tell of


def _free(members: Mapping[Member, Report], attempts: tuple[Attempt, ...]) -> dict[Service, int]:
    taken: dict[tuple[str, Service], int] = {}
    for attempt in attempts:
        key = (attempt.node, attempt.service)
        taken[key] = taken.get(key, 0) + 1
    return {
        service: sum(
            max(0, free_instances(member, report, service, taken))
            for member, report in members.items()
        )
        for service in Service
    }
