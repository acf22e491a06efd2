"""Which free node a cluster claims next, and which of those it has it lets go (F-MAN-4, F-MAN-5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Free:
    """A node that is not ours, as it announces itself."""

    id: str
    name: str
    services: Mapping[str, int]
    version: str
    held_by: str = ""  #: the cluster that has it; empty: nobody has


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A free node that we have."""

    id: str
    name: str  #: here; two nodes of one name are told apart
    job: str  #: what it was taken for; empty: that is not known any more
    services: Mapping[str, int]
    has_joined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What there is to do."""

    waiting: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    #: service -> job -> how many of its tasks wait for an instance
    spare: Mapping[str, int] = field(default_factory=dict)  #: service -> idle instances
    unfinished: frozenset[str] = frozenset()  #: jobs that are not over
    busy: frozenset[str] = frozenset()  #: nodes with open attempts


@dataclass(frozen=True, slots=True)
class Claim:
    """Take this node, for this job."""

    node: Free
    job: str


def next_claim(
    free: Iterable[Free],
    guests: Iterable[Guest],
    demand: Demand,
    version: str,
    not_now: frozenset[str] = frozenset(),
) -> Claim | None:
    """Return the claim to make now; None: nothing waits, or nobody is free.

    The largest node first.  `version`: of orchestrator, which a node must have; `not_now`: ids of
    those that said no a moment ago.
    """
    ours = {guest.id: guest for guest in guests}
    jobs = {
        service: _first(waiting, _room(service, ours.values(), demand))
        for service, waiting in demand.waiting.items()
    }
    found = [
        Claim(node, job)
        for node in free
        if not node.held_by and node.id not in ours and node.id not in not_now
        if node.version == version
        if (job := next((jobs[name] for name in sorted(jobs) if _helps(node, name, jobs)), ""))
    ]
    return min(
        found, key=lambda claim: (-sum(claim.node.services.values()), claim.node.id), default=None
    )


def leaving(guests: Iterable[Guest], demand: Demand) -> tuple[str, ...]:
    """Return the names of the guests whose job is over: they get no more work."""
    return tuple(guest.name for guest in guests if guest.job not in demand.unfinished)


def dismissed(guests: Iterable[Guest], demand: Demand) -> tuple[str, ...]:
    """Return those of them that have nothing left to do and can go."""
    return tuple(name for name in leaving(guests, demand) if name not in demand.busy)


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """Return `wanted`, or with a number what nobody is called yet: ``mac-07-2``."""
    names = frozenset(taken)
    number, name = 1, wanted
    while name in names:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _room(service: str, guests: Iterable[Guest], demand: Demand) -> int:
    """Return how much can be begun without one more node; those on their way are counted."""
    coming = (guest.services.get(service, 0) for guest in guests if not guest.has_joined)
    return demand.spare.get(service, 0) + sum(coming)


def _first(waiting: Mapping[str, int], room: int) -> str:
    """Return the first job that waits beyond `room`; empty: none does."""
    for job, count in waiting.items():
        room -= count
        if room < 0:
            return job
    return ""


def _helps(node: Free, service: str, jobs: Mapping[str, str]) -> bool:
    return bool(jobs[service]) and node.services.get(service, 0) > 0
