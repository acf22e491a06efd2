"""The end of a batch, job or target, and what ends or begins with it."""

from __future__ import annotations

import sqlite3
from collections import deque

from orchestrator.decide.reconcile import ended
from orchestrator.ledger import events, holding, rows
from orchestrator.ledger.attempting import close_attempts
from orchestrator.ledger.change import CANCELLED, Change
from orchestrator.model.work import Cause, Kind, State


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


def cancel(change: Change, id: str, reason: str) -> bool:
    """End a part or task for good, with what needs it; False: it was over, or there is none."""
    if batch := _open(change, "batch", id):
        return _close_jobs_of(change, batch, reason)
    for level in ("job", "target"):
        if _open(change, level, id):
            _cancel_part(change, id, level, reason)
            return True
    row = change.db.execute(
        "SELECT id, job, target, kind FROM task WHERE (id = ? OR id > ? AND id < ?)"
        " AND state IN ('Waiting', 'Processing', 'Hold') ORDER BY position",
        rows.below(id),
    ).fetchone()
    if row is None:
        return False
    if row["kind"] == Kind.ACTION.value:
        change.note("cancelled", id, abandon(change, "id = ?", (id,), reason))
        return True
    level = "target" if row["target"] else "job"
    _cancel_part(change, row[level], level, f"{id} was cancelled")
    return True


def abandon(change: Change, where: str, values: tuple[str, ...], reason: str) -> events.Data:
    """Cancel the tasks that `where` (of our own words) picks, if they are not final.

    Their open attempts are closed as cancelled.  Returns what an event says of it.
    """
    found = change.db.execute(
        "SELECT number, id, job, target, kind, state, held FROM task"
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


def _cancel_part(change: Change, id: str, level: str, reason: str) -> None:
    """Close a part; what needs a task of a target falls with it, in other targets, too."""
    if level == "target":
        job = id.rpartition("/")[0]
        fallen = abandon(change, f"number IN ({_NEEDING})", (job, id), rows.clean(reason))
        change.note("cancelled", id, fallen)
    close_part(change, id, level, State.CANCELLED, reason)


_NEEDING = (
    "WITH RECURSIVE fallen (number) AS ("
    "  SELECT number FROM task WHERE job = ?1 AND target = ?2"
    "   AND state IN ('Waiting', 'Processing', 'Hold')"
    "  UNION SELECT need.task FROM need JOIN fallen ON need.on_task = fallen.number)"
    " SELECT number FROM fallen"
)


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
    holding.lift(change, id)


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
    _close_jobs_of(change, row, reason)
    _mark(change, "batch", row["id"], state, reason)
    _note(change, "batch", row["id"], state, events.fallen((), rows.clean(reason)))


def _close_jobs_of(change: Change, row: sqlite3.Row, reason: str) -> bool:
    """Close the open jobs of a batch; whether there were any."""
    jobs = change.db.execute(
        "SELECT * FROM job WHERE batch = ? AND state = ? ORDER BY place", (row["number"], rows.OPEN)
    ).fetchall()
    for job in jobs:
        is_over = job["left"] == 0 and job["planned"] + job["failed"] + job["cancelled"] > 0
        if _open(change, "job", job["id"]):
            so = ended(rows.tally(job, "job")) if is_over else State.CANCELLED
            _close_jobs(change, job["id"], so, "" if is_over else reason)
    return bool(jobs)
