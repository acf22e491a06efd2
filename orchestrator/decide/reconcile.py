"""What should happen next, given how things stand.  No I/O, no clock, no memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.decide.active import within
from orchestrator.decide.blame import NOBODY, Quarantine
from orchestrator.decide.licences import NO_LICENCES, Licences
from orchestrator.decide.place import NO_PAST, Needs, Past, Seats, place
from orchestrator.model.cluster import Limits
from orchestrator.model.node import Member, Phase, Report, service_instances
from orchestrator.model.work import AttemptId, Ending, Job, Outcome, Service, State, Task, TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a task on one node, not yet closed."""

    id: AttemptId
    task: TaskId
    service: Service
    node: str
    incarnation: str
    lease: int  #: sequence number of its `leased` event


@dataclass(frozen=True, slots=True)
class Overdue:
    """An attempt that was closed without its word, and of which its node speaks (R4)."""

    attempt: Attempt
    is_wanted: bool  #: its task is not over: what it made may still count
    is_cancelled: bool = False  #: we have ended it: nothing of it counts any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A batch, job or target that is not yet over, as its counters stand."""

    id: str  #: ``batch``, ``batch/job``, ``batch/job/target``
    level: str  #: batch | job | target
    left: int  #: parts that are not final (tasks of a job or target, jobs of a batch)
    failed: int
    cancelled: int
    reason: str = ""  #: of the first part that failed


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One look at everything a decision may depend on; its size follows the instances."""

    members: Mapping[Member, Report]
    attempts: tuple[Attempt, ...] = ()  #: those still open in the ledger
    travelling: frozenset[AttemptId] = frozenset()  #: on their way to a node, or just delivered
    ready: Mapping[Service, tuple[tuple[Task, Needs], ...]] = field(default_factory=dict)
    #: the next in order, as many as there is room for, never the whole backlog
    unplanned: tuple[Job, ...] = ()
    over: tuple[Tally, ...] = ()
    storage_low: str = ""  #: why cluster storage takes no new work; empty: it does
    crowded: Mapping[str, str] = field(default_factory=dict)  #: job -> why it waits for room there
    closed: Mapping[str, str] = field(default_factory=dict)  #: node -> why it gets no new work
    lost: Mapping[str, str] = field(default_factory=dict)  #: silent node -> why it is given up
    gone: frozenset[AttemptId] = frozenset()
    #: their node had reported them, and its next life knows nothing of them: proof (R11)
    evicting: frozenset[str] = frozenset()  #: nodes whose work is ended and done elsewhere
    overdue: Mapping[AttemptId, Overdue] = field(default_factory=dict)
    #: of what nodes tell and nobody waits for: what was given up in silence
    doubled: frozenset[TaskId] = frozenset()
    #: of these two attempts may run out of our sight: no third one is begun (P3)
    quarantine: Quarantine = NOBODY
    set_aside: Mapping[str, str] = field(default_factory=dict)
    #: node -> why, as the ledger has it; `quarantine` is how it should be
    shut: Mapping[str, str] = field(default_factory=dict)
    #: node outside its window -> why; what has not begun there goes back (F-SCHED-10)
    past: Past = NO_PAST
    limits: Limits = field(default_factory=Limits)
    licences: Licences = NO_LICENCES
    copying: tuple[Bring | Reprobe | Refuse, ...] = ()  #: what follows from who sees which files


@dataclass(frozen=True, slots=True)
class Lease:
    """Store a new attempt of the task on the node."""

    task: Task
    member: Member


@dataclass(frozen=True, slots=True)
class Send:
    """Give a stored attempt to its node's agent."""

    attempt: Attempt
    member: Member


@dataclass(frozen=True, slots=True)
class Settle:
    """Close an attempt in the ledger and move its task on."""

    attempt: Attempt
    outcome: Outcome
    is_awaited: bool = False  #: its node is silent; a word of it may still come
    is_late: bool = False  #: that word


@dataclass(frozen=True, slots=True)
class SetAside:
    """Store that a node is quarantined."""

    node: str
    why: str


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Store that a node's quarantine is over."""

    node: str
    why: str


@dataclass(frozen=True, slots=True)
class Ack:
    """Let the agent forget what the ledger already knows."""

    member: Member
    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class Kill:
    """End an attempt that the ledger no longer wants."""

    member: Member
    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class Plan:
    """Divide a job whose probe is accepted into targets, segments and tasks."""

    job: Job


