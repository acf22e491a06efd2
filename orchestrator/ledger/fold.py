"""The state that the events alone tell, to hold the rows against (I7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.ledger.protocol import Event
from orchestrator.ledger.rows import lineage
from orchestrator.model.work import State

Data = Mapping[str, Any]  # JSON: what a kind of event holds beside its subject

BEGINS_ANEW = frozenset({"replanned", "retried"})


@dataclass(slots=True)
class Told:
    """Batches, jobs, targets and tasks as told so far; what was compacted away is not there."""

    parts: dict[str, dict[str, State]] = field(default_factory=dict)  #: by batch: Waiting = open
    steps: dict[str, dict[str, State]] = field(default_factory=dict)  #: tasks by job
    holds: set[str] = field(default_factory=set)  #: ids that a person, or a gate, has paused
    gates: set[str] = field(default_factory=set)  #: targets whose gate nobody has opened
    paused_nodes: set[str] = field(default_factory=set)

    @property
    def tasks(self) -> dict[str, State]:
        """Every task's state, whether paused or not."""
        return {id: state for job in self.steps.values() for id, state in job.items()}

    @property
    def all_parts(self) -> dict[str, State]:
        """Every batch, job and target: Waiting until it is closed."""
        return {id: state for batch in self.parts.values() for id, state in batch.items()}


def fold(events: Iterable[Event]) -> Told:
    """Return what events tell, from the first that is kept on."""
    told = Told()
    for event in events:
        hear(told, event.kind, event.subject, event.data)
    return told


def hear(told: Told, kind: str, subject: str, data: Data) -> None:
    """Take in one event."""
    if kind in ("node-paused", "node-resumed"):
        (told.paused_nodes.add if kind == "node-paused" else told.paused_nodes.discard)(subject)
    elif kind == "compacted":
        _forget(told, subject, data)
    elif (kind == "accepted" and "batch" in data) or _batch(subject) in told.parts:
        _hear_work(told, kind, subject, data)


def _hear_work(told: Told, kind: str, subject: str, data: Data) -> None:
    for task, state in _moves(told, kind, subject, data):
        _put(told.steps.setdefault(job_of(task), {}), task, state)
    _close_or_open(told, kind, subject, data)
    _hear_gates(told, kind, subject, data)
    if kind == "paused":
        told.holds.add(subject)
    elif told.holds and (kind == "resumed" or "level" in data):
        told.holds = {id for id in told.holds if subject not in lineage(id)}


def _hear_gates(told: Told, kind: str, subject: str, data: Data) -> None:
    """Follow the gates: a plan shuts them, another drops them, and who resumes opens them."""
    if kind in BEGINS_ANEW:
        anew = {*_anew(kind, subject, data)}
        dropped = {id for id in told.gates if job_of(id) in anew}
        told.gates -= dropped
        told.holds -= dropped
        told.holds.update(data.get("gates", ()))
    elif kind == "planned":
        shut = {f"{subject}/{each['name']}" for each in data["targets"] if each.get("gate")}
        told.gates |= shut
        told.holds |= shut
    elif kind == "resumed":
        told.gates -= {id for id in told.gates & told.holds if subject in lineage(id)}


def _moves(told: Told, kind: str, subject: str, data: Data) -> Iterator[tuple[str, State | None]]:
    """Yield the tasks that an event moves, with their state; None: it is no longer there."""
    if kind == "copying" or (kind == "accepted" and "batch" in data):
        yield from ((task["id"], State.WAITING) for task in data["tasks"])
    elif kind == "planned":
        for each in data["targets"]:
            yield from ((task["id"], State.WAITING) for task in each["tasks"])
    elif kind == "leased":
        yield subject, State.PROCESSING
    elif "state" in data:
        yield subject, State(data["state"])
    elif kind in BEGINS_ANEW:
        for job in _anew(kind, subject, data):
            probe = f"{job}/probe"
            for task in set(told.steps.get(job, ())) - {*data.get("kept", ())}:
                yield task, State.WAITING if task == probe else None
        yield from ((task, State.WAITING) for task in data.get("tasks", ()))
    else:
        to = State.WAITING if kind == "paused" else State.CANCELLED
        yield from ((task, to) for task in data.get("tasks", ()))


def _close_or_open(told: Told, kind: str, subject: str, data: Data) -> None:
    """Follow the parts that an event makes, opens and closes."""
    if kind == "accepted" and "batch" in data:
        jobs = {job["id"]: State.WAITING for job in data["batch"]["jobs"]}
        told.parts[subject] = {subject: State.WAITING, **jobs}
        return
    parts = told.parts[_batch(subject)]
    if kind == "planned":
        parts |= {f"{subject}/{each['name']}": State.WAITING for each in data["targets"]}
    elif kind in BEGINS_ANEW:
        for job in _anew(kind, subject, data):
            for part in [part for part in parts if part.startswith(f"{job}/")]:
                del parts[part]
        opened = [_batch(subject), subject, *data.get("parts", ())]  # a job opens its batch, too
        parts |= {part: State.WAITING for part in opened if len(lineage(part)) <= 3}
    elif "level" in data:
        parts[subject] = State(kind.capitalize())


def _forget(told: Told, subject: str, data: Data) -> None:
    """Take in that a batch has left, or the events up to one: what these said stands in `data`."""
    for job in told.parts.pop(subject, ()):
        told.steps.pop(job, None)
    told.holds = {id for id in told.holds if _batch(id) != subject}
    told.gates = {id for id in told.gates if _batch(id) != subject}
    if "paused_nodes" in data:
        told.paused_nodes = set(data["paused_nodes"])


def _anew(kind: str, subject: str, data: Data) -> Sequence[str]:
    return [subject] if kind == "replanned" else data["restart"]


def _put(tasks: MutableMapping[str, State], task: str, state: State | None) -> None:
    if state is None:
        tasks.pop(task, None)
    else:
        tasks[task] = state


def _batch(id: str) -> str:
    return id.partition("/")[0]


def job_of(task: str) -> str:
    """Return the id of the job that a task belongs to."""
    return "/".join(task.split("/", 2)[:2])
