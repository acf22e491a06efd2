"""The ledger in our words.  Every writing method is one transaction and as many event rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.decide.collect import Fate as Fate
from orchestrator.decide.reconcile import Attempt as Attempt
from orchestrator.decide.reconcile import Overdue as Overdue
from orchestrator.decide.reconcile import Tally as Tally
from orchestrator.decide.settle import Reach as Reach
from orchestrator.model.cluster import Cluster, Node
from orchestrator.model.node import Member
from orchestrator.model.notice import Letter
from orchestrator.model.record import AttemptRecord as AttemptRecord
from orchestrator.model.record import Standing as Standing
from orchestrator.model.talk import Sheet
from orchestrator.model.work import (
    AttemptId,
    Batch,
    Job,
    Kind,
    Outcome,
    Priority,
    Result,
    Service,
    State,
    Target,
    Task,
    TaskId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What becomes of an attempt and its task, decided by `decide.settle`."""

    attempt: AttemptId
    outcome: Outcome
    task: Task  #: as it stands afterwards
    accepted: bool = False
    reach: Reach = Reach.NOTHING
    not_before: float = 0.0  #: Unix seconds; a waiting task is not ready earlier
    is_awaited: bool = False  #: given up in silence: a word of it may still come (R4)
    is_late: bool = False  #: that word: the attempt was closed before, and it may still count
    is_withdrawn: bool = False  #: it was accepted, and is to be done again (T21, a `Rework`)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who sent a batch, and under which key (R6)."""

    owner: str = ""  #: id of the client's token; empty: the controller's own user
    sent_by: str = ""  #: as the client calls itself
    key: str = ""  #: the same key again is the same batch; empty: none was given
    body: str = ""  #: digest of what was sent under the key


HERE = Origin()
"""The controller's own user, who needs no key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What `apply` was told: the manifests as text, and the cluster they describe."""

    revision: str
    cluster: Cluster
    sheets: tuple[Sheet, ...] = ()
    commit: str = ""  #: of git; empty: not known
    at: str = ""  #: ISO 8601 with zone; the ledger's own clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of the chain: ``hash = sha256(previous hash, row)``."""

    seq: int
    epoch: int
    wall: str
    boottime: float
    kind: str
    subject: str
    data: Mapping[str, object]
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Only:
    """Which tasks of a line are asked for."""

    kinds: frozenset[Kind] | None = None  #: None: any
    passing: frozenset[str] = frozenset()  #: ids of jobs that are read past in the index
    unlicensed: frozenset[str] = frozenset()  #: the same, of jobs whose renders alone are
    targets: frozenset[str] | None = None  #: ids; of these, and of no target; None: of any


ANY = Only()


