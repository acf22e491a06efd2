"""Fresh tries, and fresh plans."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence

from orchestrator.ledger import holding, rows
from orchestrator.ledger.attempting import close_attempts, let_go
from orchestrator.ledger.change import Change
from orchestrator.ledger.planning import earliest
from orchestrator.model.work import Kind, task_id

_AMONG = "IN (SELECT value FROM json_each(?1))"

_BAD = "IN ('Failed', 'Cancelled', 'Hold')"
_TASK = "SELECT task.number, id, job, target, kind, state, held FROM task"
_CLOSED = f"SELECT id FROM {{}} WHERE id {_AMONG} AND state IN ('Failed', 'Cancelled')"
_LACKING = (
    "WITH RECURSIVE fell (number) AS ("
    f"  SELECT number FROM task WHERE (id = ?1 OR id > ?2 AND id < ?3) AND state {_BAD}"
    "  UNION SELECT need.task FROM fell CROSS JOIN need ON need.on_task = fell.number"
    f"   CROSS JOIN task ON task.number = need.task WHERE target = ?4 AND state {_BAD}),"
    " lacking (number) AS ("
    "  SELECT number FROM fell"
    "  UNION SELECT on_task FROM lacking CROSS JOIN need ON need.task = lacking.number)"
    f" {_TASK} CROSS JOIN lacking ON lacking.number = task.number"
    f" WHERE state {_BAD} ORDER BY position"
)

FRESH = "state = 'Waiting', tries = 0, losses = 0, agains = 0, waits = 0, reason = '', cause = NULL"


def retry(change: Change, id: str, restart: Sequence[str]) -> None:
    """Let what failed, was cancelled or is held begin again; what was accepted stays.

    Of a batch all of it; of a job that, and the jobs that it comes after; of a part of a job what
    that lacks.  Nothing to do: nothing done, and no event.
    """
    batch, job, part = meant(id)
    row = change.db.execute(
        "SELECT number, not_before FROM batch WHERE id = ?", (batch,)
    ).fetchone()
    if row is None:
        return
    number, not_before = int(row["number"]), earliest(row["not_before"], change.now)
    jobs = _reach(change, number, job)
    restarted = [each for each in restart if each in jobs]
    for each in restarted:
        _restart(change, each, not_before)
    part = "" if job in restarted else part
    whole = [each for each in jobs if not part or each != job]
    tasks = [*_lacking_of_jobs(change, whole), *_lacking_of_part(change, part)]
    touched = {task["job"] for task in tasks}, {part, *(task["target"] or "" for task in tasks)}
    parts = _reopen(change, whole, touched, restarted)
    if not (tasks or parts):
        return
    _freshen(change, tasks, not_before)
    held = holding.shut_again(change, parts)
    _open_batch(change, number)
    _count_missing(change, number)
    told = {"restart": restarted, "tasks": [task["id"] for task in tasks], "parts": parts}
    change.note("retried", part or job or batch, {**told, **({"gates": held} if held else {})})


def meant(id: str) -> tuple[str, str, str]:
    """Return the batch and job of an id, and the part of that job that is meant; empty: all of it.

    A probe is that of its whole job, and so is a copy.
    """
    batch, job, target = (*rows.lineage(id)[:3], "", "")[:3]
    own = {f"{job}/{kind.value}" for kind in (Kind.PROBE, Kind.COPY)}
    return batch, job, id if target and target not in own else ""


def replan(
    change: Change, job: str, changes: Mapping[str, object], reason: str, *, keeps: bool
) -> None:
    """Drop an open job's plan; its probe runs again with `changes` laid over its arguments."""
    row = change.db.execute(
        "SELECT probe FROM job WHERE id = ? AND state = ?", (job, rows.OPEN)
    ).fetchone()
    if row is None:
        return
    found = change.db.execute(
        "SELECT id FROM task WHERE id = ? AND accepted IS NOT NULL", (task_id(job, Kind.COPY),)
    ).fetchone()
    kept = str(found["id"]) if found and keeps else ""
    attempts = drop_plan(change, job, reason, kept)
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
    told = {"changes": changes, "reason": reason, "attempts": attempts}
    change.note("replanned", job, {**told, **({"kept": [kept]} if kept else {})})


