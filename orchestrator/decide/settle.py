"""The task's life, as a table: what becomes of it after an attempt."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from orchestrator.model.work import (
    Accept,
    Again,
    Cause,
    Ending,
    Kind,
    Outcome,
    Reject,
    Rework,
    State,
    Task,
    Verdict,
    one_line,
)

NEXT: dict[State, frozenset[State]] = {
    State.WAITING: frozenset(
        {State.PROCESSING, State.HOLD, State.CANCELLED, State.SUCCESSFUL}  # by a late result
    ),
    State.PROCESSING: frozenset(
        {State.WAITING, State.HOLD, State.SUCCESSFUL, State.FAILED, State.CANCELLED}
    ),
    State.POST: frozenset(),  # of parents only
    State.HOLD: frozenset({State.WAITING, State.CANCELLED, State.SUCCESSFUL}),
    State.SUCCESSFUL: frozenset({State.WAITING, State.FAILED}),  # its files were changed (T21), or
    # what needs it wants it otherwise
    State.CANCELLED: frozenset({State.WAITING}),  # a person said `run` or `retry`
    State.FAILED: frozenset({State.WAITING}),  # the same
}


DOUBLINGS_MAX = 32
"""A pause is doubled so often at most; a night of waiting must not end in a number too large."""


class Reach(Enum):
    """How much falls with a task that is given up."""

    NOTHING = "nothing"
    NEEDS = (
        "needs"  #: what needs it, and nothing else: the other segments of a render are whole files
    )
    TARGET = "target"  #: the other waiting tasks of its target are cancelled
    JOB = "job"  #: the waiting tasks of the whole job are


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a task is given up (docs/rules.md, retries)."""

    tries_max: int = 3  #: failed and crashed together, in all (F-REC-7)
    losses_max: int = 10  #: then a person decides
    deaths_max: int = 3  #: so many lives of nodes end with it; then a person decides
    agains_max: int = 4
    wait_first_s: float = 1.0  #: after a condition that was not ready; doubles each time …
    wait_most_s: float = 30.0  #: … up to this


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A task as it stands after an attempt, and what falls with it."""

    task: Task
    accepted: bool = False
    reach: Reach = Reach.NOTHING
    wait_s: float = 0.0  #: the task is not ready earlier than this from now


def judge(outcome: Outcome) -> Reject | None:
    """Say what speaks against an outcome whatever the processor thinks; None: ask the processor."""
    match outcome.ending:
        case Ending.LOST:
            return Reject(outcome.why or "its runner vanished without a word", Cause.LOST)
        case Ending.KILLED:
            return Reject(outcome.why or "ended on request", Cause.CANCELLED)
        case Ending.LIMIT | Ending.STALL | Ending.UNSTARTED:
            return Reject(outcome.why or outcome.ending.value, outcome.cause or Cause.FAILED)
    if outcome.cause is not None:
        return Reject(outcome.why or outcome.cause.value, outcome.cause)
    if "error" in outcome.result:
        return _told(outcome.result)
    if outcome.signal is not None:
        return Reject(f"ended by {_name(outcome.signal)}", Cause.CRASHED)
    return None


def settle(
    task: Task, verdict: Accept | Reject | Again | Rework, limits: Limits, deaths: int = 0
) -> Settled:
    """Return what becomes of `task`, an attempt of which came to `verdict`.

    Each cause counts apart, because a lost runner or a full disk says nothing about the task
    (F-REC-8).  A `Replan` is not about the task: the whole job is planned anew.  `deaths`: so many
    lives of nodes have ended while they ran it, the last one included.
    """
    if not (isinstance(verdict, Reject) and verdict.cause is Cause.UNREADY):
        task = replace(task, waits=0)  # it ran: the next pause is a short one again
    match verdict:
        case Accept():
            return Settled(task=move(task, State.SUCCESSFUL, reason="", cause=None), accepted=True)
        case Again(changes, why) if task.agains < limits.agains_max:
            args: Mapping[str, object] = {**task.args, **changes}
            after = replace(task, args=args, agains=task.agains + 1)
            return Settled(task=move(after, State.WAITING, reason=why))
        case Again(_, why):
            return _given_up(task, Reject(why))
        case Rework(_, why):
            return Settled(task=move(task, State.WAITING, reason=why))
        case Reject():
            return _rejected(task, verdict, limits, deaths)


def settle_late(task: Task, verdict: Verdict) -> Settled:
    """Return what becomes of `task` by a result whose attempt was given up: accepted, or nothing."""
    if not isinstance(verdict, Accept) or State.SUCCESSFUL not in NEXT[task.state]:
        return Settled(task=task)
    return Settled(task=move(task, State.SUCCESSFUL, reason="", cause=None), accepted=True)


def withdraw(task: Task, why: str, limits: Limits) -> Settled:
    """Return what becomes of an accepted `task` whose files are no longer what they were (T21)."""
    return _rejected(task, Reject(why), limits, deaths=0)


def rework(task: Task, changes: Mapping[str, object], why: str) -> Settled:
    """Return what becomes of an accepted `task` that one which needs it wants done otherwise."""
    after = replace(task, args={**task.args, **changes}, agains=task.agains + 1)
    return Settled(task=move(after, State.WAITING, reason=why))


def paused_s(waits: int, limits: Limits) -> float:
    """Return how long a task has waited at least for a condition that was so often not ready."""
    return sum(_pause_s(each, limits) for each in range(waits))


def move(task: Task, to: State, *, reason: str, cause: Cause | None = None) -> Task:
    """Return `task` in state `to`; an illegal move is a bug, not a user error."""
    if to not in NEXT[task.state]:
        raise AssertionError(f"task {task.id}: {task.state.value} -> {to.value} is not a move")
    return replace(task, state=to, reason=reason, cause=cause)


def _rejected(task: Task, no: Reject, limits: Limits, deaths: int) -> Settled:
    match no.cause:
        case Cause.FAILED | Cause.CRASHED:
            after = replace(task, tries=task.tries + 1)
            if no.final or after.tries >= limits.tries_max:
                return _given_up(after, no)
        case Cause.SOURCE:
            return _given_up(task, no, Reach.JOB)
        case Cause.LOST:
            after = replace(task, losses=task.losses + 1)
            if deaths >= limits.deaths_max:
                why = f"it kills nodes: {deaths} of their lives ended while it ran; {no.why}"
                return _held(after, Reject(why, Cause.POISON))
            if after.losses >= limits.losses_max:
                return _held(after, replace(no, why=f"lost {after.losses} times; {no.why}"))
        case Cause.UNREADY:
            after = replace(task, waits=task.waits + 1)
            return Settled(task=_waiting(after, no), wait_s=_pause_s(task.waits, limits))
        case Cause.CANCELLED | Cause.POISON:
            after = task
    return Settled(task=_waiting(after, no))


def _pause_s(waits: int, limits: Limits) -> float:
    return min(limits.wait_most_s, limits.wait_first_s * 2.0 ** min(waits, DOUBLINGS_MAX))


def _held(task: Task, no: Reject) -> Settled:
    return Settled(task=move(task, State.HOLD, reason=no.why, cause=no.cause))


def _waiting(task: Task, no: Reject) -> Task:
    return move(task, State.WAITING, reason=no.why, cause=no.cause)


def _given_up(task: Task, no: Reject, reach: Reach | None = None) -> Settled:
    if reach is None:
        reach = _reach(task)
    return Settled(task=move(task, State.FAILED, reason=no.why, cause=no.cause), reach=reach)


def _reach(task: Task) -> Reach:
    """Return how much falls with a task; a segment of a render only costs itself."""
    if task.kind in {Kind.RENDER, Kind.PUBLISH} and task.segment is not None:
        return Reach.NEEDS
    return Reach.TARGET if task.target else Reach.JOB


def _told(result: Mapping[str, object]) -> Reject:
    """Return what a program of ours wrote of its own failure."""
    cause = str(result.get("cause", Cause.FAILED.value))
    known = {each.value for each in Cause}
    return Reject(
        one_line(str(result["error"])),
        Cause(cause) if cause in known else Cause.FAILED,
        final=result.get("final") is True,
    )


def _name(number: int) -> str:
    known = {each.value: each.name for each in signal.Signals}
    return known.get(number, f"signal {number}")
