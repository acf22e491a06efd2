"""What speaks against a node, which are set aside for it, and words that come late."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping

from orchestrator.decide.reconcile import Overdue
from orchestrator.ledger import rows
from orchestrator.ledger.change import Change
from orchestrator.ledger.protocol import AttemptRecord
from orchestrator.model.work import AttemptId, State, TaskId

OPEN = frozenset({State.WAITING.value, State.PROCESSING.value, State.HOLD.value})

_COUNTS = (
    "SELECT attempt.number, attempt.task, node, incarnation, opened, closed, attempt.accepted,"
    " attempt.cause, why, NULL AS outcome, '' AS command"  # which nobody asks for here
    " FROM attempt LEFT JOIN task ON task.id = attempt.task"
    " WHERE attempt.node = ?1 AND closed IS NOT NULL"
    " AND attempt.number > coalesce((SELECT forgiven FROM quarantine WHERE node = ?1), 0)"
    " AND task.cause IS NOT 'poison'"
    " AND NOT (attempt.cause IN ('failed', 'crashed') AND EXISTS ("
    "  SELECT 1 FROM attempt AS other WHERE other.task = attempt.task"
    "   AND other.node <> attempt.node AND other.cause IN ('failed', 'crashed')))"
    " ORDER BY attempt.number DESC LIMIT ?2"
)


def overdue(
    db: sqlite3.Connection, ledger: str, ids: Collection[AttemptId]
) -> Mapping[AttemptId, Overdue]:
    """Return those of the attempts that were closed without their word and not heard of since."""
    found: dict[AttemptId, Overdue] = {}
    for id in ids:
        row = db.execute(
            "SELECT attempt.*, task.state AS stands FROM attempt"
            " LEFT JOIN task ON task.id = attempt.task WHERE attempt.number = ?"
            " AND (late = 1 OR late = 2 AND task.id IS NOT NULL)",
            (rows.attempt_number(ledger, id),),
        ).fetchone()
        if row:
            found[id] = Overdue(
                rows.attempt(row, ledger),
                is_wanted=row["late"] == 1 and row["stands"] in OPEN,
                is_cancelled=row["late"] == 2,
            )
    return found


def awaited(db: sqlite3.Connection, tasks: Collection[TaskId]) -> Mapping[TaskId, tuple[str, ...]]:
    """Return the node of each attempt of the tasks that we have closed without its word, by task."""
    found: dict[TaskId, tuple[str, ...]] = {}
    for task in tasks:
        told = db.execute("SELECT node FROM attempt WHERE task = ? AND late > 0", (task,))
        if nodes := tuple(row["node"] for row in told):
            found[task] = nodes
    return found


def node_attempts(
    db: sqlite3.Connection, ledger: str, node: str, limit: int
) -> tuple[AttemptRecord, ...]:
    """Return the last closed attempts that speak for or against a node, newest first."""
    return tuple(rows.record(row, ledger) for row in db.execute(_COUNTS, (node, limit)))


def set_aside(change: Change, node: str, why: str) -> bool:
    """Store that a node is quarantined; False: it is, and for this reason."""
    row = change.db.execute(
        "INSERT INTO quarantine (node, why, forgiven) VALUES (?1, ?2, 0)"
        " ON CONFLICT DO UPDATE SET why = ?2 WHERE why <> ?2",
        (node, rows.clean(why)),
    )
    if row.rowcount:
        change.note("quarantined", node, {"why": why})
    return bool(row.rowcount)


def take_back(change: Change, node: str, why: str) -> bool:
    """End a quarantine, and forgive what was before; False: there was none."""
    row = change.db.execute(
        "UPDATE quarantine SET why = '',"
        " forgiven = (SELECT coalesce(max(number), 0) FROM attempt WHERE node = ?1)"
        " WHERE node = ?1 AND why <> ''",
        (node,),
    )
    if row.rowcount:
        change.note("quarantine-ended", node, {"why": why})
    return bool(row.rowcount)
