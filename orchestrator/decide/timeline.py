"""What happened to a batch, in order: the ledger's events to sentences for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from orchestrator.model.record import Happening

HAPPENINGS_MAX = 1000
"""So many are told, the last ones; how many came before is counted."""

ORDINARY = frozenset({"leased", "accepted"})
"""Kinds that are summed up where they are about tasks below what was asked about."""

WORK = "work"
"""The kind of what is summed up."""

Data = Mapping[str, Any]  # JSON, as each kind of event holds it


class Told(Protocol):
    """An event of the ledger."""

    @property
    def wall(self) -> str:
        """When it was: ISO 8601, UTC."""

    @property
    def kind(self) -> str:
        """What it was."""

    @property
    def subject(self) -> str:
        """The id it is about."""

    @property
    def data(self) -> Mapping[str, object]:
        """What it says besides."""


def timeline(events: Iterable[Told], id: str) -> tuple[Happening, ...]:
    """Return what happened to `id`, oldest first, of `events` about it, its parts and its parents.

    Of tasks below it, what goes well is summed up; what does not is told one by one.
    """
    found: list[Happening] = []
    left_out = 0
    for happening in _told(events, id):
        found.append(happening)
        if len(found) > 2 * HAPPENINGS_MAX:
            left_out += len(found) - HAPPENINGS_MAX
            del found[:-HAPPENINGS_MAX]
    left_out += max(0, len(found) - HAPPENINGS_MAX)
    found = found[-HAPPENINGS_MAX:]
    if not left_out:
        return tuple(found)
    says = f"{left_out} earlier ones are left out; ask for a job, target or segment of it"
    first = Happening(at=found[0].at, kind="left-out", subject=id, says=says)
    return (first, *found)


def _told(events: Iterable[Told], id: str) -> Iterator[Happening]:
    """Yield each happening; consecutive ordinary ones of tasks below `id` as one."""
    nodes: dict[str, str] = {}  # attempt -> node
    gathered: list[Told] = []
    for event in events:
        if event.kind == "leased":
            nodes[str(event.data["attempt"])] = str(event.data["node"])
        if not _concerns(event, id):
            continue
        if _is_ordinary(event, id):
            gathered.append(event)
            continue
        yield from _summed(gathered, id, nodes)
        gathered.clear()
        yield _happening(event, nodes)
    yield from _summed(gathered, id, nodes)


def _concerns(event: Told, id: str) -> bool:
    """Whether an event about a part above `id` has to do with it: of tasks, those it names."""
    if event.subject == id or event.subject.startswith(f"{id}/"):
        return True
    tasks = event.data.get("tasks")
    if event.kind in {"accepted", "planned"} or not isinstance(tasks, list | tuple) or not tasks:
        return True
    return any(task == id or str(task).startswith(f"{id}/") for task in tasks)


def _is_ordinary(event: Told, id: str) -> bool:
    return event.kind in ORDINARY and event.subject != id and "batch" not in event.data


def _summed(events: Sequence[Told], id: str, nodes: Mapping[str, str]) -> Iterator[Happening]:
    if not events:
        return
    if len(events) == 1:
        yield _happening(events[0], nodes)
        return
    counts = Counter(event.kind for event in events)
    given = sorted({str(e.data["node"]) for e in events if e.kind == "leased"})
    parts = []
    if counts["leased"]:
        parts.append(f"{_number(counts['leased'], 'task')} given to {_some(given)}")
    if counts["accepted"]:
        parts.append(f"{_number(counts['accepted'], 'result')} accepted")
    yield Happening(
        at=events[0].wall,
        until=events[-1].wall,
        kind=WORK,
        subject=id,
        says=", ".join(parts),
    )


def _happening(event: Told, nodes: Mapping[str, str]) -> Happening:
    return Happening(
        at=event.wall, kind=event.kind, subject=event.subject, says=_sentence(event, nodes)
    )


def _sentence(event: Told, nodes: Mapping[str, str]) -> str:
    data = event.data
    if event.kind == "accepted" and "batch" in data:
        return _accepted(data)
    if "level" in data:
        return _ended(event)
    if "state" in data and "attempt" in data:
        return _settled(event, nodes)
    say = _SAY.get(event.kind)
    if say is not None:
        return say(data)
    reason = str(data.get("reason") or "")
    return f"{event.kind}: {reason}" if reason else event.kind


def _accepted(data: Data) -> str:
    batch = data["batch"]
    jobs = _number(len(batch.get("jobs", ())), "job")
    return f"accepted with {jobs}, priority {batch.get('priority', 'medium')}"


def _ended(event: Told) -> str:
    return _because(f"the {event.data['level']} is {event.kind.capitalize()}", event.data)


def _settled(event: Told, nodes: Mapping[str, str]) -> str:
    """Say how an attempt came out, and what becomes of its task."""
    data = event.data
    attempt = str(data["attempt"])
    where = f"attempt {attempt} on {nodes[attempt]}" if attempt in nodes else f"attempt {attempt}"
    if event.kind == "published":
        destination = _result(data).get("destination")
        return f"{where} published {destination}" if destination else f"{where} published it"
    if event.kind == "accepted":
        return f"{where} was accepted"
    then = _THEN.get(event.kind, f"it is {data['state']}")
    reason = data.get("reason")
    return f"{where} {_HOW.get(event.kind, 'ended')}{f': {reason}' if reason else ''}; {then}"


def _result(data: Data) -> Data:
    result = data.get("result")
    return result if isinstance(result, Mapping) else {}


_HOW = {
    "failed-requeued": "failed",
    "failed": "failed",
    "lost-requeued": "was lost",
    "unready": "could not begin",
    "again": "asked for another try",
    "cancelled": "was cancelled",
    "withdrawn": "is accepted no longer",
}
_THEN = {
    "failed-requeued": "it is tried again",
    "lost-requeued": "it is given out again",
    "unready": "it is tried again by itself, which costs no try",
    "again": "it is done again",
    "requeued": "it waits again",
    "held": "it is on Hold: a person decides",
    "failed": "it is given up",
}


NOTHING_TO_DO = "planned: nothing is to be done"


def _planned(data: Data) -> str:
    targets = data["targets"]
    segments = sum(len(each.get("segments", ())) for each in targets)
    tasks = sum(len(each["tasks"]) for each in targets)
    counts = {"target": len(targets), "segment": segments, "task": tasks}
    said = [_number(count, what) for what, count in counts.items() if count]
    gates = [f"; {each['name']} waits for a person" for each in targets if each.get("gate")]
    return f"planned: {', '.join(said)}{''.join(gates)}" if said else NOTHING_TO_DO


def _leased(data: Data) -> str:
    return f"attempt {data['attempt']} given to {data['node']}"


def _cancelled(data: Data) -> str:
    return _because(f"{_number(len(data.get('tasks', ())), 'task')} cancelled", data)


def _paused(data: Data) -> str:
    stopped = len(data.get("attempts", ()))
    more = f"; {_number(stopped, 'attempt')} stopped, to start over" if stopped else ""
    return f"a person paused it{more}"


def _retried(data: Data) -> str:
    anew = f", {_number(len(data['restart']), 'job')} from the start" if data.get("restart") else ""
    return f"a person let it be tried again: {_number(len(data.get('tasks', ())), 'task')}{anew}"


def _reprioritized(data: Data) -> str:
    return f"its priority is now {data.get('priority', 'another')}"


def _collected(data: Data) -> str:
    return f"its files are gone from cluster storage: {_number(data.get('attempts', 0), 'attempt')}"


def _late_result(data: Data) -> str:
    return f"attempt {data['attempt']}, which was given up, came back; its result is not needed"


_SAY: Mapping[str, Callable[[Data], str]] = {
    "planned": _planned,
    "replanned": lambda data: _because("planned anew", data),
    "leased": _leased,
    "cancelled": _cancelled,
    "paused": _paused,
    "resumed": lambda data: "a person lets it go on",
    "retried": _retried,
    "reprioritized": _reprioritized,
    "collected": _collected,
    "late-result": _late_result,
    "late-end": lambda data: f"attempt {data['attempt']}, which was given up, runs no more",
}


def _because(says: str, data: Data) -> str:
    reason = data.get("reason")
    return f"{says}: {reason}" if reason else says


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


NAMED_MAX = 5


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more
