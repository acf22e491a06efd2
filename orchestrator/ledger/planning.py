"""Batches and plans into the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.errors import LedgerError
from orchestrator.ledger import events, holding, rows
from orchestrator.ledger.change import Change
from orchestrator.ledger.protocol import Origin
from orchestrator.model.codec import dump
from orchestrator.model.work import Batch, Job, Priority, Service, Target, Task, TaskId


@dataclass(frozen=True, slots=True)
class Entry:
    """How a batch comes into the ledger."""

    digest: str
    not_before: float  #: Unix seconds; 0: at once
    origin: Origin


def accept(change: Change, batch: Batch, probes: Sequence[Task], entry: Entry) -> None:
    """Store a batch, its jobs, who comes after whom, and its probe tasks."""
    db = change.db
    if db.execute("SELECT 1 FROM batch WHERE id = ?", (batch.id,)).fetchone():
        raise LedgerError(f"batch {batch.id!r}: it is in the ledger already; ask for the next id")
    if entry.origin.key:
        keep_key(change, entry.origin.key, entry.origin.body, batch.id)
    number = _insert_batch(change, batch, entry)
    probe_of = {probe.job.id: probe for probe in probes}
    for place, job in enumerate(batch.jobs):
        _insert_job(change, number, place, job, probe_of.get(job.id))
    ids = {job.name: job.id for job in batch.jobs}
    db.executemany(
        "INSERT INTO job_after (job, on_job) VALUES (?, ?)",
        [(job.id, ids[name]) for job in batch.jobs for name in dict.fromkeys(job.after)],
    )
    priority = rows.PRIORITIES[batch.priority]
    for place, job in enumerate(batch.jobs):
        if probe := probe_of.get(job.id):
            where = (priority, number, place * rows.PLACES)
            missing = len(set(job.after))
            _insert_tasks(change, [(probe, missing, entry.not_before)], where)
    told = events.accepted(batch, entry.digest, probes, entry.not_before, entry.origin)
    change.note("accepted", batch.id, told)


def keep_key(change: Change, key: str, body: str, batch: str) -> None:
    """Store what a key came to; LedgerError if it came to something before."""
    if change.db.execute("SELECT 1 FROM submission WHERE key = ?", (key,)).fetchone():
        raise LedgerError(f"batch {batch!r}: its key was used before; ask for its submission")
    change.db.execute(
        "INSERT INTO submission (key, digest, batch, at) VALUES (?, ?, ?, ?)",
        (key, body, batch, change.stamp.wall),
    )


def plan(change: Change, job: str, targets: Sequence[Target]) -> None:
    """Store a job's targets and tasks, unless it has a plan or is closed."""
    row = change.db.execute(
        "SELECT job.place, job.batch, batch.priority, batch.not_before FROM job"
        " JOIN batch ON batch.number = job.batch"
        " WHERE job.id = ? AND job.planned = 0 AND job.state = ?",
        (job, rows.OPEN),
    ).fetchone()
    if row is None:
        return
    change.db.execute("UPDATE job SET planned = 1 WHERE id = ?", (job,))
    change.db.executemany(
        "INSERT INTO target (id, job, place, name, destination, notes, frames)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [_target_row(job, place, target) for place, target in enumerate(targets)],
    )
    gates = holding.shut(change, job, targets)
    tasks = [task for target in targets for task in target.tasks]
    open_needs = _open_needs(change.db, tasks)
    not_before = earliest(row["not_before"], change.now)
    position = row["place"] * rows.PLACES + 1  # 0 is the probe's
    _insert_tasks(
        change,
        [(task, open_needs[task.id], not_before) for task in tasks],
        (row["priority"], row["batch"], position),
    )
    change.note("planned", job, events.planned(job, targets, gates))


