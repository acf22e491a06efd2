"""What people are to be told: made of events, kept until it went every way (F-NOTE-6).

None of it is an event of its own: it follows from events, and losing it loses no work.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from orchestrator.ledger import rows
from orchestrator.ledger.change import Change
from orchestrator.ledger.protocol import Event
from orchestrator.model.codec import load
from orchestrator.model.notice import Letter, Notice


def noticed(db: sqlite3.Connection) -> int:
    """Return the number of the last event that notices were made of; 0: of none."""
    row = db.execute("SELECT seq FROM noticed").fetchone()
    return int(row["seq"]) if row else 0


def news(
    db: sqlite3.Connection, after: int, kinds: Iterable[str], limit: int
) -> tuple[int, tuple[Event, ...]]:
    """Return up to which event was looked, and those after `after` of these kinds."""
    last = db.execute("SELECT coalesce(max(seq), 0) AS last FROM event").fetchone()["last"]
    found = db.execute(
        "SELECT * FROM event WHERE seq > ? AND seq <= ?"
        " AND kind IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?",
        (after, last, json.dumps(sorted(kinds)), limit),
    ).fetchall()
    upto = found[-1]["seq"] if len(found) == limit else last
    return int(upto), tuple(map(rows.event, found))


def post(change: Change, letters: Sequence[Letter], upto: int) -> None:
    """Store letters, and that notices were made of events up to `upto`; twice is once."""
    change.db.executemany(
        "INSERT INTO notice VALUES (?, ?, '[]') ON CONFLICT DO NOTHING",
        [(each.number, rows.compact(each.notice)) for each in letters],
    )
    change.db.execute(
        "INSERT INTO noticed VALUES (1, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq", (upto,)
    )


def outbox(db: sqlite3.Connection, limit: int) -> tuple[Letter, ...]:
    """Return what was not sent every way, oldest first."""
    found = db.execute("SELECT * FROM notice ORDER BY number LIMIT ?", (limit,))
    return tuple(
        Letter(
            number=row["number"],
            notice=load(Notice, json.loads(row["body"])),
            told=frozenset(json.loads(row["told"])),
        )
        for row in found
    )


def told(change: Change, numbers: Iterable[int], way: str) -> None:
    """Remember that letters went a way."""
    change.db.executemany(
        "UPDATE notice SET told = json_insert(told, '$[#]', ?) WHERE number = ?",
        [(way, number) for number in numbers],
    )


def drop(change: Change, numbers: Iterable[int]) -> None:
    """Forget letters."""
    change.db.executemany("DELETE FROM notice WHERE number = ?", [(number,) for number in numbers])
