"""Attempts: opened by a lease, closed by a settlement."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.decide.reconcile import Attempt
from orchestrator.decide.settle import Reach
from orchestrator.ledger import events, rows
from orchestrator.ledger.change import Change
from orchestrator.ledger.protocol import Settlement
from orchestrator.model.node import Label, Member
from orchestrator.model.work import Cause, Kind, State, Task

PROCESSING = State.PROCESSING.value
WAITING = State.WAITING.value

SEGMENT_KINDS = frozenset({Kind.ENCODE, Kind.RENDER})
"""Kinds whose accepted tasks are the frames of a target that are done."""


def lease(change: Change, pairs: Sequence[tuple[Task, Member]]) -> tuple[Attempt, ...]:
    """Open an attempt for each task that is still in line."""
    opened = (_lease(change, task, member) for task, member in pairs)
    return tuple(attempt for attempt in opened if attempt is not None)


def settle(change: Change, settlements: Sequence[Settlement]) -> tuple[bool, ...]:
    """Close attempts and move their tasks; False for those that were closed before."""
    return tuple([_settle(change, settlement) for settlement in settlements])


def close_attempts(change: Change, task: str, reason: str) -> list[str]:
    """Close a task's open attempt as cancelled; return its id, if there is one."""
    found = change.db.execute(
        "UPDATE attempt SET closed = ?, cause = ?, why = ?, late = 2"
        " WHERE task = ? AND closed IS NULL RETURNING number",
        (change.stamp.wall, Cause.CANCELLED.value, reason, task),
    ).fetchall()
    return [rows.attempt_id(change.ledger, row["number"]) for row in found]


def let_go(change: Change, under: str) -> None:
    """Wait no longer for words of attempts at or below `under`: what they did is another task."""
    change.db.execute(
        "UPDATE attempt SET late = 0 WHERE (task = ? OR task > ? AND task < ?) AND late = 1",
        rows.below(under),
    )


def salvage(change: Change, label: Label, service: str, settlement: Settlement) -> bool:
    """Take the result of an attempt that the ledger may have forgotten; False: it came too late."""
    change.db.execute(
        "INSERT INTO attempt (number, task, service, node, incarnation, lease, opened, closed, late)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1) ON CONFLICT (number) DO UPDATE"
        " SET closed = coalesce(closed, excluded.closed), late = 1"
        " WHERE task = excluded.task AND NOT accepted",
        (
            rows.attempt_number(change.ledger, label.attempt),
            label.task,
            service,
            label.node,
            label.incarnation,
            label.lease,
            change.stamp.wall,
        ),
    )
    return _settle(change, settlement)


def _lease(change: Change, task: Task, member: Member) -> Attempt | None:
    row = change.db.execute(
        "UPDATE task SET state = ?, not_before = 0, reason = '', cause = NULL"
        " WHERE id = ? AND state = ? AND missing = 0 AND held = 0"
        " RETURNING job, target, kind, service, held",
        (PROCESSING, task.id, WAITING),
    ).fetchone()
    if row is None:
        return None
    inserted = change.db.execute(
        "INSERT INTO attempt (task, service, node, incarnation, lease, opened)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            task.id,
            row["service"],
            member.node,
            member.incarnation,
            change.tip.seq + 1,
            change.stamp.wall,
        ),
    )
    attempt = Attempt(
        id=rows.attempt_id(change.ledger, int(inserted.lastrowid or 0)),
        task=task.id,
        service=task.job.service,
        node=member.node,
        incarnation=member.incarnation,
        lease=change.tip.seq + 1,
    )
    change.moved(row, WAITING, PROCESSING, "")
    change.note(events.LEASED, task.id, events.leased(attempt))
    return attempt


def _settle(change: Change, settlement: Settlement) -> bool:
    number = rows.attempt_number(change.ledger, settlement.attempt)
    task = settlement.task
    if settlement.is_late:
        return _settle_late(change, number, settlement)
    if settlement.is_withdrawn:
        return _withdraw(change, number, settlement)
    if not _close(change, number, settlement):
        return False
    row = change.db.execute(
        'SELECT number, job, target, kind, state, held, "end" - "start" AS frames FROM task'
        " WHERE id = ?",
        (task.id,),
    ).fetchone()
    change.db.execute(
        "UPDATE task SET state = ?, tries = ?, losses = ?, agains = ?, waits = ?, reason = ?,"
        " cause = ?, not_before = ?, accepted = coalesce(accepted, ?) WHERE number = ?",
        (
            task.state.value,
            task.tries,
            task.losses,
            task.agains,
            task.waits,
            rows.clean(task.reason),
            task.cause.value if task.cause else None,
            settlement.not_before if task.state is State.WAITING else 0.0,
            number if settlement.accepted else None,
            row["number"],
        ),
    )
    change.moved(row, row["state"], task.state.value, rows.clean(task.reason))
    change.note(*_about(settlement))
    if settlement.accepted:
        _free(change, row)
    elif task.state is State.WAITING:
        _renew_args(change, row["number"], task)
    if settlement.reach is not Reach.NOTHING:
        _fell(change, settlement, row)
    return True


def _close(change: Change, number: int, settlement: Settlement) -> bool:
    """Close the attempt by compare-and-set; False if it is unknown or was closed before."""
    task = settlement.task
    closed = change.db.execute(
        "UPDATE attempt SET closed = ?, accepted = ?, cause = ?, why = ?, outcome = ?, late = ?"
        " WHERE number = ? AND task = ? AND closed IS NULL",
        (
            change.stamp.wall,
            int(settlement.accepted),
            task.cause.value if task.cause and not settlement.accepted else "",
            "" if settlement.accepted else rows.clean(task.reason),
            rows.compact(settlement.outcome),
            int(settlement.is_awaited),
            number,
            task.id,
        ),
    )
    return closed.rowcount == 1


