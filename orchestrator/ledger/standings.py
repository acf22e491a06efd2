"""The rows of batches and targets, and the tallies of their tasks, to standings for people."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping

from orchestrator.decide.standing import standing
from orchestrator.ledger import rows
from orchestrator.ledger.protocol import Standing
from orchestrator.model.work import Kind, Priority, State

Tasks = Mapping[tuple[Kind, State], int]


def tasks_of_parts(db: sqlite3.Connection, job: str) -> dict[str, Tasks]:
    """Return how many tasks of a job's parts are of which kind and state, by the part's id."""
    parts: defaultdict[str, dict[tuple[Kind, State], int]] = defaultdict(dict)
    for part, kind, state, number in db.execute(
        "SELECT part, kind, state, number FROM tally WHERE job = ? AND number > 0", (job,)
    ):
        parts[part][Kind(kind), State(state)] = number
    return dict(parts)


def tasks_of_batch(db: sqlite3.Connection, batch: int) -> tuple[Tasks, bool, bool]:
    """Return how many tasks of a batch are of which kind and state.

    Then whether all are planned, and whether those that wait do so for what is on Hold.
    """
    tasks = {
        (Kind(kind), State(state)): number
        for kind, state, number in db.execute(
            "SELECT kind, tally.state, sum(number) AS number FROM job"
            " CROSS JOIN tally ON tally.job = job.id"
            " WHERE job.batch = ? GROUP BY kind, tally.state HAVING sum(number) > 0",
            (batch,),
        )
    }
    unplanned = db.execute(
        "SELECT 1 FROM job WHERE batch = ? AND state = 'Waiting' AND planned = 0", (batch,)
    ).fetchone()
    return tasks, unplanned is None, _is_batch_stuck(db, tasks, batch)


def is_stuck(db: sqlite3.Connection, tasks: Tasks, where: str, *values: str | int) -> bool:
    """Whether what waits of a part waits for what is on Hold; `where`, of our words, picks tasks."""
    if not any(state is State.HOLD for _, state in tasks):
        return False
    found = db.execute(
        f"SELECT 1 FROM task WHERE {where} AND state = 'Waiting' AND missing = 0 AND held = 0",
        values,
    )
    return found.fetchone() is None


def _is_batch_stuck(db: sqlite3.Connection, tasks: Tasks, batch: int) -> bool:
    """Likewise of a batch; not while a job of it is to be planned or to be closed."""
    if not is_stuck(db, tasks, "job IN (SELECT id FROM job WHERE batch = ?)", batch):
        return False
    moves = db.execute(
        "SELECT 1 FROM job WHERE batch = ? AND state = 'Waiting' AND missing = 0 AND left = 0",
        (batch,),
    )
    return moves.fetchone() is None


def of_batch(
    row: sqlite3.Row, tasks: Tasks, planned: bool, stuck: bool, holds: set[str]
) -> Standing:
    """Return how a batch stands; `holds`: the ids that people have paused."""
    return Standing(
        id=row["id"],
        level="batch",
        name=row["name"],
        state=standing(
            State(row["state"]),
            tasks,
            planned=planned,
            paused=rows.is_held(row["id"], holds),
            stuck=stuck,
        ),
        reason=row["reason"],
        priority=list(Priority)[row["priority"]],
        owner=row["owner"],
        sent_by=row["sent_by"],
        accepted=row["accepted"],
        ended=row["ended"],
        tasks=tasks,
    )


def of_target(row: sqlite3.Row, tasks: Tasks, stuck: bool, holds: set[str]) -> Standing:
    """Return how a target stands."""
    return Standing(
        id=row["id"],
        level="target",
        name=row["name"],
        state=standing(
            State(row["state"]), tasks, paused=rows.is_held(row["id"], holds), stuck=stuck
        ),
        reason=row["reason"],
        ended=row["ended"],
        destination=row["destination"],
        notes=tuple(json.loads(row["notes"])),
        gate=row["gate"] if row["id"] in holds else "",
        tasks=tasks,
        frames=row["frames"],
        frames_done=row["frames_done"],
    )
