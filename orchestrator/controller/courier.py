"""Carries specs to agents, several at a time, so that a slow node holds up nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor

from orchestrator.engine.protocol import Engine
from orchestrator.model.node import Member, Report, Spec
from orchestrator.model.work import AttemptId

BEATS_UNSEEN = 3
"""An attempt that so many beats do not show is sent again, whether it was said to be taken or not."""


class Courier:
    """Remembers what is on its way; a memory that may be lost, for sending twice is sending once."""

    def __init__(self, engine: Engine, pool: Executor, wake: Callable[[], None]) -> None:
        self._engine = engine
        self._pool = pool
        self._wake = wake
        self._lock = threading.Lock()
        self._away: set[AttemptId] = set()
        self._tried: dict[AttemptId, tuple[Member, int]] = {}

    def carry(self, to: Member, spec: Spec, beat: int) -> None:
        """Start a delivery; `beat` is the member's last one seen."""
        with self._lock:
            self._away.add(spec.attempt)
        self._pool.submit(self._deliver, to, spec, beat)

    def travelling(self, reports: Mapping[Member, Report]) -> frozenset[AttemptId]:
        """Return what need not be sent now: under way, or tried and not yet due in a report."""
        with self._lock:
            for attempt, (member, beat) in list(self._tried.items()):
                report = reports.get(member)
                if report is None or attempt in report.attempts or _due(report, beat):
                    del self._tried[attempt]
            return frozenset(self._away | self._tried.keys())

    def _deliver(self, to: Member, spec: Spec, beat: int) -> None:
        is_taken = False
        try:
            is_taken = self._engine.send(to, spec)
        finally:  # whatever went wrong, it is not on its way any more
            with self._lock:
                self._away.discard(spec.attempt)
                self._tried[spec.attempt] = (to, beat)
            if is_taken:  # else the next beats decide: a node that refuses is not asked in a circle
                self._wake()


def _due(report: Report, beat: int) -> bool:
    return report.beat >= beat + BEATS_UNSEEN
