"""The state of a batch, job or target, from the states of its tasks (F-MON-4)."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.model.work import Kind, State


def standing(
    stored: State,
    tasks: Mapping[tuple[Kind, State], int],
    *,
    planned: bool = True,
    paused: bool = False,
    stuck: bool = False,
) -> State:
    """Return how a part stands for people.

    `stored` is its row's state: final once it is closed, and then it counts.  `tasks` says how many
    of its tasks are of which kind and state; `planned` is False while more are to come, so that a
    batch is not PostProcessing with a job still ahead.  `paused`: a person holds it, or a part it is
    in; it is on Hold once nothing of it runs any more.  `stuck`: what waits of it waits for what is
    on Hold, and for nothing else.
    """
    if stored.is_final:
        return stored
    there = {key for key, number in tasks.items() if number}
    left = {(kind, state) for kind, state in there if not state.is_final}
    if paused and not any(state is State.PROCESSING for _, state in left):
        return State.HOLD
    states = {state for _, state in left}
    if states == {State.HOLD} or (stuck and states == {State.HOLD, State.WAITING}):
        return State.HOLD
    if not any(_has_begun(kind, state) for kind, state in there):
        return State.WAITING
    joining = any(kind.is_post for kind, _ in there)
    if planned and joining and all(kind.is_post for kind, _ in left):
        return State.POST
    return State.PROCESSING


def _has_begun(kind: Kind, state: State) -> bool:
    """Whether such a task is a start: it runs, or it ended and was more than a look at the source."""
    if state is State.PROCESSING:
        return True
    return not kind.is_first and state in {State.SUCCESSFUL, State.FAILED}
