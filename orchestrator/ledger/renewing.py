"""Fresh tries, and fresh plans."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from orchestrator.ledger import rows
from orchestrator.ledger.attempting import close_attempts
from orchestrator.ledger.change import Change
from orchestrator.ledger.planning import earliest

_AMONG = "IN (SELECT value FROM json_each(?1))"

FRESH = "state = 'Waiting', tries = 0, losses = 0, agains = 0, waits = 0, reason = '', cause = NULL"


def retry(change: Change, id: str, restart: Sequence[str]) -> None:
    """Let what failed, was cancelled or is held begin again; what was accepted stays.

    Of a batch all of it; of a job that, and the jobs that it comes after.  Nothing to do: nothing
    done, and no event.
    """
    batch = id.partition("/")[0]
    row = change.db.execute(
        "SELECT number, not_before FROM batch WHERE id = ?", (batch,)
    ).fetchone()
    if row is None:
        return
    number, not_before = int(row["number"]), earliest(row["not_before"], change.now)
    jobs = _reach(change, number, "" if id == batch else id)
    restarted = [job for job in restart if job in jobs]
    for job in restarted:
        _restart(change, job, not_before)
    scope = json.dumps(jobs)
    tasks = _freshen(change, scope, not_before)
    if not (restarted or tasks or _has_failed(change, scope)):
        return
    parts = _reopen(change, scope, restarted)
    _open_batch(change, number)
    _count_missing(change, number)
    change.note("retried", id, {"restart": restarted, "tasks": tasks, "parts": parts})


def replan(change: Change, job: str, changes: Mapping[str, object], reason: str) -> None:
    """Drop an open job's plan; its probe runs again with `changes` laid over its arguments."""
    row = change.db.execute(
        "SELECT probe FROM job WHERE id = ? AND state = ?", (job, rows.OPEN)
    ).fetchone()
    if row is None:
        return
    attempts = drop_plan(change, job, reason)
    change.db.execute(
        "UPDATE task SET agains = agains + 1, reason = ? WHERE id = ?",
        (rows.clean(reason), row["probe"]),
    )
    probe = change.db.execute(
        "SELECT number, args FROM task JOIN detail ON detail.task = number WHERE id = ?",
        (row["probe"],),
    ).fetchone()
    if probe:
        args = rows.overlaid(probe["args"], changes)
        change.db.execute("UPDATE detail SET args = ? WHERE task = ?", (args, probe["number"]))
    change.note("replanned", job, {"changes": changes, "reason": reason, "attempts": attempts})


def drop_plan(change: Change, job: str, reason: str) -> list[str]:
    """Drop a job's targets and tasks; its probe task waits again.  Return the attempts closed.

    Attempts stay as history, readable by the task's id.
    """
    change.flush()
    db = change.db
    running = db.execute(
        "SELECT id FROM task WHERE job = ? AND state = 'Processing' ORDER BY position", (job,)
    ).fetchall()
    attempts = [id for task in running for id in close_attempts(change, task["id"], reason)]
    db.execute(
        "DELETE FROM task WHERE job = ?1 AND id IS NOT (SELECT probe FROM job WHERE id = ?1)",
        (job,),
    )
    db.execute("DELETE FROM target WHERE job = ?", (job,))
    db.execute("DELETE FROM tally WHERE job = ?", (job,))
    db.execute(
        "UPDATE job SET planned = 0, probed = probe IS NULL, reason = '',"
        " left = 0, failed = 0, cancelled = 0 WHERE id = ?",
        (job,),
    )
    db.execute(
        "UPDATE task SET state = 'Waiting', cause = NULL, not_before = 0, accepted = NULL"
        " WHERE job = ?",
        (job,),
    )
    for probe in db.execute(
        "SELECT job, target, kind, held FROM task WHERE job = ?", (job,)
    ).fetchall():
        change.moved(probe, None, rows.OPEN, "")
    change.flush()
    return attempts


def _reach(change: Change, batch: int, job: str) -> list[str]:
    """Return a job of the batch and those that it comes after, near and far; empty: all jobs."""
    found = change.db.execute(
        "WITH RECURSIVE reach (id) AS ("
        "  SELECT id FROM job WHERE batch = ?1 AND ?2 IN ('', id)"
        "  UNION SELECT on_job FROM job_after JOIN reach ON job_after.job = reach.id)"
        " SELECT id FROM reach",
        (batch, job),
    )
    return [row["id"] for row in found]


