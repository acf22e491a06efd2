"""One write transaction: its events, and the counters that follow the tasks it moves."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.ledger import rows
from orchestrator.ledger.events import Data, Row, Stamp
from orchestrator.model.work import State


@dataclass(frozen=True, slots=True)
class Tip:
    """The end of the chain: the last event's sequence number and hash."""

    seq: int = 0
    hash: str = ""


@dataclass(slots=True)
class Counts:
    """How the counters of a job or target change, and the first reasons of this transaction."""

    left: int = 0
    failed: int = 0
    cancelled: int = 0
    why_failed: str | None = None
    why_cancelled: str | None = None

    def move(self, old: str | None, new: str | None, reason: str) -> None:
        """Count a task that goes from one state to another; None: it is not there."""
        self.left += _is_left(new) - _is_left(old)
        self.failed += (new == FAILED) - (old == FAILED)
        self.cancelled += (new == CANCELLED) - (old == CANCELLED)
        if new == FAILED and self.why_failed is None:
            self.why_failed = reason
        if new == CANCELLED and self.why_cancelled is None:
            self.why_cancelled = reason


FAILED = State.FAILED.value
CANCELLED = State.CANCELLED.value
FINAL = frozenset(state.value for state in State if state.is_final)


def _is_left(state: str | None) -> bool:
    return state is not None and state not in FINAL


@dataclass(slots=True)
class Change:
    """What a transaction writes with; nothing of it is kept when the transaction fails."""

    db: sqlite3.Connection
    ledger: str  #: its six hexadecimal digits
    stamp: Stamp
    now: float  #: the stamp's wall time in Unix seconds
    tip: Tip
    _events: list[tuple[str | int | float, ...]] = field(default_factory=list)
    _tally: defaultdict[tuple[str, str, str, str], int] = field(
        default_factory=lambda: defaultdict(int)
    )
    _counts: dict[tuple[str, str], Counts] = field(default_factory=dict)

    def note(self, kind: str, subject: str, data: Data) -> int:
        """Add an event; return its sequence number."""
        stamp = self.stamp
        row = Row(self.tip.seq + 1, stamp, kind, subject, rows.compact(data))
        self.tip = Tip(row.seq, row.hash(self.tip.hash))
        self._events.append(
            (
                row.seq,
                stamp.epoch,
                stamp.wall,
                stamp.boottime,
                kind,
                subject,
                row.data,
                self.tip.hash,
            )
        )
        return row.seq

    def moved(
        self, task: Mapping[str, Any] | sqlite3.Row, old: str | None, new: str | None, reason: str
    ) -> None:
        """Count a task that went from one state to another; None: it is not there.

        Of `task` its ``job``, ``target``, ``kind`` and ``held`` are asked.
        """
        job, target = task["job"], task["target"]
        self._count(task, old, -1)
        self._count(task, new, 1)
        self._of("job", job).move(old, new, reason)
        if target:
            self._of("target", target).move(old, new, reason)

    def held(self, task: sqlite3.Row, *, by: int) -> None:
        """Count a waiting task that is now on Hold (`by` = 1) or no longer (-1)."""
        part = task["target"] or task["job"]
        self._tally[task["job"], part, task["kind"], rows.OPEN] -= by
        self._tally[task["job"], part, task["kind"], State.HOLD.value] += by

    def flush(self) -> None:
        """Write the counters, so that they can be read."""
        self.db.executemany(
            "INSERT INTO tally (job, part, kind, state, number) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET number = number + excluded.number",
            [(*key, number) for key, number in self._tally.items() if number],
        )
        self._tally.clear()
        for (level, id), counts in self._counts.items():
            self._add(level, id, counts)
        self._counts.clear()

    def finish(self) -> None:
        """Write what was gathered; then the transaction may be committed."""
        self.flush()
        self.db.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._events)

    def _count(self, task: Mapping[str, Any] | sqlite3.Row, state: str | None, by: int) -> None:
        if state is not None:
            part = task["target"] or task["job"]
            self._tally[task["job"], part, task["kind"], rows.shown(state, task["held"])] += by

    def _of(self, level: str, id: str) -> Counts:
        counts = self._counts.get((level, id))
        if counts is None:
            counts = self._counts[level, id] = Counts()
        return counts

    def _add(self, level: str, id: str, counts: Counts) -> None:
        """Add to a part's row; it keeps the reason of the first that failed."""
        self.db.execute(
            f"UPDATE {level} SET reason = CASE"  # job or target
            "  WHEN failed = 0 AND ?1 IS NOT NULL THEN ?1"
            "  WHEN failed = 0 AND cancelled = 0 AND ?2 IS NOT NULL THEN ?2"
            "  ELSE reason END,"
            " left = left + ?3, failed = failed + ?4, cancelled = cancelled + ?5 WHERE id = ?6",
            (
                counts.why_failed,
                counts.why_cancelled,
                counts.left,
                counts.failed,
                counts.cancelled,
                id,
            ),
        )
