"""A work schedule, a zone and an instant to open or closed, and to the next edges.  No clock.

Times are wall clock (F-SCHED-12): what starts in the hour that summer time skips opens at the first
instant after it; what ends in the hour that comes twice ends with the second.  Windows are half-open
(F-SCHED-9), and those that meet, as at midnight, are one (F-SCHED-6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from orchestrator.model.schedule import DAYS, WorkSchedule

DAYS_BACK = 2
"""So far before today begins what may still be open: a zone may leave a day out, or have it twice."""

DAYS_AHEAD = 400
"""So far is looked for the next edge; one beyond that is none."""

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span ``[opens, closes)``, in UTC."""

    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """How a schedule stands at an instant, and from then on; in UTC."""

    is_open: bool
    opens: datetime | None = None  #: the next opening to come; None: none in `DAYS_AHEAD`
    closes: datetime | None = None  #: the next closing to come; None: likewise

    @property
    def edge(self) -> datetime | None:
        """When that changes; None: not in `DAYS_AHEAD`."""
        return self.closes if self.is_open else self.opens


def is_open(schedule: WorkSchedule, zone: tzinfo, now: datetime) -> bool:
    """Whether something may begin at `now`."""
    return hours(schedule, zone, now).is_open


def next_edge(schedule: WorkSchedule, zone: tzinfo, now: datetime) -> datetime | None:
    """Return the first instant after `now` at which it opens or closes; None: there is none."""
    return hours(schedule, zone, now).edge


def next_opening(schedule: WorkSchedule, zone: tzinfo, now: datetime) -> datetime | None:
    """Return the first instant after `now` at which it opens; None: there is none."""
    return hours(schedule, zone, now).opens


def hours(schedule: WorkSchedule, zone: tzinfo, now: datetime) -> Hours:
    """Return how `schedule` stands at `now`, its times being those of `zone`."""
    if schedule.is_always:
        return Hours(is_open=True)
    today = now.astimezone(zone).date()
    last = today + timedelta(days=DAYS_AHEAD)
    found = windows(schedule, zone, today - timedelta(days=DAYS_BACK), last)
    coming = (window for window in found if window.closes > now)
    beyond = now + timedelta(days=DAYS_AHEAD - DAYS_BACK)  # where we stop looking nothing closes
    first = next(coming, None)
    if first is None:
        return Hours(is_open=False)
    closes = first.closes if first.closes < beyond else None
    if first.opens > now:
        return Hours(is_open=False, opens=first.opens, closes=closes)
    second = next(coming, None)
    return Hours(is_open=True, opens=second.opens if second else None, closes=closes)


def zone_of(name: str) -> tzinfo | None:
    """Return the time zone of this name; None: the tables of this system have none such."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


def windows(schedule: WorkSchedule, zone: tzinfo, first: date, last: date) -> Iterator[Window]:
    """Yield the windows of the days from `first` to `last`, both included, in order."""
    opens = closes = None
    for window in _of_days(schedule, zone, first, last):
        if closes is not None and window.opens <= closes:
            closes = max(closes, window.closes)
            continue
        if opens is not None and closes is not None:
            yield Window(opens, closes)
        opens, closes = window.opens, window.closes
    if opens is not None and closes is not None:
        yield Window(opens, closes)


def until(hours: Hours, zone: tzinfo, name: str, now: datetime) -> str:
    """Return in words how long something stays closed: ``closed until Mon 18:00 (Europe/Berlin)``.

    `name`: of the zone, as people know it.
    """
    if hours.opens is None:
        return f"closed; its schedule opens it on none of the next {DAYS_AHEAD} days"
    return f"closed until {at(hours.opens, zone, now)} ({name})"


def at(when: datetime, zone: tzinfo, now: datetime) -> str:
    """Return an instant of the days to come by its weekday; a later one has its date, too."""
    local, today = when.astimezone(zone), now.astimezone(zone).date()
    day = weekday(local.date())
    is_near = local.date() - today < timedelta(days=7)
    return f"{day} {local:%H:%M}" if is_near else f"{day} {local:%Y-%m-%d %H:%M}"


def weekday(day: date) -> str:
    """Return the name of a day in three letters, whatever the language of the system is."""
    return DAYS[day.isoweekday() % 7][:3].capitalize()


def _of_days(schedule: WorkSchedule, zone: tzinfo, first: date, last: date) -> Iterator[Window]:
    day = first
    while day <= last:
        midnight = datetime.combine(day, time())
        for start, end in schedule.of(day):
            opens = _instant(midnight + timedelta(minutes=start), zone, fold=0)
            closes = _instant(midnight + timedelta(minutes=end), zone, fold=1)
            if opens < closes:  # a zone that changes sides may leave out the whole day
                yield Window(opens, closes)
        day += timedelta(days=1)


def _instant(wall: datetime, zone: tzinfo, *, fold: int) -> datetime:
    """Return when a wall clock shows `wall`, of two times that of `fold`; else the first after it."""
    found = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    return found if _wall(found, zone) == wall else _after_gap(wall, zone)


def _after_gap(wall: datetime, zone: tzinfo) -> datetime:
    """Return the instant at which the clock is put forward over `wall`."""
    before, after = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        if _wall(middle, zone) > wall:
            after = middle
        else:
            before = middle
    return after


def _wall(when: datetime, zone: tzinfo) -> datetime:
    return when.astimezone(zone).replace(tzinfo=None)
