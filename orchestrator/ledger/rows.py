"""Nouns to rows of the schema, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

from orchestrator.decide.reconcile import Attempt, Tally
from orchestrator.ledger.protocol import Application, AttemptRecord, Event
from orchestrator.model.cluster import Cluster, Node
from orchestrator.model.codec import canonical, load
from orchestrator.model.talk import Sheet
from orchestrator.model.work import (
    AttemptId,
    Batch,
    Cause,
    Job,
    Kind,
    Outcome,
    Priority,
    Segment,
    Service,
    State,
    Task,
    TaskId,
)

OPEN = State.WAITING.value
"""What the row of a batch, job or target says until it is closed."""

PRIORITIES = {priority: place for place, priority in enumerate(Priority)}

PLACES = 2**32
"""A task's position in its batch: its job's place times this, and its place in the job."""

SLEEP_MOST_S = 60.0
"""What was not ready is tried again sooner: who would sleep for longer has a clock that was put back."""


def clean(text: str) -> str:
    """Return `text` without what UTF-8 cannot hold: a node's word must not stop the ledger."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def compact(data: object) -> str:
    """Return canonical JSON that UTF-8 can hold."""
    return clean(canonical(data))


def attempt_id(ledger: str, number: int) -> AttemptId:
    """Return ``3f9c21-000017``."""
    return f"{ledger}-{number:06d}"


def attempt_number(ledger: str, id: AttemptId) -> int:
    """Return the number of an attempt of this ledger; 0, which none has, for any other text."""
    prefix, _, digits = id.rpartition("-")
    known = prefix == ledger and digits.isascii() and digits.isdigit() and len(digits) < 18
    return int(digits) if known else 0


def serial(batch: Batch) -> int:
    """Return the number in ``name-NNNN``; 0 for an id of another form."""
    digits = batch.id.removeprefix(f"{batch.name}-")
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def below(under: str) -> tuple[str, str, str]:
    """Return `under` and the range of ids below it, for ``id = ? OR id > ? AND id < ?``."""
    return under, f"{under}/", f"{under}0"  # 0 is the character after the stroke


def lineage(id: str) -> tuple[str, ...]:
    """Return the ids of the batch, job, target and segment that a part or task is in, and its own."""
    parts = id.split("/")
    return tuple("/".join(parts[: end + 1]) for end in range(len(parts)))


def is_held(id: str, holds: Collection[str]) -> bool:
    """Whether a part or task is paused: itself, or a part that it is in."""
    return bool(holds) and any(each in holds for each in lineage(id))


def shown(state: str, held: int) -> str:
    """Return the state of a task for people and counters: one that waits and is held is on Hold."""
    return State.HOLD.value if held and state == OPEN else state


def job(body: str) -> Job:
    """Return the job of a row's JSON."""
    return load(Job, json.loads(body))


def task(row: sqlite3.Row, job: Job, needs: tuple[TaskId, ...]) -> Task:
    """Return the task of a row joined with its arguments."""
    segment = row["segment"]
    target: str | None = row["target"]
    return Task(
        id=row["id"],
        job=job,
        kind=Kind(row["kind"]),
        target=target[len(job.id) + 1 :] if target else "",
        segment=None if segment is None else Segment(segment, row["start"], row["end"]),
        args=json.loads(row["args"]),
        needs=needs,
        weight=row["weight"],
        state=State(shown(row["state"], row["held"])),
        tries=row["tries"],
        losses=row["losses"],
        agains=row["agains"],
        waits=row["waits"],
        reason=row["reason"],
        cause=Cause(row["cause"]) if row["cause"] else None,
    )


def attempt(row: sqlite3.Row, ledger: str) -> Attempt:
    """Return an open attempt."""
    return Attempt(
        id=attempt_id(ledger, row["number"]),
        task=row["task"],
        service=Service(row["service"]),
        node=row["node"],
        incarnation=row["incarnation"],
        lease=row["lease"],
    )


def record(row: sqlite3.Row, ledger: str) -> AttemptRecord:
    """Return an attempt as history."""
    return AttemptRecord(
        id=attempt_id(ledger, row["number"]),
        task=row["task"],
        node=row["node"],
        opened=row["opened"],
        closed=row["closed"] or "",
        accepted=bool(row["accepted"]),
        cause=row["cause"],
        why=row["why"],
        outcome=load(Outcome, json.loads(row["outcome"])) if row["outcome"] else None,
        command=row["command"],
        incarnation=row["incarnation"],
    )


def result_values(outcome: str) -> Mapping[str, object]:
    """Return the result that stands in an outcome's JSON."""
    data: dict[str, Any] = json.loads(outcome)  # as `Outcome` was dumped: defaults are left out
    values: Mapping[str, object] = data.get("result", {})
    return values


def overlaid(args: str, changes: Mapping[str, object]) -> str:
    """Return arguments as stored, with `changes` laid over them."""
    return compact({**json.loads(args), **changes})


def tally(row: sqlite3.Row, level: str) -> Tally:
    """Return a part that has nothing left."""
    return Tally(
        id=row["id"],
        level=level,
        left=row["left"],
        failed=row["failed"],
        cancelled=row["cancelled"],
        reason=row["reason"],
    )


def application(row: sqlite3.Row) -> Application:
    """Return what was applied."""
    return Application(
        revision=row["revision"],
        cluster=load(Cluster, json.loads(row["cluster"])),
        sheets=tuple(load(Sheet, each) for each in json.loads(row["sheets"])),
        commit=row["commit"],
        at=row["at"],
    )


def node(row: sqlite3.Row) -> Node:
    """Return a node that leaves."""
    return load(Node, json.loads(row["node"]))


def event(row: sqlite3.Row) -> Event:
    """Return an event of the chain."""
    return Event(
        seq=row["seq"],
        epoch=row["epoch"],
        wall=row["wall"],
        boottime=row["boottime"],
        kind=row["kind"],
        subject=row["subject"],
        data=json.loads(row["data"]),
        hash=row["hash"],
    )