@dataclass(frozen=True, slots=True)
class Bring:
    """Store the task that copies what a job reads to cluster storage."""

    task: Task
    at_once: bool = False  #: before all other work


@dataclass(frozen=True, slots=True)
class Reprobe:
    """Probe a job once more with changed arguments."""

    job: Job
    changes: Mapping[str, object]
    why: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Fail a job before anything of it has begun."""

    job: Job
    why: str


@dataclass(frozen=True, slots=True)
class Close:
    """End a part of which nothing is left."""

    part: Tally
    state: State


Action = (
    Lease
    | Send
    | Settle
    | SetAside
    | TakeBack
    | Ack
    | Kill
    | Plan
    | Bring
    | Reprobe
    | Refuse
    | Close
)


def reconcile(view: View) -> tuple[Action, ...]:
    """Name every action that brings the cluster nearer to what is wanted.

    Level-triggered: the answer depends on the view alone, never on what happened before.
    So there is no code for recovery: a controller that died between `Lease` and `Send` sees
    an attempt that its node does not hold, which is also what a healthy one sees.
    """
    return (
        *_reported(view),
        *_lost(view),
        *_blamed(view),
        *_ended(view),
        *view.copying,
        *_planned(view),
        *_unsent(view),
        *_placed(view),
    )


def _reported(view: View) -> Iterator[Action]:
    """Settle outcomes first, ack them once settled; end what nobody waits for.

    An attempt is that of one node: what another says of it counts for nothing (T13).
    """
    waited_for = {(attempt.node, attempt.id): attempt for attempt in view.attempts}
    kept = {each.id for each in spared(view.members, view.overdue, view.lost).values()}
    for member, report in view.members.items():
        ended = {outcome.attempt for outcome in report.outcomes}
        for outcome in report.outcomes:
            if attempt := waited_for.get((member.node, outcome.attempt)):
                yield Settle(attempt, outcome)
            elif member.node not in view.lost:  # it does not hear; when it is back it will
                yield _late(view, member, outcome) or Ack(member, outcome.attempt)
        for attempt_id, (phase, _) in sorted(report.attempts.items(), key=_runs):
            wanted = (member.node, attempt_id) in waited_for or attempt_id in ended | kept
            is_shut = member.node in view.shut and phase is Phase.QUEUED
            is_unwanted = not wanted or is_shut or member.node in view.evicting
            if phase.is_live and is_unwanted and member.node not in view.lost:
                yield Kill(member, attempt_id)


def _runs(told: tuple[AttemptId, tuple[Phase, str]]) -> bool:
    """Sort what waits on its node first: it must not begin in the place of what is ended."""
    return told[1][0] is not Phase.QUEUED


def strangers(
    members: Mapping[Member, Report], attempts: Iterable[Attempt]
) -> frozenset[AttemptId]:
    """Return what nodes tell of and nobody waits for: nearly always nothing."""
    told = {id for report in members.values() for id in report.attempts}
    told |= {outcome.attempt for report in members.values() for outcome in report.outcomes}
    return frozenset(told - {attempt.id for attempt in attempts})


def _late(view: View, member: Member, outcome: Outcome) -> Settle | None:
    """Return the settlement of the word of an attempt that was given up; None: nobody awaits it.

    Only a result can count; any other word says that it runs no more (P3).
    """
    overdue = view.overdue.get(outcome.attempt)
    if overdue is None or overdue.attempt.node != member.node:
        return None
    if overdue.is_cancelled:
        outcome = Outcome(attempt=outcome.attempt, ending=Ending.KILLED, why="ended on request")
    return Settle(overdue.attempt, outcome, is_late=True)


def spared(
    members: Mapping[Member, Report],
    overdue: Mapping[AttemptId, Overdue],
    lost: Collection[str],
) -> Mapping[TaskId, Attempt]:
    """Return what goes on although it was given up: of each task that is not over the newest (P3).

    Its node is back and still has it: it keeps its instance, and is not begun once more elsewhere.
    """
    newest: dict[TaskId, Attempt] = {}
    for member, report in members.items():
        if member.node in lost:
            continue
        for id, (phase, _) in report.attempts.items():
            found = overdue.get(id)
            if found and found.is_wanted and phase.is_live and found.attempt.node == member.node:
                known = newest.get(found.attempt.task)
                if known is None or known.lease < found.attempt.lease:
                    newest[found.attempt.task] = found.attempt
    return newest


def _blamed(view: View) -> Iterator[Action]:
    """Let the ledger say which nodes are set aside."""
    for node, blame in view.quarantine.blames.items():
        if view.set_aside.get(node) != blame.why:
            yield SetAside(node, blame.why)
    for node in view.set_aside:
        if node not in view.quarantine.blames and node in view.quarantine.judged:
            yield TakeBack(node, "a task went well there, or no other node is left")


def _lost(view: View) -> Iterator[Action]:
    """Give up what a lost node had, unless its last word was how it ended."""
    told = {outcome.attempt for report in view.members.values() for outcome in report.outcomes}
    for attempt in view.attempts:
        if attempt.id in told:
            continue
        if attempt.id in view.gone:
            yield _given_up(attempt, f"node {attempt.node!r} began anew without it")
        elif attempt.node in view.lost and attempt.task not in view.doubled:
            yield _given_up(attempt, view.lost[attempt.node], is_awaited=True)


def _given_up(attempt: Attempt, why: str, *, is_awaited: bool = False) -> Settle:
    outcome = Outcome(attempt=attempt.id, ending=Ending.LOST, why=why)
    return Settle(attempt, outcome, is_awaited=is_awaited)


def _ended(view: View) -> Iterator[Action]:
    for part in view.over:
        yield Close(part, ended(part))


def _planned(view: View) -> Iterator[Action]:
    for job in view.unplanned:
        yield Plan(job)


def _unsent(view: View) -> Iterator[Action]:
    """Send what its node does not hold, also to the node's next life: its spool is the proof."""
    by_node = {member.node: (member, report) for member, report in view.members.items()}
    for attempt in view.attempts:
        member, report = by_node.get(attempt.node, (None, None))
        if member is None or report is None or attempt.id in view.travelling | view.gone:
            continue
        if attempt.node in view.lost:
            continue
        told = {outcome.attempt for outcome in report.outcomes}
        if attempt.id not in report.attempts and attempt.id not in told:
            evicted = attempt.node in view.evicting or attempt.node in view.shut
            # then a tombstone keeps it from starting
            yield Kill(member, attempt.id) if evicted else Send(attempt, member)