def drop_plan(change: Change, job: str, reason: str, kept: str = "") -> list[str]:
    """Drop a job's targets and tasks but `kept`; its probe task waits again.

    Returns the attempts closed; they stay as history, readable by the task's id.
    """
    change.flush()
    db = change.db
    running = db.execute(
        "SELECT id FROM task WHERE job = ? AND state = 'Processing' ORDER BY position", (job,)
    ).fetchall()
    attempts = [id for task in running for id in close_attempts(change, task["id"], reason)]
    let_go(change, job)
    holding.forget_gates(change, job)
    db.execute(
        "DELETE FROM task WHERE job = ?1 AND id <> ?2"
        " AND id IS NOT (SELECT probe FROM job WHERE id = ?1)",
        (job, kept),
    )
    db.execute("DELETE FROM target WHERE job = ?", (job,))
    db.execute("DELETE FROM tally WHERE job = ?", (job,))
    db.execute(
        "UPDATE job SET planned = 0, probed = probe IS NULL, reason = '',"
        " left = 0, failed = 0, cancelled = 0 WHERE id = ?",
        (job,),
    )
    db.execute(
        "UPDATE task SET state = 'Waiting', cause = NULL, not_before = 0, accepted = NULL,"
        " missing = (SELECT missing FROM job WHERE job.id = ?1) WHERE job = ?1 AND id <> ?2",
        (job, kept),
    )
    for task in db.execute(
        "SELECT job, target, kind, held, state FROM task WHERE job = ?", (job,)
    ).fetchall():
        change.moved(task, None, task["state"], "")
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


def _lacking_of_jobs(change: Change, jobs: Sequence[str]) -> list[sqlite3.Row]:
    """Return the tasks of jobs that are not accepted and not on their way."""
    where = f"WHERE job {_AMONG} AND state {_BAD} ORDER BY batch, position"
    return change.db.execute(f"{_TASK} {where}", (json.dumps(jobs),)).fetchall()


def _lacking_of_part(change: Change, part: str) -> list[sqlite3.Row]:
    """Return those of a part of a job, what fell with them in its target, and what these need."""
    if not part:
        return []
    return change.db.execute(_LACKING, (*rows.below(part), rows.lineage(part)[2])).fetchall()


def _freshen(change: Change, tasks: Sequence[sqlite3.Row], not_before: float) -> None:
    """Let tasks wait again."""
    change.db.executemany(
        f"UPDATE task SET {FRESH}, not_before = ? WHERE number = ?",
        [(not_before, task["number"]) for task in tasks],
    )
    for task in tasks:
        change.moved(task, task["state"], rows.OPEN, "")
    change.flush()


def _reopen(
    change: Change,
    jobs: Sequence[str],
    touched: tuple[Collection[str], Collection[str]],
    restarted: Sequence[str],
) -> list[str]:
    """Open what ended badly of the jobs, of their targets and of what is touched; return the ids.

    Of `touched` jobs and targets nothing else is meant.  What begins anew is opened however it
    ended.  A job keeps the reason of the first of its targets that still has one.
    """
    db = change.db
    of_jobs = f"SELECT id FROM target WHERE job {_AMONG} OR id IN (SELECT value FROM json_each(?2))"
    asked = json.dumps(jobs), json.dumps(sorted(touched[1]))
    targets = [row["id"] for row in db.execute(of_jobs, asked)]
    parts = [row["id"] for row in db.execute(_CLOSED.format("target"), (json.dumps(targets),))]
    owners = {target.rpartition("/")[0] for target in parts}
    above = json.dumps(sorted({*jobs, *owners, *touched[0]}))
    parts += [row["id"] for row in db.execute(_CLOSED.format("job"), (above,))]
    found = sorted({*parts, *restarted})
    for part in found:
        level = "job" if part.count("/") == 1 else "target"
        db.execute(f"UPDATE {level} SET state = ?, ended = '' WHERE id = ?", (rows.OPEN, part))
    db.execute(
        f"UPDATE target SET reason = '' WHERE id {_AMONG} AND state = ?2",
        (json.dumps(targets), rows.OPEN),
    )
    db.execute(
        "UPDATE job SET reason = coalesce((SELECT reason FROM target WHERE target.job = job.id"
        "  AND reason <> '' ORDER BY failed = 0, place LIMIT 1), '')"
        f" WHERE id {_AMONG} AND state = ?2",
        (above, rows.OPEN),
    )
    return found


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
