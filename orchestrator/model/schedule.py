"""When a node's services are available: the noun of a work schedule (F-SCHED)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from itertools import chain, pairwise

MIDNIGHT = 24 * 60
"""The end of a day, in minutes: ``24:00``."""

DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")

Spans = tuple[tuple[int, int], ...]
"""Of one day, in minutes of its wall clock: half-open, in order, none touching another."""

ON: Spans = ((0, MIDNIGHT),)
OFF: Spans = ()

_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})")


class AtClose(Enum):
    """What becomes of a running task when its node's window ends (F-SCHED-10)."""

    FINISH = "finish"
    REQUEUE = "requeue"  #: it is stopped and done elsewhere, or here later; that costs no try


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSchedule:
    """When a node's services are available, by weekday; a day that is not said is on."""

    sunday: Spans = ON
    monday: Spans = ON
    tuesday: Spans = ON
    wednesday: Spans = ON
    thursday: Spans = ON
    friday: Spans = ON
    saturday: Spans = ON
    holidays: Mapping[str, Spans] = field(default_factory=dict)
    #: date, as ``2026-12-25`` -> what replaces its weekday's
    timezone: str = ""  #: of the times, as ``Europe/Berlin``; empty: the node's own
    at_close: AtClose = AtClose.FINISH

    def __post_init__(self) -> None:
        """Raise ValueError for spans that are none: whoever reads them need not look again."""
        for spans in (*(getattr(self, day) for day in DAYS), *self.holidays.values()):
            edges = tuple(chain.from_iterable(spans))
            if any(one >= other for one, other in pairwise((-1, *edges, MIDNIGHT + 1))):
                raise ValueError(f"{spans} are no spans of a day")

    @property
    def is_always(self) -> bool:
        """Whether it never closes anything."""
        days = (getattr(self, day) for day in DAYS)
        return all(spans == ON for spans in chain(days, self.holidays.values()))

    def of(self, day: date) -> Spans:
        """Return the spans of one day."""
        if (spans := self.holidays.get(day.isoformat())) is not None:
            return spans
        return getattr(self, DAYS[day.isoweekday() % 7])  # type: ignore[no-any-return]

    @classmethod
    def renewed(cls, data: Mapping[str, object]) -> Mapping[str, object]:
        """Return a schedule as manifests write it, and ledgers once did, in the words of the noun."""
        named = {"at_close" if key == "atClose" else key: data[key] for key in data}
        told = {key: _spans(value) if key in DAYS else value for key, value in named.items()}
        holidays = named.get("holidays")
        if isinstance(holidays, Mapping):
            told["holidays"] = {day: _spans(value) for day, value in holidays.items()}
        return told


ALWAYS = WorkSchedule()


def minutes(time: object) -> int | None:
    """Return the minute of a day that ``18:00`` is, at most `MIDNIGHT`; None: it is no such time."""
    found = _TIME.fullmatch(time) if isinstance(time, str) else None
    if found is None or int(found[2]) > 59:
        return None
    minute = int(found[1]) * 60 + int(found[2])
    return minute if minute <= MIDNIGHT else None


def clock(minute: int) -> str:
    """Return a minute of a day as people write it: ``18:00``."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def between(spans: Iterable[tuple[int, int]]) -> Spans:
    """Return spans in order, those that touch made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)


def but(spans: Iterable[tuple[int, int]]) -> Spans:
    """Return the rest of a day."""
    edges = [0, *chain.from_iterable(between(spans)), MIDNIGHT]
    gaps = pairwise(edges)
    return tuple((start, end) for start, end in list(gaps)[::2] if start < end)


def shown(spans: Spans) -> str:
    """Return the spans of a day for people: ``on``, ``off``, ``18:00-24:00``."""
    if spans in (ON, OFF):
        return "on" if spans else "off"
    return ", ".join(f"{clock(start)}-{clock(end)}" for start, end in spans)


def written(schedule: WorkSchedule) -> dict[str, object]:
    """Return a schedule as a manifest would have it; what is its default is left out."""
    said: dict[str, object] = {
        day: _written(getattr(schedule, day)) for day in DAYS if getattr(schedule, day) != ON
    }
    if schedule.holidays:
        said["holidays"] = {day: _written(spans) for day, spans in schedule.holidays.items()}
    if schedule.timezone:
        said["timezone"] = schedule.timezone
    if schedule.at_close is not AtClose.FINISH:
        said["atClose"] = schedule.at_close.value
    return said


def _written(spans: Spans) -> object:
    if spans in (ON, OFF):
        return "on" if spans else "off"
    return {"onBetween": [[clock(start), clock(end)] for start, end in spans]}


def _spans(value: object) -> object:
    """Return one day's spans: of ``on``, ``off``, ``{onBetween: …}``, or as they are already."""
    if value in ("on", "off"):
        return ON if value == "on" else OFF
    if not isinstance(value, Mapping):
        return value
    ((key, said),) = value.items()
    several = said if isinstance(said[0], list | tuple) else [said]
    spans = [(minutes(start), minutes(end)) for start, end in several]
    good = [(start, end) for start, end in spans if start is not None and end is not None]
    return between(good) if key == "onBetween" else but(good)