class Ledger(Protocol):
    """What is stored outlives the controller; what is not stored never happened."""

    @property
    def id(self) -> str:
        """Six hexadecimal digits, made once: the first part of every attempt's id."""

    @property
    def epoch(self) -> int:
        """One more at each opening for writing."""

    # -- batches

    def next_id(self, name: str) -> str:
        """Return ``name-NNNN`` for the next batch of that name."""

    def newest(self, digest: str) -> tuple[str, State] | None:
        """Return id and state of the newest batch of this digest."""

    def accept(
        self,
        batch: Batch,
        digest: str,
        probes: Sequence[Task],
        not_before: float = 0.0,
        origin: Origin = HERE,
    ) -> None:
        """Store a batch whose jobs and ids are complete, its probe tasks and who waits for whom.

        A job without a probe task is `unplanned` at once when the jobs it comes after are
        Successful.  LedgerError if the id exists, or the key of `origin`.
        """

    def submission(self, key: str) -> tuple[str, str] | None:
        """Return which batch was made of what was sent under `key`, and the digest of that."""

    def keep_key(self, key: str, body: str, batch: str) -> None:
        """Store that `key` came to a batch that was there already; the first time counts."""

    def retry(self, id: str, restart: Sequence[str] = ()) -> None:
        """Give what failed, was cancelled or is held fresh tries; what was accepted stays.

        `id`: a batch; or a job or a part of one, with which what it needs is tried again, and the
        jobs that it comes after.  A segment or task takes with it what needs it in its target.  Of
        the jobs in reach those in `restart` (ids) begin anew with their probe.
        """

    def close_part(self, id: str, level: str, state: State, reason: str) -> None:
        """End a batch, job or target; a job that ends frees or cancels those that come after."""

    # -- what a person pauses, cancels

    def pause(self, id: str, *, stop: bool = False) -> bool:
        """Keep the waiting tasks at or below `id` out of line; False, and no event, if they were.

        `id` names a batch, job, target, segment or task.  With `stop` open attempts are closed as
        cancelled, and their tasks wait again with their counts as they were.  A part that is over
        is not paused.
        """

    def resume(self, id: str) -> bool:
        """Lift the pauses at and below `id`; False if there is none.

        What a pause above `id` holds stays held.
        """

    def paused(self, under: str = "") -> tuple[str, ...]:
        """Return the ids at or below `under` that a person has paused (empty: all), in order."""

    def reprioritize(self, batch: str, priority: Priority) -> bool:
        """Let an open batch go before or behind others from now on; False if it was so, or is over.

        What runs goes on.
        """

    def cancel(self, id: str, reason: str) -> bool:
        """End a part for good: its open attempts are closed, its tasks Cancelled; twice is once.

        A batch of which nothing is left then is `over`, and closed as any other.  A segment or task takes its whole target with it, for no file comes of the rest; one that
        belongs to no target, its job; an action, nothing.  False, and no event, if it was over.
        """

    # -- plans

    def unplanned(self) -> tuple[Job, ...]:
        """Return the jobs whose probe is accepted (or that have none) and that have no plan yet."""

    def plan(self, job: str, targets: Sequence[Target]) -> None:
        """Store the targets and tasks of a job; doing it twice is doing it once."""

    def plan_failed(self, job: str, reason: str) -> None:
        """Fail a job that cannot be planned."""

    def copy(self, task: Task, *, at_once: bool = False) -> bool:
        """Store the copy task of an open job; what of it needs nothing yet needs that from now on.

        `at_once`: before all other work, whatever time or job the job waits for (F-STOR-12).  False,
        and no event, if the job has one or is over.
        """

    def early(self) -> tuple[Job, ...]:
        """Return the jobs with `copyAtSubmit` that have no copy task and have not begun, in order."""

    def replan(
        self, job: str, changes: Mapping[str, object], reason: str, *, keeps: bool = False
    ) -> None:
        """Drop the job's plan and let its probe run again with `changes` laid over its arguments.

        Its open attempts are closed as cancelled; its copy task goes, too, unless it is accepted and
        `keeps` says that it stays.
        """

    # -- attempts

    def ready(
        self,
        service: Service,
        limit: int,
        now: float,
        only: Only = ANY,
    ) -> tuple[Task, ...]:
        """Return the next tasks in line; costs the same however long the line is.

        In line: Waiting, not paused, nothing missing, `not_before` over.  In order: priority; then
        each time the batch that has the fewest instances of the service, counting those given here,
        and among equals the one that was submitted first (F-SUB-3); then weight (heaviest first),
        position.
        """

    def lease(self, pairs: Sequence[tuple[Task, Member]]) -> tuple[Attempt, ...]:
        """Store an attempt each, and its task as Processing; a task no longer in line is left out."""

    def sent(self, commands: Mapping[AttemptId, str]) -> None:
        """Keep the words of commands for people; no event."""

    def open_attempts(self) -> tuple[Attempt, ...]:
        """Return every attempt not yet closed, oldest first."""

    def settle(self, settlements: Sequence[Settlement]) -> tuple[bool, ...]:
        """Close attempts and move their tasks; False, and nothing done, if closed before.

        An accepted one becomes the task's pointer by compare-and-set (R1) and frees the tasks
        that need it.  A late one that is accepted while its task is not over takes the place of the
        open attempt, which is closed as cancelled; any other is only noted (R4).  One that is
        withdrawn is no longer the task's pointer, and what needs that lacks it again (T21); with
        other arguments its task is another one, to which no late word belongs.
        """

    def overdue(self, ids: Collection[AttemptId]) -> Mapping[AttemptId, Overdue]:
        """Return those of the attempts that were closed without their word, not heard of since.

        Given up in silence, or cancelled.
        """

    def awaited(self, tasks: Collection[TaskId]) -> Mapping[TaskId, tuple[str, ...]]:
        """Return the node of each attempt of the tasks that we have closed without its word, by task.

        Given up in silence, and not heard of since; or ended because a person wanted it so.
        """

    def node_attempts(self, node: str, limit: int) -> tuple[AttemptRecord, ...]:
        """Return the last closed attempts that speak for or against a node, newest first.

        Left out is what was forgiven it, what belongs to a task that kills nodes, and failures of
        tasks that failed elsewhere, too.
        """

    def unready(self, waits: int, limit: int) -> tuple[Task, ...]:
        """Return tasks that met a condition that was not ready at least so often in a row."""

    def set_aside(self, node: str, why: str) -> bool:
        """Store that a node is quarantined; False, and no event, if it is so for this reason."""

    def take_back(self, node: str, why: str) -> bool:
        """End a quarantine: what was before counts no more; False if there was none."""

    def quarantined(self) -> Mapping[str, str]:
        """Return the nodes that are set aside, each with the reason."""

    # -- the cluster

    def apply(self, application: Application) -> None:
        """Store what is wanted from now on, and who leaves by it."""

    def applied(self) -> Application | None:
        """Return what was applied last; None: nothing ever was."""

    def pause_node(self, name: str) -> bool:
        """Store that a person wants no new work on a node; False if it was so."""

    def resume_node(self, name: str) -> bool:
        """Take that back; False if it was not so."""

    def paused_nodes(self) -> frozenset[str]:
        """Return the names of the nodes that a person has paused."""

    def leaving_nodes(self) -> tuple[Node, ...]:
        """Return the nodes that were taken out of the manifest and have not left, by name.

        One that stays and has lost extended nodes stands there with these alone.
        """

    def node_left(self, name: str) -> bool:
        """Forget a node that has left, with its extended nodes; False if it was not leaving."""

    def note(self, kind: str, subject: str, data: Mapping[str, object]) -> None:
        """Add an event about what changes no row here, as ``collected``."""

    # -- what people are to be told

    def noticed(self) -> int:
        """Return the number of the last event that notices were made of; 0: of none."""

    def news(
        self, after: int, kinds: frozenset[str], limit: int = 1000
    ) -> tuple[int, tuple[Event, ...]]:
        """Return up to which event was looked, and those after `after` of these kinds, in order."""

    def post(self, letters: Sequence[Letter], upto: int) -> None:
        """Store letters, and that notices were made of events up to `upto`; no event."""

    def outbox(self, limit: int = 1000) -> tuple[Letter, ...]:
        """Return the letters that are kept, oldest first."""

    def told(self, numbers: Sequence[int], way: str) -> None:
        """Remember that letters went a way; no event."""

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget letters: they went every way, or nobody waits for them any more; no event."""

    # -- looking

    def state(self, batch: str) -> State | None:
        """Return how a batch stands, from its row alone; None: there is none of that id."""

    def owner(self, batch: str) -> str | None:
        """Return whose batch it is, as `Origin.owner`; None: there is none of that id."""

    def unfinished(self) -> int:
        """Return how many batches are not over."""

    def task(self, id: TaskId) -> Task | None:
        """Return a task, or None."""

    def results(self, tasks: Sequence[TaskId]) -> Mapping[TaskId, Result]:
        """Return the accepted results of those that have one."""

    def over(self) -> tuple[Tally, ...]:
        """Return the parts that are not closed but have nothing left: targets, jobs, batches."""

    def batch(self, id: str) -> Batch | None:
        """Return a batch as accepted."""

    def next_change(self, now: float) -> float | None:
        """Return the earliest `not_before` after `now` of a waiting task, or None."""

    def standings(self, batch: str | None = None) -> tuple[Standing, ...]:
        """Return all batches, or one with its jobs and targets: parents before children."""

    def tasks(self, under: str) -> tuple[Task, ...]:
        """Return the tasks whose id is `under` or below it, in order."""

    def attempts(self, under: str) -> tuple[AttemptRecord, ...]:
        """Return the attempts of the tasks at or below `under`, oldest first."""

    def attempt(self, id: AttemptId) -> AttemptRecord | None:
        """Return one attempt, or None."""

    def fates(self, attempts: Sequence[AttemptId]) -> Mapping[AttemptId, Fate]:
        """Return what is known of attempts whose files lie on storage; of some it may be nothing."""

    def events(self, after: int = 0, limit: int = 1000, under: str = "") -> tuple[Event, ...]:
        """Return the events after a sequence number, in order.

        With `under`, an id, only those about it, about what is below it and what it is in.
        """

    def anchor(self) -> tuple[int, str]:
        """Return sequence number and hash of the last event that has left; (0, ""): none has."""

    def compact(self, before: str) -> bool:
        """Let a batch leave that was over before (ISO 8601, UTC), with all that is about it.

        Where there is none, events from the front of the chain leave that nothing here needs.
        A little at a time: to be called again until it returns False, for nothing left.
        """

    def close(self) -> None:
        """Let go of the file; what was answered is in it already."""