def copy(change: Change, task: Task, *, at_once: bool) -> bool:
    """Store the copy task of an open job, unless it has one; what needs nothing needs that now."""
    row = change.db.execute(
        "SELECT job.place, job.batch, batch.priority FROM job"
        " JOIN batch ON batch.number = job.batch WHERE job.id = ?1 AND job.state = ?2"
        " AND NOT EXISTS (SELECT 1 FROM task WHERE id = ?3)",
        (task.job.id, rows.OPEN, task.id),
    ).fetchone()
    if row is None:
        return False
    priority = rows.PRIORITIES[Priority.HIGH] if at_once else row["priority"]
    where = (priority, row["batch"], row["place"] * rows.PLACES - 1)  # before the probe
    _insert_tasks(change, [(task, 0, 0.0)], where)
    (number,) = change.db.execute("SELECT number FROM task WHERE id = ?", (task.id,)).fetchone()
    first = change.db.execute(
        "SELECT number, id FROM task WHERE job = ? AND id <> ? AND accepted IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM need WHERE task = number) ORDER BY position",
        (task.job.id, task.id),
    ).fetchall()
    change.db.executemany(
        "INSERT INTO need (task, place, on_task) VALUES (?, 0, ?)",
        [(each["number"], number) for each in first],
    )
    change.db.executemany(
        "UPDATE task SET missing = missing + 1 WHERE number = ?",
        [(each["number"],) for each in first],
    )
    change.note("copying", task.job.id, events.copying(task, at_once=at_once))
    return True


def wake(change: Change) -> None:
    """Let tasks whose time has come stand in the line as all others do: it is read in its order."""
    for service in Service:
        change.db.execute(
            "UPDATE task SET not_before = 0 WHERE service = ? AND not_before > 0"
            " AND (not_before <= ? OR cause = 'unready' AND not_before > ?)"
            " AND state = 'Waiting' AND missing = 0 AND held = 0",
            (service.value, change.now, change.now + rows.SLEEP_MOST_S),
        )


def reprioritize(change: Change, batch: str, priority: Priority) -> bool:
    """Give an open batch, and all its tasks, another priority; False: it had it, or is over."""
    place = rows.PRIORITIES[priority]
    row = change.db.execute(
        "UPDATE batch SET priority = ?1, body = json_set(body, '$.priority', ?2)"
        " WHERE id = ?3 AND state = ?4 AND priority <> ?1 RETURNING number",
        (place, priority.value, batch, rows.OPEN),
    ).fetchone()
    if row is None:
        return False
    change.db.execute(
        "UPDATE task SET priority = ? WHERE job IN (SELECT id FROM job WHERE batch = ?)",
        (place, row["number"]),
    )
    change.note("reprioritized", batch, {"priority": priority.value})
    return True


def earliest(not_before: float, now: float) -> float:
    """Return what a task's row says so that nothing starts before its batch may; 0: at once."""
    return not_before if not_before > now else 0.0


def _insert_batch(change: Change, batch: Batch, entry: Entry) -> int:
    body = {key: value for key, value in dump(batch).items() if key != "jobs"}
    inserted = change.db.execute(
        "INSERT INTO batch (id, name, serial, digest, priority, body, not_before, accepted, left,"
        " owner, sent_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            batch.id,
            batch.name,
            rows.serial(batch),
            entry.digest,
            rows.PRIORITIES[batch.priority],
            rows.compact(body),
            entry.not_before,
            change.stamp.wall,
            len(batch.jobs),
            entry.origin.owner,
            rows.clean(entry.origin.sent_by),
        ),
    )
    return int(inserted.lastrowid or 0)


def _insert_job(change: Change, batch: int, place: int, job: Job, probe: Task | None) -> None:
    change.db.execute(
        "INSERT INTO job (id, batch, place, name, body, probe, probed, missing)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job.id,
            batch,
            place,
            job.name,
            rows.compact(job),
            probe.id if probe else None,
            int(probe is None),
            len(set(job.after)),
        ),
    )


