"""The ledger in our words.  Every writing method is one transaction and as many event rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.decide.reconcile import Attempt as Attempt
from orchestrator.decide.reconcile import Tally as Tally
from orchestrator.decide.settle import Reach as Reach
from orchestrator.model.node import Member
from orchestrator.model.record import AttemptRecord as AttemptRecord
from orchestrator.model.record import Standing as Standing
from orchestrator.model.work import (
    AttemptId,
    Batch,
    Job,
    Kind,
    Outcome,
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
        self, batch: Batch, digest: str, probes: Sequence[Task], not_before: float = 0.0
    ) -> None:
        """Store a batch whose jobs and ids are complete, its probe tasks and who waits for whom.

        A job without a probe task is `unplanned` at once when the jobs it comes after are
        Successful.  LedgerError if the id exists.
        """

    def retry(self, batch: str, restart: Sequence[str] = ()) -> None:
        """Give what failed or was cancelled fresh tries; what was accepted stays.

        Jobs in `restart` (ids) begin anew with their probe.
        """

    def close_part(self, id: str, level: str, state: State, reason: str) -> None:
        """End a batch, job or target; a job that ends frees or cancels those that come after."""

    # -- plans

    def unplanned(self) -> tuple[Job, ...]:
        """Return the jobs whose probe is accepted (or that have none) and that have no plan yet."""

    def plan(self, job: str, targets: Sequence[Target]) -> None:
        """Store the targets and tasks of a job; doing it twice is doing it once."""

    def plan_failed(self, job: str, reason: str) -> None:
        """Fail a job that cannot be planned."""

    def replan(self, job: str, changes: Mapping[str, object], reason: str) -> None:
        """Drop the job's plan and let its probe run again with `changes` laid over its arguments.

        Its open attempts are closed as cancelled.
        """

    # -- attempts

    def ready(
        self, service: Service, limit: int, now: float, kinds: frozenset[Kind] | None = None
    ) -> tuple[Task, ...]:
        """Return the next tasks in line; costs the same however long the line is.

        In line: Waiting, nothing missing, `not_before` over, of one of `kinds` (None: any).  In
        order: priority, batch, weight (heaviest first), position.
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
        that need it.
        """

    def note(self, kind: str, subject: str, data: Mapping[str, object]) -> None:
        """Add an event about what changes no row here, as ``collected``."""

    # -- looking

    def state(self, batch: str) -> State | None:
        """Return how a batch stands, from its row alone; None: there is none of that id."""

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

    def events(self, after: int = 0, limit: int = 1000) -> tuple[Event, ...]:
        """Return the events after a sequence number, in order."""

    def close(self) -> None:
        """Let go of the file; what was answered is in it already."""