def _restart(change: Change, job: str, not_before: float) -> None:
    """Let a job begin anew."""
    drop_plan(change, job, "its job begins anew")
    change.db.execute(f"UPDATE task SET {FRESH}, not_before = ? WHERE job = ?", (not_before, job))


def _freshen(change: Change, jobs: str, not_before: float) -> list[str]:
    """Let the tasks of these jobs wait again that are not accepted and not on their way."""
    found = change.db.execute(
        "SELECT number, id, job, target, kind, state, held FROM task"
        f" WHERE job {_AMONG} AND state IN ('Failed', 'Cancelled', 'Hold') ORDER BY position",
        (jobs,),
    ).fetchall()
    change.db.executemany(
        f"UPDATE task SET {FRESH}, not_before = ? WHERE number = ?",
        [(not_before, task["number"]) for task in found],
    )
    for task in found:
        change.moved(task, task["state"], rows.OPEN, "")
    change.flush()
    return [task["id"] for task in found]


def _has_failed(change: Change, jobs: str) -> bool:
    """Whether a job ended without a task that did: its plan failed, or it had none to cancel."""
    found = change.db.execute(
        f"SELECT 1 FROM job WHERE id {_AMONG} AND state IN ('Failed', 'Cancelled')", (jobs,)
    )
    return found.fetchone() is not None


def _reopen(change: Change, jobs: str, restarted: Sequence[str]) -> list[str]:
    """Open those of the jobs and their targets that did not end well or begin anew."""
    closed = "state IN ('Failed', 'Cancelled')"
    found = [
        *change.db.execute(f"SELECT id FROM target WHERE job {_AMONG} AND {closed}", (jobs,)),
        *change.db.execute(f"SELECT id FROM job WHERE id {_AMONG} AND {closed}", (jobs,)),
    ]
    parts = sorted({row["id"] for row in found} | set(restarted))
    for part in parts:
        level = "job" if part.count("/") == 1 else "target"
        change.db.execute(
            f"UPDATE {level} SET state = ?, ended = '' WHERE id = ?", (rows.OPEN, part)
        )
    change.db.execute(
        f"UPDATE target SET reason = '' WHERE job {_AMONG} AND state = ?", (jobs, rows.OPEN)
    )
    change.db.execute(
        f"UPDATE job SET reason = '' WHERE id {_AMONG} AND state = ?", (jobs, rows.OPEN)
    )
    return parts


def _open_batch(change: Change, batch: int) -> None:
    """Open a batch; it keeps the reason of the first of its jobs that did not end well."""
    number_of = "(SELECT count(*) FROM job WHERE batch = ?1 AND state = '{}')"
    change.db.execute(
        "UPDATE batch SET state = ?2, ended = '', reason = coalesce((SELECT reason FROM job"
        "  WHERE batch = ?1 AND state IN ('Failed', 'Cancelled')"
        "  ORDER BY state = 'Cancelled', place LIMIT 1), ''),"
        f" failed = {number_of.format('Failed')}, cancelled = {number_of.format('Cancelled')},"
        " left = (SELECT count(*) FROM job WHERE batch = ?1 AND state = ?2) WHERE number = ?1",
        (batch, rows.OPEN),
    )


def _count_missing(change: Change, batch: int) -> None:
    """Count anew what the jobs and tasks of a batch wait for."""
    change.db.execute(
        "UPDATE job SET missing = (SELECT count(*) FROM job_after"
        "  JOIN job AS other ON other.id = on_job"
        "  WHERE job_after.job = job.id AND other.state <> 'Successful') WHERE batch = ?",
        (batch,),
    )
    change.db.execute(
        "UPDATE task SET missing = (SELECT count(DISTINCT on_task) FROM need"
        "  JOIN task AS other ON other.number = on_task"
        "  WHERE need.task = task.number AND other.accepted IS NULL)"
        " + coalesce((SELECT missing FROM job WHERE job.id = task.job AND probe = task.id), 0)"
        " WHERE job IN (SELECT id FROM job WHERE batch = ?)",
        (batch,),
    )