def _target_row(job: str, place: int, target: Target) -> tuple[str | int, ...]:
    return (
        f"{job}/{target.name}",
        job,
        place,
        target.name,
        rows.clean(target.destination),
        rows.compact(list(target.notes)),
        target.frames,
    )


def _insert_tasks(
    change: Change,
    tasks: Sequence[tuple[Task, int, float]],  # with what it misses, and when it may start
    where: tuple[int, int, int],  # priority, batch, position of the first
) -> None:
    """Store tasks and what they need: each other, or what is there already."""
    db, (priority, batch, position) = change.db, where
    (first,) = db.execute("SELECT coalesce(max(number), 0) + 1 FROM task").fetchone()
    numbers: dict[TaskId, int] = {task.id: first + i for i, (task, _, _) in enumerate(tasks)}
    held = _held(db, [task for task, _, _ in tasks])
    db.executemany(
        'INSERT INTO task (number, id, job, target, kind, segment, "start", "end", service, priority,'
        " batch, weight, position, missing, not_before, state, held)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                numbers[task.id],
                *_task_row(task),
                *(priority, batch, task.weight, position + i),
                *(missing, not_before, rows.OPEN, held[task.id]),
            )
            for i, (task, missing, not_before) in enumerate(tasks)
        ),
    )
    db.executemany(
        "INSERT INTO detail (task, args) VALUES (?, ?)",
        ((numbers[task.id], rows.compact(task.args)) for task, _, _ in tasks),
    )
    db.executemany(
        "INSERT INTO need (task, place, on_task) VALUES (?, ?, ?)",
        _need_rows(db, numbers, (task for task, _, _ in tasks)),
    )
    for task, _, _ in tasks:
        about = {"job": task.job.id, "target": _target_id(task), "kind": task.kind.value}
        change.moved({**about, "held": held[task.id]}, None, rows.OPEN, "")


def _held(db: sqlite3.Connection, tasks: Sequence[Task]) -> Mapping[TaskId, int]:
    """Return which of the tasks, all of one batch, stand under a pause."""
    batch = tasks[0].job.batch if tasks else ""
    found = db.execute(
        "SELECT id FROM hold WHERE id = ? OR id > ? AND id < ?", rows.below(batch)
    ).fetchall()
    holds = {row["id"] for row in found}
    return {task.id: int(rows.is_held(task.id, holds)) for task in tasks}


def _task_row(task: Task) -> tuple[str | int | None, ...]:
    segment = task.segment
    return (
        task.id,
        task.job.id,
        _target_id(task) or None,
        task.kind.value,
        segment.index if segment else None,
        segment.start if segment else None,
        segment.end if segment else None,
        task.job.service.value,
    )


def _target_id(task: Task) -> str:
    return f"{task.job.id}/{task.target}" if task.target else ""


def _need_rows(
    db: sqlite3.Connection, numbers: Mapping[TaskId, int], tasks: Iterable[Task]
) -> Iterable[tuple[int, int, int]]:
    for task in tasks:
        for place, need in enumerate(task.needs):
            on = numbers.get(need)
            if on is None:
                (on,) = db.execute("SELECT number FROM task WHERE id = ?", (need,)).fetchone()
            yield numbers[task.id], place, on


def _open_needs(db: sqlite3.Connection, tasks: Sequence[Task]) -> Mapping[TaskId, int]:
    """Return of each task how many that it needs are not accepted.

    LedgerError for a need that is nowhere: its task would wait for ever.
    """
    planned = {task.id for task in tasks}
    accepted: dict[TaskId, bool] = {}
    for need in {need for task in tasks for need in task.needs} - planned:
        row = db.execute("SELECT accepted FROM task WHERE id = ?", (need,)).fetchone()
        if row is None:
            raise LedgerError(f"task {need!r}: it is needed, and neither planned nor there")
        accepted[need] = row["accepted"] is not None
    return {
        task.id: sum(not accepted.get(need, False) for need in set(task.needs)) for task in tasks
    }