def _placed(view: View) -> Iterator[Action]:
    kept = spared(view.members, view.overdue, view.lost)
    line = [
        (task, service, needs)
        for service, tasks in view.ready.items()
        for task, needs in tasks
        if task.id not in kept
    ]
    probing = set(view.quarantine.probing)
    taken = (*view.attempts, *kept.values())
    seats = open_seats(view.members, taken, view.closed, view.quarantine.probing)
    placed = place(line, seats, view.past, view.licences)
    for task, member in within(placed, [each.task for each in view.attempts], view.limits):
        if member.node in view.quarantine.probing:
            if member.node not in probing:  # one task of any service is a probe
                continue
            probing.remove(member.node)
        yield Lease(task, member)


def open_seats(
    members: Mapping[Member, Report],
    attempts: Iterable[Attempt],
    closed: Mapping[str, str],
    probing: frozenset[str] = frozenset(),
) -> list[Seats]:
    """Return what each node that takes new work can still take; one in `probing` a single task."""
    taken: dict[tuple[str, Service], int] = {}
    for attempt in attempts:
        key = (attempt.node, attempt.service)
        taken[key] = taken.get(key, 0) + 1
    return [
        Seats(
            member=member,
            identity=report.identity,
            free={
                s: min(free, 1) if member.node in probing else free
                for s in Service
                for free in (free_instances(member, report, s, taken),)
            },
        )
        for member, report in members.items()
        if member.node not in closed
    ]


def free_instances(
    member: Member, report: Report, service: Service, taken: Mapping[tuple[str, Service], int]
) -> int:
    """Return how many more tasks of the service the member may be given."""
    return service_instances(report.identity, service) - taken.get((member.node, service), 0)


def ended(part: Tally) -> State:
    """Return the state of a part of which nothing is left (F-MON-4)."""
    if part.failed:
        return State.FAILED
    return State.CANCELLED if part.cancelled else State.SUCCESSFUL
