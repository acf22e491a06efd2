"""What is known of attempts whose files lie on cluster storage; nothing here writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from orchestrator.decide.collect import Fate
from orchestrator.ledger import rows
from orchestrator.model.work import AttemptId, State

ASKED_AT_ONCE = 500

_ABOUT = (
    "SELECT attempt.number, attempt.closed, attempt.late, task.accepted, task.state AS task_state,"
    " job.state AS job_state, batch.id AS batch, batch.state AS batch_state, batch.ended"
    " FROM attempt"
    " JOIN batch ON batch.id = substr(attempt.task, 1, instr(attempt.task, '/') - 1)"
    " LEFT JOIN task ON task.id = attempt.task"
    " LEFT JOIN job ON job.id = task.job"
    " WHERE attempt.number IN ({})"
)


def read(
    db: sqlite3.Connection, ledger: str, attempts: Sequence[AttemptId]
) -> Mapping[AttemptId, Fate]:
    """Return the fates of the attempts that there are and whose batch there is."""
    numbers = [number for id in attempts if (number := rows.attempt_number(ledger, id))]
    found: dict[AttemptId, Fate] = {}
    for first in range(0, len(numbers), ASKED_AT_ONCE):
        some = numbers[first : first + ASKED_AT_ONCE]
        for row in db.execute(_ABOUT.format(", ".join("?" * len(some))), some):
            found[rows.attempt_id(ledger, row["number"])] = _fate(row)
    return found


def over_at(state: State, ended: str) -> float | None:
    """Return when a batch ended, in Unix seconds; None: it is open."""
    return datetime.fromisoformat(ended).timestamp() if state.is_final and ended else None


def _fate(row: sqlite3.Row) -> Fate:
    is_pointer = row["accepted"] == row["number"]
    is_over = row["task_state"] is None or State(row["task_state"]).is_final
    return Fate(
        batch=row["batch"],
        over_at=over_at(State(row["batch_state"]), row["ended"]),
        is_open=row["closed"] is None,
        is_needed=is_pointer and row["job_state"] != State.SUCCESSFUL.value,
        may_come=row["late"] == 1 and not is_over,
    )
