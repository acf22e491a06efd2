"""What should happen next, given how things stand.  No I/O, no clock, no memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.decide.place import NO_PAST, Needs, Past, Seats, place
from orchestrator.model.node import Member, Report, service_instances
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
    closed: Mapping[str, str] = field(default_factory=dict)  #: node -> why it gets no new work
    lost: Mapping[str, str] = field(default_factory=dict)  #: silent node -> why it is given up
    gone: frozenset[AttemptId] = frozenset()
    #: their node had reported them, and its next life knows nothing of them: proof (R11)
    evicting: frozenset[str] = frozenset()  #: nodes whose work is ended and done elsewhere
    past: Past = NO_PAST


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
class Close:
    """End a part of which nothing is left."""

    part: Tally
    state: State


Action = Lease | Send | Settle | Ack | Kill | Plan | Close


def reconcile(view: View) -> tuple[Action, ...]:
    """Name every action that brings the cluster nearer to what is wanted.

    Level-triggered: the answer depends on the view alone, never on what happened before.
    So there is no code for recovery: a controller that died between `Lease` and `Send` sees
    an attempt that its node does not hold, which is also what a healthy one sees.
    """
    return (
        *_reported(view),
        *_lost(view),
        *_ended(view),
        *_planned(view),
        *_unsent(view),
        *_placed(view),
    )


def _reported(view: View) -> Iterator[Action]:
    """Settle outcomes first, ack them once settled; end what nobody waits for.

    An attempt is that of one node: what another says of it counts for nothing (T13).
    """
    waited_for = {(attempt.node, attempt.id): attempt for attempt in view.attempts}
    for member, report in view.members.items():
        ended = {outcome.attempt for outcome in report.outcomes}
        for outcome in report.outcomes:
            if attempt := waited_for.get((member.node, outcome.attempt)):
                yield Settle(attempt, outcome)
            elif member.node not in view.lost:  # it does not hear; when it is back it will
                yield Ack(member, outcome.attempt)
        for attempt_id, (phase, _) in report.attempts.items():
            wanted = (member.node, attempt_id) in waited_for or attempt_id in ended
            is_unwanted = not wanted or member.node in view.evicting
            if phase.is_live and is_unwanted and member.node not in view.lost:
                yield Kill(member, attempt_id)


def _lost(view: View) -> Iterator[Action]:
    """Give up what a lost node had, unless its last word was how it ended."""
    told = {outcome.attempt for report in view.members.values() for outcome in report.outcomes}
    for attempt in view.attempts:
        if attempt.id in told:
            continue
        if attempt.id in view.gone:
            yield _given_up(attempt, f"node {attempt.node!r} began anew without it")
        elif attempt.node in view.lost:
            yield _given_up(attempt, view.lost[attempt.node])


def _given_up(attempt: Attempt, why: str) -> Settle:
    return Settle(attempt, Outcome(attempt=attempt.id, ending=Ending.LOST, why=why))


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
            evicted = attempt.node in view.evicting  # then a tombstone keeps it from starting
            yield Kill(member, attempt.id) if evicted else Send(attempt, member)


def _placed(view: View) -> Iterator[Action]:
    line = [
        (task, service, needs) for service, tasks in view.ready.items() for task, needs in tasks
    ]
    seats = open_seats(view.members, view.attempts, view.closed)
    for task, member in place(line, seats, view.past):
        yield Lease(task, member)


def open_seats(
    members: Mapping[Member, Report], attempts: Iterable[Attempt], closed: Mapping[str, str]
) -> list[Seats]:
    """Return what each node that takes new work can still take."""
    taken: dict[tuple[str, Service], int] = {}
    for attempt in attempts:
        key = (attempt.node, attempt.service)
        taken[key] = taken.get(key, 0) + 1
    return [
        Seats(
            member=member,
            identity=report.identity,
            free={s: free_instances(member, report, s, taken) for s in Service},
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
