"""Targets that wait by their plan until a person lets them go on, on every ledger."""

from dataclasses import replace

import pytest
from ledgers import batch, check, target

from orchestrator.decide.settle import Reach
from orchestrator.model.work import State

BATCH, JOB, FIRST, SECOND = "b-0001", "b-0001/j", "b-0001/j/preview", "b-0001/j/frames"
WHY = "look at /out/0001.png"
LOOKED = f"{FIRST}/000000/encode"
LEFT = f"{SECOND}/000000/encode"


def plan(desk, job, why=WHY):
    """Two targets, of which the second needs the first, and a person."""
    first = target(job, "preview", 1)
    second = target(job, "frames", 1)
    needs = (first.tasks[-1].id,)
    tasks = (replace(second.tasks[0], needs=needs), *second.tasks[1:])
    desk.ledger.plan(job.id, [first, replace(second, tasks=tasks, gate=why)])


@pytest.fixture
def gated(desk):
    (job,) = desk.accept(batch(), probes=False).jobs
    plan(desk, job)
    return desk


def gates(desk):
    return {part.id: part.gate for part in desk.ledger.standings(BATCH) if part.gate}


@pytest.mark.parametrize("id", [BATCH, JOB, SECOND])
def test_target_with_a_gate_waits_until_it_is_resumed(gated, id):
    assert gated.states(BATCH)[SECOND] is State.HOLD
    gated.finish()
    assert (gated.states(BATCH)[FIRST], gated.ready()) == (State.SUCCESSFUL, [])
    assert gated.states(BATCH)[BATCH] is gated.states(BATCH)[JOB] is State.HOLD
    assert gates(gated) == {SECOND: WHY}
    assert gated.ledger.paused() == (SECOND,)
    check(gated.ledger)
    assert gated.ledger.resume(id)
    assert (gates(gated), gated.ready()) == ({}, [LEFT])
    assert not gated.ledger.resume(id)
    gated.finish()
    assert gated.ledger.state(BATCH) is State.SUCCESSFUL
    check(gated.ledger)


def test_gate_that_was_opened_holds_no_later_plan(gated):
    gated.ledger.resume(SECOND)
    gated.ledger.replan(JOB, {}, "its source is another one")
    plan(gated, gated.ledger.batch(BATCH).jobs[0])
    assert (gates(gated), gated.ledger.paused()) == ({}, ())
    assert gated.ledger.pause(SECOND)  # what a person pauses after that has no gate's reason
    assert gates(gated) == {}
    check(gated.ledger)


@pytest.mark.parametrize(("why", "held"), [(WHY, {SECOND: WHY}), ("look anew", None), ("", {})])
def test_gate_that_nobody_opened_is_the_new_plans(gated, why, held):
    gated.ledger.replan(JOB, {}, "its source is another one")
    assert gated.ledger.paused() == ()
    plan(gated, gated.ledger.batch(BATCH).jobs[0], why)
    assert gates(gated) == ({SECOND: why} if held is None else held)
    assert gated.ledger.paused() == ((SECOND,) if why else ())
    check(gated.ledger)


def test_what_fell_with_its_test_frames_waits_for_a_person_again(gated):
    gated.fail(LOOKED, "no such texture", Reach.TARGET)
    gated.finish()
    assert gated.states(BATCH)[SECOND] is State.CANCELLED
    assert (gated.ledger.state(BATCH), gated.ledger.paused()) == (State.FAILED, ())
    gated.ledger.retry(BATCH)
    assert gates(gated) == {SECOND: WHY}
    gated.finish()
    assert (gated.states(BATCH)[FIRST], gated.ready()) == (State.SUCCESSFUL, [])
    check(gated.ledger)
    gated.ledger.resume(BATCH)
    gated.finish()
    assert gated.ledger.state(BATCH) is State.SUCCESSFUL


def test_job_that_begins_anew_waits_anew_unless_its_gate_was_opened(gated):
    gated.fail(LOOKED)
    gated.finish()
    gated.ledger.retry(BATCH, [JOB])
    assert gated.ledger.paused() == ()
    plan(gated, gated.ledger.batch(BATCH).jobs[0])
    assert gates(gated) == {SECOND: WHY}
    check(gated.ledger)


def test_pause_above_outlives_the_gate(gated):
    gated.ledger.pause(JOB)
    gated.ledger.resume(SECOND)
    assert (gates(gated), gated.states(BATCH)[SECOND]) == ({}, State.HOLD)
    gated.ledger.resume(JOB)
    assert gated.states(BATCH)[SECOND] is State.WAITING


def test_cancel_refuses_what_waits_for_a_person(gated):
    gated.finish()
    gated.ledger.cancel(JOB, "not wanted")
    gated.finish()
    assert gated.states(BATCH)[FIRST] is State.SUCCESSFUL
    assert gated.states(BATCH)[SECOND] is gated.ledger.state(BATCH) is State.CANCELLED
    assert gated.ledger.paused() == ()
    check(gated.ledger)


def test_gates_leave_with_their_batch(gated):
    gated.ledger.resume(SECOND)
    gated.finish()
    assert gated.ledger.compact("2999-01-01T00:00:00.000+00:00")
    (job,) = gated.accept(batch(), probes=False).jobs
    plan(gated, job)
    assert gates(gated) == {SECOND: WHY}
