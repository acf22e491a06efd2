"""How nodes stand with their work schedules now: asked at every look, reckoned anew at each edge."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.decide.fleet import Gate, Sight
from orchestrator.decide.windows import Opening, Timetable, timetable
from orchestrator.model.schedule import WorkSchedule


def _nobody_waits(name: str, edge: datetime) -> None:
    """Wake nobody: whoever looks often enough needs no timer."""


@dataclass(slots=True)
class _Known:
    """A node with a schedule, as it was when it was looked at last."""

    table: Timetable
    opening: Opening


class OpeningHours:
    """Answers by the wall clock, which schedules are written for (R9).  From any thread."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        edge: Callable[[str, datetime], None] = _nobody_waits,
        zone: str = "",
    ) -> None:
        """`edge` is told when a node opens or closes next; `zone`: of a node that names none."""
        self._clock = clock
        self._edge = edge
        self._zone = zone
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}

    def now(self) -> datetime:
        """Return what the wall clock says, in UTC."""
        return datetime.fromtimestamp(self._clock(), UTC)

    def look(self, name: str, schedule: WorkSchedule, told: str = "") -> Opening | None:
        """Return how a node stands now; None: it has no schedule.  `told`: the zone it says."""
        known = self._known.get(name)
        is_as_before = known is not None and known.table.schedule is schedule
        if not is_as_before and schedule.is_always:
            return None
        return self._at(name, schedule, told).opening

    def table(self, name: str, schedule: WorkSchedule, told: str = "") -> Timetable:
        """Return a node's schedule with its zone."""
        return self._at(name, schedule, told).table

    def _at(self, name: str, schedule: WorkSchedule, told: str) -> _Known:
        now = self.now()
        with self._lock:
            known = self._known.get(name)
            table = known.table if known else None
            if table is None or not _is_of(table, schedule, told):
                known, table = None, timetable(schedule, told, self._zone)
            if known is not None and known.opening.holds(now):
                return known
            fresh = self._known[name] = _Known(table, table.look(now))
        if edge := fresh.opening.hours.edge:
            self._edge(name, edge)
        return fresh


def _is_of(table: Timetable, schedule: WorkSchedule, told: str) -> bool:
    """Whether a timetable is still that of a node: both are what it says, or says by itself."""
    is_named = bool(schedule.timezone) or not told
    is_same = table.schedule is schedule or table.schedule == schedule
    return is_same and (is_named or table.name == told)


@dataclass(slots=True)
class OwnHours:
    """Implements `look.Watch` for one computer: whoever is here takes part while it is open."""

    node: str
    schedule: WorkSchedule
    zone: str
    hours: OpeningHours

    def gate(self) -> Gate:
        """Return whether it is open now."""
        found = self.hours.look(self.node, self.schedule, self.zone)
        if found is None or found.hours.is_open:
            return Gate()
        evicting = frozenset({self.node}) if found.is_evicting else frozenset[str]()
        return Gate(shut={self.node: found.shut}, evicting=evicting)

    def saw(
        self,
        sights: Mapping[str, Sight],
        busy: Mapping[str, Mapping[str, int]],
        closed: Mapping[str, str],
    ) -> None:
        """Need nothing of it."""
