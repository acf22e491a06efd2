"""Which node takes which task: only one that can, the one with most room first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from orchestrator.decide import versions
from orchestrator.decide.licences import NO_LICENCES, Licences, Pool
from orchestrator.model.node import Identity, Member, Program, service_instances
from orchestrator.model.work import Job, Kind, Review, Service, Task, TaskId

SPARING = frozenset({Kind.VERIFY, Kind.PUBLISH, Kind.ACTION})
"""Kinds that leave next to nothing on cluster storage, and whose end makes room there."""

SEGMENT_SLASHES = 4

Needs = Mapping[str, tuple[tuple[str, str], ...]]  #: program -> (part, who needs it), as in Review
PLAIN: Needs = MappingProxyType({})
"""Of a task that runs nothing of what its job needs, and may be done without (`Review.plain`)."""

Builds = Mapping[str, str]  #: program -> sha256 of its binary


@dataclass(frozen=True, slots=True, kw_only=True)
class Seats:
    """What one member can still take."""

    member: Member
    identity: Identity
    free: Mapping[Service, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What earlier attempts say about where the next ones go."""

    failed: Mapping[TaskId, frozenset[str]] = field(default_factory=dict)
    #: task -> nodes that it failed or crashed on: another one is tried first (F-REC-9)
    builds: Mapping[str, Builds] = field(default_factory=dict)
    #: target -> program builds that its segments were begun with (F-ROLE-6)
    unseen: frozenset[str] = frozenset()  #: silent nodes on which something may still run
    doubled: frozenset[TaskId] = frozenset()
    #: tasks of which two attempts may still run there: they wait (P3)
    blind: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: job or copy task -> node that does not see what is read -> what it does not see (F-STOR-9)

    def blind_of(self, task: Task) -> Mapping[str, str]:
        """Return the nodes that are given nothing of this, each with the reason."""
        return self.blind.get(task.id if task.kind is Kind.COPY else task.job.id, {})


NO_PAST = Past()


def place(
    ready: Sequence[tuple[Task, Service, Needs]],
    seats: Sequence[Seats],
    past: Past = NO_PAST,
    licences: Licences = NO_LICENCES,
) -> tuple[tuple[Task, Member], ...]:
    """Return who does what: tasks in the order given, each on the member with most free room.

    A task that failed on some of those that can do it waits for one of the others, and one whose
    licence is in use for that.
    """
    pool = Pool(licences)
    free = {(each.member, service): n for each in seats for service, n in each.free.items()}
    builds = dict(past.builds)
    memory: dict[tuple[object, ...], list[Seats]] = {}  # tasks of one target are much alike
    placed: list[tuple[Task, Member]] = []
    for task, service, needs in ready:
        if task.id in past.doubled:
            continue
        target = target_of(task.id) if task.segment is not None else ""
        is_render = task.kind is Kind.RENDER
        is_copy = task.kind is Kind.COPY
        kind = (is_render, is_copy, needs is PLAIN)
        key = (task.job.id, tuple(needs), service, *kind, target, target in builds)
        if key not in memory:
            able = _able(task, service, needs, seats, builds)
            blind = past.blind_of(task)
            memory[key] = [each for each in able if each.member.node not in blind]
        failed = past.failed.get(task.id, frozenset())
        others = [each for each in memory[key] if each.member.node not in failed]
        open_now = [
            each
            for each in others or memory[key]
            if free.get((each.member, service), 0) > 0 and pool.has(task, each.member.node)
        ]
        if open_now:
            chosen = max(open_now, key=lambda each: (free[each.member, service], each.member.node))
            free[chosen.member, service] -= 1
            pool.take(task, chosen.member.node)
            placed.append((task, chosen.member))
            if target and needs is not PLAIN:
                builds.setdefault(target, builds_of(needs, chosen.identity))
    return tuple(placed)


def _able(
    task: Task,
    service: Service,
    needs: Needs,
    seats: Sequence[Seats],
    builds: Mapping[str, Builds],
) -> list[Seats]:
    """Return who can do the task, busy or not."""
    return [
        each
        for each in seats
        if service_instances(each.identity, service) > 0
        and refuses(task, needs, each.identity, builds) is None
    ]


