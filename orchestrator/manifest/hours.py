"""Faults of a schedule: spans over midnight, without length, overlapping (F-SCHED-4, -5, -13)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import available_timezones

from orchestrator.manifest import advice
from orchestrator.manifest.finding import Document, Finding, Path
from orchestrator.model.schedule import DAYS, MIDNIGHT, clock, minutes

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_Span = tuple[Path, int, int]  # place, start and end in minutes


def schedule_faults(document: Document, root: Path) -> Iterator[Finding]:
    """Yield what is wrong with the times in ``schedule`` below `root`."""
    schedule = document.get(*root, "schedule")
    if not isinstance(schedule, dict):
        return
    where = (*root, "schedule")
    for day in DAYS:
        yield from _day(document, (*where, day), DAYS[(DAYS.index(day) + 1) % 7])
    holidays = schedule.get("holidays")
    for text in filter(_DATE.fullmatch, holidays if isinstance(holidays, dict) else ()):
        try:
            after = str(date.fromisoformat(text) + timedelta(days=1))
        except (ValueError, OverflowError):
            what = f"{advice.shown(text)} is no date there is; write it as 2026-12-25"
            yield document.fault((*where, "holidays", text), what, at_key=True)
        else:
            yield from _day(document, (*where, "holidays", text), after)
    yield from _zone(document, (*where, "timezone"))


def _day(document: Document, where: Path, next_day: str) -> Iterator[Finding]:
    for key in ("onBetween", "offBetween"):
        good = []
        for span in _spans(document, (*where, key)):
            if says := _says(span, str(where[-1]), key, next_day):
                yield document.fault(span[0], says)
            else:
                good.append(span)
        yield from _overlaps(document, good)


def _spans(document: Document, where: Path) -> list[_Span]:
    """Return the spans at `where`, one or several; those whose form is wrong are left out."""
    value = document.get(*where)
    if not isinstance(value, list):
        return []
    several = bool(value) and isinstance(value[0], list)
    places = [(*where, index) for index in range(len(value))] if several else [where]
    found = []
    for place in places:
        span = document.get(*place)
        said = [minutes(each) for each in span] if isinstance(span, list) else []
        if len(said) == 2 and said[0] is not None and said[1] is not None:
            found.append((place, said[0], said[1]))
    return found


def _says(span: _Span, day: str, key: str, next_day: str) -> str:
    _, start, end = span
    if start == MIDNIGHT:
        return "24:00 is the end of a day, not a start; write 00:00 on the next day"
    if end == 0:
        return f'the end of a day is 24:00; write ["{clock(start)}", "24:00"]'
    if start < end:
        return ""
    what = "a span may not run into the next day" if start > end else "start and end are the same"
    first = f'{day}: {{{key}: ["{clock(start)}", "24:00"]}}'
    second = f'{next_day}: {{{key}: ["00:00", "{clock(end)}"]}}'
    return f"{what}; write two entries: {first} and {second}"


def _overlaps(document: Document, spans: list[_Span]) -> Iterator[Finding]:
    ordered = sorted(spans, key=lambda span: span[1:])
    for (_, start, end), (place, other, _) in pairwise(ordered):
        if other < end:
            what = f"overlaps the span {clock(start)} to {clock(end)}; make one span of the two"
            yield document.fault(place, what)


def _zone(document: Document, where: Path) -> Iterator[Finding]:
    name = document.get(*where)
    zones = available_timezones() if isinstance(name, str) else set()
    if zones and name not in zones:  # a system without a list of zones cannot say
        close = advice.meant(str(name), zones) if len(str(name)) < 40 else ""
        hint = close if close.startswith("did") else "write it as Europe/Berlin"
        yield document.fault(where, f"unknown time zone {advice.shown(name)}; {hint}")