def _settle_late(change: Change, number: int, settlement: Settlement) -> bool:
    """Take the word of an attempt that was given up; accepted, it closes the one in its place."""
    task = settlement.task.id
    closed = change.db.execute(
        "UPDATE attempt SET late = 0 WHERE number = ? AND task = ? AND late > 0", (number, task)
    )
    if closed.rowcount != 1:
        return False
    row = change.db.execute(
        'SELECT number, job, target, kind, state, held, "end" - "start" AS frames FROM task'
        " WHERE id = ? AND state IN ('Waiting', 'Processing', 'Hold')",
        (task,),
    ).fetchone()
    if row is None or not settlement.accepted:
        kind, data = events.late(replace(settlement, accepted=False), ())
        change.note(kind, task, data)
        return True
    replaced = close_attempts(change, task, events.LATE)
    change.db.execute(
        "UPDATE attempt SET accepted = 1, cause = '', why = '', outcome = ? WHERE number = ?",
        (rows.compact(settlement.outcome), number),
    )
    change.db.execute(
        "UPDATE task SET state = ?, reason = '', cause = NULL, not_before = 0, accepted = ?"
        " WHERE number = ?",
        (State.SUCCESSFUL.value, number, row["number"]),
    )
    change.moved(row, row["state"], State.SUCCESSFUL.value, "")
    kind, data = events.late(settlement, replaced)
    change.note(kind, task, data)
    _free(change, row)
    return True


def _withdraw(change: Change, number: int, settlement: Settlement) -> bool:
    """Take the pointer back by compare-and-set; False: it is another by now."""
    task, reason = settlement.task, rows.clean(settlement.task.reason)
    row = change.db.execute(
        "UPDATE task SET state = ?, tries = ?, agains = ?, reason = ?, cause = ?, not_before = 0,"
        " accepted = NULL WHERE id = ? AND accepted = ?"
        ' RETURNING number, job, target, kind, state, held, "end" - "start" AS frames',
        (
            task.state.value,
            task.tries,
            task.agains,
            reason,
            task.cause.value if task.cause else None,
            task.id,
            number,
        ),
    ).fetchone()
    if row is None:
        return False
    change.db.execute(
        "UPDATE attempt SET accepted = 0, cause = ?, why = ? WHERE number = ?",
        (Cause.CANCELLED.value, reason, number),
    )
    change.moved(row, State.SUCCESSFUL.value, task.state.value, reason)
    _renew_args(change, row["number"], task)
    kind, data = events.withdrawn(settlement)
    change.note(kind, task.id, data)
    _free(change, row, by=-1)
    if settlement.reach is not Reach.NOTHING:
        _fell(change, settlement, row)
    return True


def _renew_args(change: Change, number: int, task: Task) -> None:
    """Store a task's arguments; with others it is another task, to which no late word belongs."""
    changed = change.db.execute(
        "UPDATE detail SET args = ?1 WHERE task = ?2 AND args <> ?1",
        (rows.compact(task.args), number),
    )
    if changed.rowcount:
        let_go(change, task.id)


def _about(settlement: Settlement) -> tuple[str, str, events.Data]:
    kind, data = events.settled(settlement)
    return kind, settlement.task.id, data


def _free(change: Change, row: sqlite3.Row, by: int = 1) -> None:
    """Let what needs an accepted task go on; `by` = -1: let it wait again."""
    change.db.execute(
        "UPDATE task SET missing = missing - ?"
        " WHERE number IN (SELECT task FROM need WHERE on_task = ?)",
        (by, row["number"]),
    )
    kind = Kind(row["kind"])
    if kind is Kind.PROBE:
        change.db.execute("UPDATE job SET probed = ? WHERE id = ?", (int(by > 0), row["job"]))
    if kind in SEGMENT_KINDS and row["target"] and row["frames"]:
        change.db.execute(
            "UPDATE target SET frames_done = frames_done + ? WHERE id = ?",
            (by * row["frames"], row["target"]),
        )


def _fell(change: Change, settlement: Settlement, row: sqlite3.Row) -> None:
    """Cancel the waiting tasks that fall with one, and those elsewhere that need any of them."""
    part = row["job"] if settlement.reach is Reach.JOB or not row["target"] else row["target"]
    column = "job" if part == row["job"] else "target"
    scope = f"job = ?2 AND {column} = ?3 AND state = ?4"  # our own words
    if settlement.reach is Reach.NEEDS:
        scope += " AND number = ?1"
    found = change.db.execute(
        "WITH RECURSIVE fallen (number) AS ("
        f"  SELECT number FROM task WHERE {scope} UNION SELECT ?1"
        "  UNION SELECT need.task FROM need JOIN fallen ON need.on_task = fallen.number)"
        " SELECT task.number, id, job, target, kind, held FROM fallen"
        " CROSS JOIN task ON task.number = fallen.number WHERE state = ?4 ORDER BY position",
        (row["number"], row["job"], part, WAITING),
    ).fetchall()
    if not found:
        return
    reason = rows.clean(events.fallen_reason(settlement.task))
    change.db.executemany(
        "UPDATE task SET state = ?, reason = ?, cause = NULL, not_before = 0 WHERE number = ?",
        [(State.CANCELLED.value, reason, each["number"]) for each in found],
    )
    for each in found:
        change.moved(each, WAITING, State.CANCELLED.value, reason)
    change.note("cancelled", part, events.fallen([each["id"] for each in found], reason))
