"""The state of a parent, as a table."""

import pytest

from orchestrator.decide.standing import standing
from orchestrator.model.work import Kind, State

WAITING, RUNS, HELD = State.WAITING, State.PROCESSING, State.HOLD
DONE, FAILED, CANCELLED = State.SUCCESSFUL, State.FAILED, State.CANCELLED

CASES = {
    "nothing there yet": ({}, WAITING),
    "nothing has started": ({(Kind.PROBE, WAITING): 1}, WAITING),
    "it is looked at": ({(Kind.PROBE, RUNS): 1}, RUNS),
    "it was looked at, no more": ({(Kind.PROBE, DONE): 1, (Kind.ENCODE, WAITING): 9}, WAITING),
    "a segment runs": ({(Kind.ENCODE, RUNS): 1, (Kind.ENCODE, WAITING): 1}, RUNS),
    "between two segments": ({(Kind.ENCODE, DONE): 1, (Kind.ENCODE, WAITING): 1}, RUNS),
    "only joining is left": ({(Kind.ENCODE, DONE): 2, (Kind.ASSEMBLE, WAITING): 1}, State.POST),
    "it is joined": ({(Kind.ENCODE, DONE): 2, (Kind.ASSEMBLE, RUNS): 1}, State.POST),
    "a part failed, others run": ({(Kind.ENCODE, FAILED): 1, (Kind.ENCODE, RUNS): 1}, RUNS),
    "only held work is left": ({(Kind.ENCODE, DONE): 1, (Kind.ENCODE, HELD): 1}, HELD),
    "a count of none is not there": ({(Kind.ENCODE, RUNS): 0}, WAITING),
}


@pytest.mark.parametrize(("tasks", "state"), CASES.values(), ids=CASES)
def test_open_part_stands_as_its_tasks_do(tasks, state):
    assert standing(WAITING, tasks) is state


@pytest.mark.parametrize(
    ("tasks", "state"),
    [
        ({}, HELD),
        ({(Kind.ENCODE, DONE): 1, (Kind.ENCODE, WAITING): 1}, HELD),
        ({(Kind.ENCODE, RUNS): 1, (Kind.ENCODE, HELD): 1}, RUNS),
    ],
)
def test_paused_part_is_on_hold_once_nothing_of_it_runs(tasks, state):
    assert standing(WAITING, tasks, paused=True) is state
    assert standing(CANCELLED, tasks, paused=True) is CANCELLED


@pytest.mark.parametrize("stored", [DONE, FAILED, CANCELLED])
def test_closed_part_stays_as_it_ended(stored):
    assert standing(stored, {(Kind.ENCODE, RUNS): 1}) is stored


def test_batch_with_a_job_still_to_plan_is_not_postprocessing():
    tasks = {(Kind.ENCODE, DONE): 2, (Kind.PUBLISH, WAITING): 1}
    assert standing(WAITING, tasks, planned=False) is RUNS
