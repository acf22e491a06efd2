"""History that ends: batches that were over long ago leave the file, then events nobody needs.

What is left of the chain begins after the `anchor`, whose hash is that of the last event gone.
"""

from __future__ import annotations

import sqlite3

from orchestrator.ledger import rows
from orchestrator.ledger.change import Change, Tip

EVENTS_MIN = 64
"""For fewer events that could go none does: the cut is an event, too."""

EVENTS_MAX = 5000
"""So many go at once: others wait for this transaction."""

_OF_JOBS = "(SELECT id FROM job WHERE batch = ?)"
_OF_TASKS = f"(SELECT number FROM task WHERE job IN {_OF_JOBS})"
_GONE = (
    f"DELETE FROM tally WHERE job IN {_OF_JOBS}",
    f"DELETE FROM target WHERE job IN {_OF_JOBS}",
    f"DELETE FROM job_after WHERE job IN {_OF_JOBS}",
    f"DELETE FROM need WHERE task IN {_OF_TASKS}",
    f"DELETE FROM detail WHERE task IN {_OF_TASKS}",
    f"DELETE FROM task WHERE job IN {_OF_JOBS}",
    "DELETE FROM job WHERE batch = ?",
    "DELETE FROM batch WHERE number = ?",
)


def compact(change: Change, before: str) -> bool:
    """Let one batch go that ended before, or as many events as may go now; False: neither."""
    row = change.db.execute(
        "SELECT number, id, name, serial FROM batch WHERE state <> ? AND ended < ?"
        " ORDER BY number LIMIT 1",
        (rows.OPEN, before),
    ).fetchone()
    if row is not None:
        _let_go(change, row)
        return True
    return _cut(change, before)


def anchor(db: sqlite3.Connection) -> Tip:
    """Return the last event that has gone; sequence number 0: none has."""
    row = db.execute("SELECT seq, hash FROM anchor").fetchone()
    return Tip(*row) if row else Tip()


def _let_go(change: Change, batch: sqlite3.Row) -> None:
    """Forget a batch with all of its parts; only its number stays used.

    Foreign keys are off: for each attempt SQLite would look through all tasks.
    """
    db, id = change.db, batch["id"]
    (tasks,) = db.execute(
        f"SELECT count(*) FROM task WHERE job IN {_OF_JOBS}", (batch["number"],)
    ).fetchone()
    for statement in _GONE:
        db.execute(statement, (batch["number"],))
    db.execute("DELETE FROM gate WHERE id > ? AND id < ?", rows.below(id)[1:])
    gone = db.execute("DELETE FROM attempt WHERE task > ? AND task < ?", rows.below(id)[1:])
    db.execute("DELETE FROM submission WHERE batch = ?", (id,))
    db.execute(
        "INSERT INTO series (name, serial) VALUES (?, ?)"
        " ON CONFLICT DO UPDATE SET serial = max(serial, excluded.serial)",
        (batch["name"], batch["serial"]),
    )
    change.note("compacted", id, {"tasks": tasks, "attempts": gone.rowcount})


def _cut(change: Change, before: str) -> bool:
    """Drop the events from the front on that are old and of no batch that is still here."""
    db = change.db
    known = {row["id"] for row in db.execute("SELECT id FROM batch")}
    front = db.execute(
        "SELECT seq, wall, kind, subject, hash FROM event WHERE seq < ? ORDER BY seq LIMIT ?",
        (change.tip.seq, EVENTS_MAX),
    )
    last, number = Tip(), 0
    for row in front:
        if row["wall"] >= before or (row["kind"] == "accepted" and row["subject"] in known):
            break
        last, number = Tip(row["seq"], row["hash"]), number + 1
    if number < EVENTS_MIN:
        return False
    db.execute("DELETE FROM event WHERE seq <= ?", (last.seq,))
    db.execute(
        "INSERT INTO anchor VALUES (1, ?, ?)"
        " ON CONFLICT DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
        (last.seq, last.hash),
    )
    db.execute(
        "DELETE FROM applied WHERE at < ? AND number < (SELECT max(number) FROM applied)", (before,)
    )
    paused = sorted(row["name"] for row in db.execute("SELECT name FROM paused_node"))
    change.note(
        "compacted", change.ledger, {"seq": last.seq, "hash": last.hash, "paused_nodes": paused}
    )
    return True
