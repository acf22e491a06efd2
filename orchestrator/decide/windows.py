"""Which nodes are outside their windows, what becomes of their work, and what people are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from orchestrator.model.schedule import AtClose, WorkSchedule, clock
from orchestrator.model.talk import DayHours, NodePhase, NodeView
from orchestrator.model.windows import Hours, at, hours, until, zone_of
from orchestrator.model.windows import is_open as is_open
from orchestrator.model.windows import next_edge as next_edge
from orchestrator.model.windows import next_opening as next_opening

DAYS_SHOWN = 7

LOOK_AGAIN = timedelta(days=1)
"""Where no edge is in sight, one may come into it: a holiday of the year after next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """A schedule with the zone that its times are of."""

    schedule: WorkSchedule
    zone: tzinfo
    name: str  #: of the zone, as people know it
    is_known: bool = True  #: False: this system has no such zone, and it stays closed

    def look(self, now: datetime) -> Opening:
        """Return how it stands at `now`."""
        if not self.is_known:
            why = f"closed; this system knows no time zone {self.name!r}: install tzdata"
            return Opening(hours=Hours(is_open=False), since=now, shut=why)
        found = hours(self.schedule, self.zone, now)
        shut = "" if found.is_open else until(found, self.zone, self.name, now)
        is_over = not found.is_open and self.schedule.at_close is AtClose.REQUEUE
        return Opening(hours=found, since=now, shut=shut, is_evicting=is_over)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How a node stands with its schedule, from `since` until its next edge."""

    hours: Hours
    since: datetime
    shut: str = ""  #: why it takes no new work; empty: it is open
    is_evicting: bool = False  #: what still runs there is done elsewhere (F-SCHED-10)

    def holds(self, now: datetime) -> bool:
        """Whether it is still so at `now`; a clock that was put back asks for another look."""
        edge = self.hours.edge or self.since + LOOK_AGAIN
        return self.since <= now < edge


def timetable(schedule: WorkSchedule, told: str, ours: str) -> Timetable:
    """Return a node's timetable: the schedule's zone, else the node's, else the controller's.

    `told`: what the node says of its zone; `ours`: the controller's; each empty if not known.
    """
    name = schedule.timezone or told or ours or "UTC"
    zone = zone_of(name)
    return Timetable(schedule=schedule, zone=zone or UTC, name=name, is_known=zone is not None)


def week(table: Timetable, now: datetime) -> tuple[DayHours, ...]:
    """Return when a node is open on the next seven days, today included, by its wall clock."""
    today = now.astimezone(table.zone).date()
    days = (today + timedelta(days=number) for number in range(DAYS_SHOWN))
    return tuple(
        DayHours(
            date=day.isoformat(),
            open=tuple((clock(start), clock(end)) for start, end in table.schedule.of(day)),
        )
        for day in days
    )


def shown(when: datetime | None, zone: tzinfo) -> str:
    """Return an edge as views have it: ISO 8601 in the node's zone; empty: there is none."""
    return when.astimezone(zone).isoformat(timespec="seconds") if when else ""


def all_closed(nodes: Sequence[NodeView], now: datetime) -> str:
    """Return that every node is closed, and which opens next; empty: it is not so (F-SCHED-11)."""
    if not nodes or any(node.phase is not NodePhase.CLOSED for node in nodes):
        return ""
    opening = {node.name: datetime.fromisoformat(node.opens) for node in nodes if node.opens}
    if not opening:
        return "every node is closed, and no schedule opens one"
    name = min(opening, key=lambda each: (opening[each], each))
    zone = next(node.timezone for node in nodes if node.name == name)
    when = opening[name]
    words = at(when, zone_of(zone) or when.tzinfo or UTC, now)
    return f"every node is closed; the next opens {words}: {name} ({zone})"
