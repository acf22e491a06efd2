"""What an event says, and how it is chained to the one before.

The kinds, by what they are about:

* batch: ``accepted reprioritized``; batch, job or target: ``successful failed cancelled``
* any of them, a segment or a task: ``paused resumed retried``
* job: ``copying planned replanned``; job or target: ``cancelled`` with the tasks that fell with one
* task: ``leased accepted published again failed-requeued lost-requeued unready requeued held
  failed cancelled late-result late-end withdrawn``; one that was accepted late says so
* a node: ``node-paused node-resumed quarantined quarantine-ended``
* people hear of: ``service-stopped service-down storage-low alarm``
* controller: ``epoch-taken applied behind recovered``; what it notes besides, as ``collected``
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from orchestrator.decide.reconcile import Attempt
from orchestrator.decide.settle import judge
from orchestrator.ledger.protocol import Application, Event, Origin, Settlement
from orchestrator.model.codec import canonical, dump
from orchestrator.model.work import Batch, Cause, Job, Kind, State, Target, Task

Data = Mapping[str, Any]  # JSON: what a kind of event holds beside its subject

LATE = "an earlier attempt of it was given up and came back with the result"
"""Why the attempt is closed that a late result makes needless."""

LEASED = "leased"

BEHIND = "behind"
"""Names a lease that a node was given and the ledger does not know: it is an older copy."""

RECOVERED = "recovered"
"""What was lost before it, up to its epoch, a person knows of."""

REQUEUED: Mapping[Cause | None, str] = {
    None: "again",
    Cause.FAILED: "failed-requeued",
    Cause.CRASHED: "failed-requeued",
    Cause.LOST: "lost-requeued",
    Cause.UNREADY: "unready",
}


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a transaction happens, and under which controller."""

    epoch: int
    wall: str  #: ISO 8601, UTC
    boottime: float  #: seconds


@dataclass(frozen=True, slots=True)
class Row:
    """An event as it is stored and hashed: `data` is canonical JSON text."""

    seq: int
    stamp: Stamp
    kind: str
    subject: str
    data: str

    def hash(self, previous: str) -> str:
        """Return ``sha256(previous hash, row)`` as hexadecimal digits."""
        stamp = self.stamp
        words = (self.seq, stamp.epoch, stamp.wall, stamp.boottime, self.kind, self.subject)
        row = "\n".join((previous, *map(str, words), self.data))
        return sha256(row.encode("utf-8", "surrogatepass")).hexdigest()


def is_whole(events: Sequence[Event], previous: str = "") -> bool:
    """Say whether each event follows from the one before; `previous`: the hash before the first."""
    for event in events:
        stamp = Stamp(event.epoch, event.wall, event.boottime)
        row = Row(event.seq, stamp, event.kind, event.subject, canonical(event.data))
        if row.hash(previous) != event.hash:
            return False
        previous = event.hash
    return True


def accepted(
    batch: Batch, digest: str, probes: Sequence[Task], not_before: float, origin: Origin
) -> Data:
    """Return what an accepted batch needs to be told again."""
    return {
        "batch": dump(batch),
        "digest": digest,
        "not_before": not_before,
        "origin": dump(origin),
        "tasks": [_task(probe) for probe in probes],
    }


def applied(application: Application) -> Data:
    """Return what was applied; `at` is the event's own time."""
    data: dict[str, Any] = dump(application)
    data.pop("at", None)
    return data


def planned(job: str, targets: Sequence[Target], gates: Mapping[str, str]) -> Data:
    """Return a job's plan; of each task what is not said by its job.

    `gates`: id -> reason, of the targets that wait for a person.
    """
    shut = {target.name: gates.get(f"{job}/{target.name}") for target in targets}
    return {
        "targets": [
            {
                "name": target.name,
                **({"gate": shut[target.name]} if shut[target.name] else {}),
                "destination": target.destination,
                "notes": list(target.notes),
                "segments": [[s.index, s.start, s.end] for s in target.segments],
                "tasks": [_task(task) for task in target.tasks],
            }
            for target in targets
        ]
    }


def copying(task: Task, *, at_once: bool) -> Data:
    """Return what a job's copy is to bring to cluster storage."""
    return {"tasks": [_task(task)], "at_once": at_once}


def leased(attempt: Attempt) -> Data:
    """Return who was given the task; the event's own number is the lease."""
    return {
        "attempt": attempt.id,
        "node": attempt.node,
        "incarnation": attempt.incarnation,
    }


def settled(settlement: Settlement) -> tuple[str, Data]:
    """Return kind and data of the event for an attempt that was closed."""
    task = settlement.task
    data: dict[str, Any] = {"attempt": settlement.attempt, "state": task.state.value}
    if settlement.is_awaited:
        data["awaited"] = True
    if settlement.accepted:
        data["result"] = settlement.outcome.result
        return "published" if task.kind is Kind.PUBLISH else "accepted", data
    data |= {
        "cause": task.cause.value if task.cause else None,
        "reason": task.reason,
        "counts": [task.tries, task.losses, task.agains, task.waits],
    }
    if settlement.not_before:
        data["not_before"] = settlement.not_before
    if task.state is State.WAITING:
        if task.cause is None:
            data["args"] = task.args
        return REQUEUED.get(task.cause, "requeued"), data
    return "held" if task.state is State.HOLD else task.state.value.lower(), data


def withdrawn(settlement: Settlement) -> tuple[str, Data]:
    """Return kind and data of the event for an acceptance that is taken back."""
    _, data = settled(settlement)
    return "withdrawn", data


def late(settlement: Settlement, attempts: Sequence[str]) -> tuple[str, Data]:
    """Return kind and data of the event for a word that came late; `attempts`: those it replaced.

    A word that is no result says only that the attempt runs no more.
    """
    if not settlement.accepted:
        kind = "late-end" if judge(settlement.outcome) else "late-result"
        return kind, {"attempt": settlement.attempt}
    kind, data = settled(settlement)
    return kind, {**data, "late": True, "attempts": list(attempts)}


def fallen(tasks: Sequence[str], reason: str, attempts: Sequence[str] = ()) -> Data:
    """Return which tasks were cancelled, and which attempts closed with them."""
    return {"tasks": list(tasks), "reason": reason, "attempts": list(attempts)}


def fallen_reason(task: Task) -> str:
    """Return why tasks are cancelled that fall with `task`."""
    return f"{task.id} was given up: {task.reason}" if task.reason else f"{task.id} was given up"


def after_reason(job: str, state: State) -> str:
    """Return why a job is cancelled that comes after one that was not Successful."""
    how = "failed" if state is State.FAILED else "was cancelled"
    return f"it comes after job {job!r}, which {how}"


def _task(task: Task) -> dict[str, object]:
    data = dump(replace(task, job=_ANY))  # of ten thousand segments each would tell of its job
    del data["job"]
    return dict(data)


_ANY = Job(id="", name="", processor="", asks={})