def refuses(
    task: Task, needs: Needs, identity: Identity, builds: Mapping[str, Builds]
) -> str | None:
    """Return why this node is not given the task, in one sentence; None: it may be."""
    if identity.bare and task.kind is not Kind.RENDER:
        return "it is an extended node: it is given render commands alone"
    if needs is PLAIN:
        return None
    if (why := lacks(task.job, needs, identity)) is not None:
        return why
    begun = builds.get(target_of(task.id), {}) if task.segment is not None else {}
    for name, build in begun.items():
        program = identity.program(name)
        if program is None or program.sha256 != build:
            return (
                f"its {name} is another build than the one that {target_of(task.id)} was begun "
                "with; it does other targets"
            )
    return None


def needed(task: Task, review: Review) -> Needs:
    """Return what a node must have for the task, as its processor says it."""
    return PLAIN if task.kind in review.plain else review.needs


def refusals(
    tasks: Iterable[tuple[Task, Needs]],
    nodes: Mapping[str, Identity],
    past: Past,
) -> Mapping[TaskId, Mapping[str, str]]:
    """Return task -> node -> why it is not given the task; only what is refused by somebody."""
    found = ((task, _refusing(task, needs, nodes, past)) for task, needs in tasks)
    return {task.id: said for task, said in found if said}


def _refusing(
    task: Task, needs: Needs, nodes: Mapping[str, Identity], past: Past
) -> dict[str, str]:
    service, blind = task.job.service, past.blind_of(task)
    said: dict[str, str | None] = {
        name: refuses(task, needs, identity, past.builds) or blind.get(name)
        if service_instances(identity, service)
        else f"it offers no {service.value} service"
        for name, identity in sorted(nodes.items())
    }
    return {name: why for name, why in said.items() if why}


def target_of(task: TaskId) -> str:
    """Return the id of the target that a task of a segment belongs to."""
    return "/".join(task.split("/")[:3])


def is_segment(task: TaskId) -> bool:
    """Whether a task is one of many of its target: ``batch/job/target/segment/kind``."""
    return task.count("/") == SEGMENT_SLASHES and not task.endswith(f"/{Kind.ACTION.value}")


def builds_of(needs: Needs, identity: Identity) -> Builds:
    """Return the builds that a node would do a job with."""
    found = {name: identity.program(name) for name in needs}
    return {name: program.sha256 for name, program in found.items() if program}


def lacks(job: Job, needs: Needs, identity: Identity) -> str | None:
    """Return why this node cannot do the job, in one sentence with the way out; None: it can."""
    for name in dict.fromkeys((*needs, *job.requires)):
        program = identity.program(name)
        if program is None:
            where = "an extended node" if identity.bare else "a node"
            return f"it has no {name}: no plugin looks for it on {where}"
        if not program.is_there:
            return program.why or f"it has no {name}: install it, or name it in `programs`"
        for part, who in needs.get(name, ()):
            if part not in program.parts:
                where = f"{name} {program.version} ({program.path})"
                kind, _, short = part.rpartition(":")  # as filter:zscale; an encoder is plain
                return f"{where} has no {kind or 'encoder'} {short}, needed by {who}."
        if (why := _unsuited(program, job.requires.get(name, "*"))) is not None:
            return why
    return None


def _unsuited(program: Program, wanted: str) -> str | None:
    """Compare ``requires: {ffmpeg: ">=6.1"}`` with what the node has."""
    if why := versions.fault(wanted):  # of a batch that was accepted by an earlier version
        return f"requires: {program.name}: {why}"
    if versions.fits(program.version, wanted):
        return None
    where = f" ({program.path})" if program.path else ""
    if versions.comparable(program.version) is None:
        told = (
            f"tells no version but {program.version!r}" if program.version else "tells no version"
        )
        return f"{program.name}{where} {told}, and the job requires {wanted}"
    return f"{program.name} {program.version}{where} is not what the job requires: {wanted}"
