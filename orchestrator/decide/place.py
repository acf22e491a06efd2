"""Which node takes which task: only one that can, the one with most room first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.model.node import Identity, Member
from orchestrator.model.work import Job, Kind, Service, Task

SPARING = frozenset({Kind.VERIFY, Kind.PUBLISH, Kind.ACTION})
"""Kinds that leave next to nothing on cluster storage, and whose end makes room there."""

Needs = Mapping[str, tuple[tuple[str, str], ...]]  #: program -> (part, who needs it), as in Review


@dataclass(frozen=True, slots=True, kw_only=True)
class Seats:
    """What one member can still take."""

    member: Member
    identity: Identity
    free: Mapping[Service, int]


def place(
    ready: Sequence[tuple[Task, Service, Needs]], seats: Sequence[Seats]
) -> tuple[tuple[Task, Member], ...]:
    """Return who does what: tasks in the order given, each on the member with most free room."""
    free = {(each.member, service): n for each in seats for service, n in each.free.items()}
    placed: list[tuple[Task, Member]] = []
    for task, service, needs in ready:
        able = [
            each.member
            for each in seats
            if free.get((each.member, service), 0) > 0
            and lacks(task.job, needs, each.identity) is None
        ]
        if able:
            chosen = max(able, key=lambda member: (free[member, service], member.node))
            free[chosen, service] -= 1
            placed.append((task, chosen))
    return tuple(placed)


def lacks(job: Job, needs: Needs, identity: Identity) -> str | None:
    """Return why this node cannot do the job, in one sentence with the way out; None: it can."""
    for name in (*needs, *job.requires):
        program = identity.program(name)
        if program is None:
            return f"it has no {name}: no plugin looks for that program on a node"
        if not program.path:
            return program.why or f"it has no {name}: install it, or name it in `programs`"
        for part, who in needs.get(name, ()):
            if part not in program.parts:
                where = f"{name} {program.version} ({program.path})"
                return f"{where} has no encoder {part}, needed by {who}."
    return _too_old(job, identity)


def _too_old(job: Job, identity: Identity) -> str | None:
    """Compare ``requires: {ffmpeg: ">=6.1"}`` with what the node has."""
    for name, wanted in job.requires.items():
        if not wanted.startswith(">="):
            return f'requires: {name}: {wanted!r} is no condition; write it as ">=6.1"'
        program = identity.program(name)
        if program and _numbers(program.version) < _numbers(wanted):
            return f"{name} {program.version} ({program.path}) is too old: job asks for {wanted}"
    return None


def _numbers(version: str) -> tuple[int, ...]:
    digits = version.lstrip(">=nv ").split("-")[0].split(".")
    return tuple(int(part) for part in digits if part.isdigit())
