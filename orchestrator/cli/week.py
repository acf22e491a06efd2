"""When the nodes of a cluster are open in the week to come: a picture for a terminal, else a list."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from shutil import get_terminal_size

from orchestrator.cli.screens import text
from orchestrator.model.schedule import MIDNIGHT, minutes
from orchestrator.model.talk import DayHours, NodePhase, NodeView
from orchestrator.model.windows import weekday

LABEL_CELLS = len("  Mon 2026-05-04  ")
CELLS = (48, 24, 12)
"""In how many parts a day is drawn: the most that fit."""

HOURS_MARKED = (0, 6, 12, 18, 24)


@dataclass(frozen=True, slots=True)
class Ink:
    """What a part of a day is drawn with."""

    open: str
    partly: str
    shut: str


BLOCKS = Ink("█", "▒", "·")
LETTERS = Ink("#", "+", ".")
"""For a terminal that cannot show more."""


def drawn(views: Sequence[NodeView]) -> str:
    """Return the nodes' week as it fits where it is printed to."""
    if not sys.stdout.isatty():
        return listed(views)
    try:
        "".join((BLOCKS.open, BLOCKS.partly, BLOCKS.shut)).encode(sys.stdout.encoding)
    except UnicodeError:
        return picture(views, get_terminal_size().columns, LETTERS)
    return picture(views, get_terminal_size().columns)


def picture(views: Sequence[NodeView], width: int, ink: Ink = BLOCKS) -> str:
    """Return a headline a node, and below it a row a day in at most `width` cells."""
    fitting = (count for count in CELLS if LABEL_CELLS + count <= width)
    cells = next(fitting, CELLS[-1])
    blocks = [[_headline(view), *_rows(view, cells, ink)] for view in views]
    return "\n\n".join("\n".join(block) for block in blocks)


def listed(views: Sequence[NodeView]) -> str:
    """Return the same without a picture: a headline a node, and its spans of each day."""
    return "\n".join(line for view in views for line in (_headline(view), *_days(view)))


def _headline(view: NodeView) -> str:
    return text(f"{view.name}: {_says(view)}")


def _says(view: NodeView) -> str:
    """Return how a node stands with its schedule, and its next edges."""
    if not view.week:
        return "always open; it has no schedule"
    edges = {"opens": view.opens, "closes": view.closes}
    coming = sorted((datetime.fromisoformat(at), verb, at) for verb, at in edges.items() if at)
    told = [f"{verb} {_when(at)}" for _, verb, at in coming]
    is_open = bool(told) and told[0].startswith("closes")
    state = "open" if is_open else "closed"
    if not told:
        state = "closed" if view.phase is NodePhase.CLOSED else "open"
    return f"{state}, {', then '.join(told) or 'for good'} ({view.timezone})"


def _when(at: str) -> str:
    when = datetime.fromisoformat(at)
    return f"{weekday(when.date())} {when:%Y-%m-%d %H:%M}"


def _days(view: NodeView) -> Iterator[str]:
    for day in view.week:
        spans = ", ".join(f"{start}-{end}" for start, end in day.open)
        yield f"{_label(day)}{spans or 'closed'}"


def _rows(view: NodeView, cells: int, ink: Ink) -> Iterator[str]:
    if view.week:
        yield _scale(cells)
    for day in view.week:
        yield _label(day) + "".join(_cell(day, number, cells, ink) for number in range(cells))


def _label(day: DayHours) -> str:
    return f"  {weekday(date.fromisoformat(day.date))} {day.date}  "


def _scale(cells: int) -> str:
    """Return the hours above a day's parts."""
    line = " " * LABEL_CELLS
    for hour in HOURS_MARKED:
        at = LABEL_CELLS + hour * cells // 24
        line = line[:at].ljust(at) + str(hour)
    return line


def _cell(day: DayHours, number: int, cells: int, ink: Ink) -> str:
    """Return how one part of a day is drawn."""
    length = MIDNIGHT // cells
    start, end = number * length, (number + 1) * length
    spans = [(minutes(opens) or 0, minutes(closes) or 0) for opens, closes in day.open]
    is_open = sum(max(0, min(end, closes) - max(start, opens)) for opens, closes in spans)
    if is_open in (0, length):
        return ink.open if is_open else ink.shut
    return ink.partly
