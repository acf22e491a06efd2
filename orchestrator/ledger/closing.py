"""The end of a batch, job or target, and what ends or begins with it."""

from __future__ import annotations

import sqlite3
from collections import deque

from orchestrator.decide.reconcile import ended
from orchestrator.ledger import events, rows
from orchestrator.ledger.change import CANCELLED, Change
from orchestrator.model.work import Cause, State


def close_part(change: Change, id: str, level: str, state: State, reason: str) -> None:
    """End an open part; one that is closed, or that a new plan has dropped, stays as it is."""
    row = _open(change, level, id)
    if row is None:
        return
    match level:
        case "target":
            _close_target(change, row, state, reason)
        case "job":
            _close_jobs(change, id, state, reason)
        case _:
            _close_batch(change, row, state, reason)


def abandon(change: Change, where: str, values: tuple[str, ...], reason: str) -> events.Data:
    """Cancel the tasks that `where` (of our own words) picks, if they are not final.

    Their open attempts are closed as cancelled.  Returns what an event says of it.
    """
    found = change.db.execute(
        "SELECT number, id, job, target, kind, state FROM task"
        f" WHERE {where} AND state IN ('Waiting', 'Processing', 'Hold') ORDER BY position",
        values,
    ).fetchall()
    attempts = [
        attempt
        for task in found
        if task["state"] == State.PROCESSING.value
        for attempt in close_attempts(change, task["id"], reason)
    ]
    change.db.executemany(
        "UPDATE task SET state = ?, reason = ?, cause = ?, not_before = 0 WHERE number = ?",
        [(CANCELLED, reason, Cause.CANCELLED.value, task["number"]) for task in found],
    )
    for task in found:
        change.moved(task, task["state"], CANCELLED, reason)
    change.flush()
    return events.fallen([task["id"] for task in found], reason, attempts)


def close_attempts(change: Change, task: str, reason: str) -> list[str]:
    """Close a task's open attempt as cancelled; return its id, if there is one."""
    found = change.db.execute(
        "UPDATE attempt SET closed = ?, cause = ?, why = ?"
        " WHERE task = ? AND closed IS NULL RETURNING number",
        (change.stamp.wall, Cause.CANCELLED.value, reason, task),
    ).fetchall()
    return [rows.attempt_id(change.ledger, row["number"]) for row in found]


def _open(change: Change, level: str, id: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = change.db.execute(
        f"SELECT * FROM {level} WHERE id = ? AND state = ?", (id, rows.OPEN)
    ).fetchone()
    return row


def _mark(change: Change, level: str, id: str, state: State, reason: str) -> None:
    change.db.execute(
        f"UPDATE {level} SET state = ?1, ended = ?2,"
        " reason = CASE WHEN ?3 = '' THEN reason ELSE ?3 END WHERE id = ?4",
        (state.value, change.stamp.wall, rows.clean(reason), id),
    )


def _note(change: Change, level: str, id: str, state: State, fallen: events.Data) -> None:
    change.note(state.value.lower(), id, {"level": level, **fallen})


def _close_target(change: Change, row: sqlite3.Row, state: State, reason: str) -> None:
    where = "job = ? AND target = ?"
    fallen = abandon(change, where, (row["job"], row["id"]), rows.clean(reason))
    _mark(change, "target", row["id"], state, reason)
    _note(change, "target", row["id"], state, fallen)


def _close_jobs(change: Change, id: str, state: State, reason: str) -> None:
    """Close a job; free those that come after it, or close them too, and those after them."""
    due = deque([(id, state, reason)])
    while due:
        id, state, reason = due.popleft()
        row = _open(change, "job", id)
        if row is None:
            continue
        _close_job(change, row, state, reason)
        if state is State.SUCCESSFUL:
            _free_after(change, id)
            continue
        why = events.after_reason(row["name"], state)
        after = change.db.execute("SELECT job FROM job_after WHERE on_job = ? ORDER BY job", (id,))
        due.extend((each["job"], State.CANCELLED, why) for each in after.fetchall())


def _close_job(change: Change, row: sqlite3.Row, state: State, reason: str) -> None:
    id = row["id"]
    fallen = abandon(change, "job = ?", (id,), rows.clean(reason))
    targets = change.db.execute(
        "SELECT * FROM target WHERE job = ? AND state = ? ORDER BY place", (id, rows.OPEN)
    ).fetchall()
    nothing = events.fallen((), "")
    for target in targets:
        so = ended(rows.tally(target, "target"))
        _mark(change, "target", target["id"], so, "")
        _note(change, "target", target["id"], so, nothing)
    _mark(change, "job", id, state, reason)
    failed, cancelled = int(state is State.FAILED), int(state is State.CANCELLED)
    change.db.execute(
        "UPDATE batch SET reason = CASE"
        "  WHEN failed = 0 AND ?1 THEN (SELECT reason FROM job WHERE id = ?3)"
        "  WHEN failed = 0 AND cancelled = 0 AND ?2 THEN (SELECT reason FROM job WHERE id = ?3)"
        "  ELSE reason END,"
        " left = left - 1, failed = failed + ?1, cancelled = cancelled + ?2 WHERE number = ?4",
        (failed, cancelled, id, row["batch"]),
    )
    _note(change, "job", id, state, fallen)


def _free_after(change: Change, job: str) -> None:
    """Let the jobs that come after a Successful one go on, by their probe or to their plan."""
    after = "(SELECT job FROM job_after WHERE on_job = ?)"
    change.db.execute(
        "UPDATE task SET missing = missing - 1"
        f" WHERE id IN (SELECT probe FROM job WHERE id IN {after})",
        (job,),
    )
    change.db.execute(f"UPDATE job SET missing = missing - 1 WHERE id IN {after}", (job,))


def _close_batch(change: Change, row: sqlite3.Row, state: State, reason: str) -> None:
    """Close a batch and the jobs of it that are open: those with something left are cancelled."""
    jobs = change.db.execute(
        "SELECT * FROM job WHERE batch = ? AND state = ? ORDER BY place", (row["number"], rows.OPEN)
    ).fetchall()
    for job in jobs:
        is_over = job["left"] == 0 and job["planned"] + job["failed"] + job["cancelled"] > 0
        if _open(change, "job", job["id"]):
            so = ended(rows.tally(job, "job")) if is_over else State.CANCELLED
            _close_jobs(change, job["id"], so, "" if is_over else reason)
    _mark(change, "batch", row["id"], state, reason)
    _note(change, "batch", row["id"], state, events.fallen((), rows.clean(reason)))
