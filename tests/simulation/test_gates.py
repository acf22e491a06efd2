"""Stories of test frames that a person looks at before the rest is rendered."""

import itertools
from collections.abc import Callable

import pytest
from farm import Crash, Farm, job
from farm_world import fails

from orchestrator.controller.parts import act
from orchestrator.controller.submit import Arrival, is_held
from orchestrator.model.talk import Verb
from orchestrator.model.work import State

BATCH, JOB, FIRST, REST = "b-0001", "b-0001/j", "b-0001/j/preview", "b-0001/j/frames"
GATED = job(targets=["preview", "frames"], gate="look at it first")


def tell(f: Farm, verb: Verb, id: str = REST) -> None:
    act(f.guarded, f.storage, verb, id, now=False)


def rest(f: Farm) -> None:
    """Go on until nothing goes on by itself."""
    f.turn()
    while not f.is_over() and (f.world.next_due() is not None or f.turn()):
        f.step()
        f.turn()


def outlived(f: Farm, do: Callable[[], object]) -> bool:
    """Do it, again where the controller died of it; whether it did."""
    try:
        do()
    except Crash:
        f.check()
        f.fuse.left = float("inf")
        f.restart()
        do()
        return True
    return False


def test_rest_is_done_once_a_person_has_looked(farm):
    f = farm()
    f.submit(GATED)
    rest(f)
    assert (f.state(FIRST), f.state(REST), f.state()) == ("Successful", "Hold", "Hold")
    assert not any(task.startswith(REST) for task in f.started())
    f.restart()
    rest(f)
    assert f.submit(GATED).arrival is Arrival.RESUMED  # `run` again is no answer
    rest(f)
    assert is_held(f.ledger, BATCH)
    tell(f, Verb.RESUME)
    f.restart()
    f.run()
    assert (f.state(), len(f.world.published)) == ("Successful", 2)


@pytest.mark.parametrize("id", [BATCH, JOB, REST])
def test_person_who_does_not_like_it_ends_it(farm, id):
    f = farm()
    f.submit(GATED)
    rest(f)
    tell(f, Verb.CANCEL, id)
    f.run()
    assert (f.state(FIRST), f.state(REST), f.state()) == ("Successful", "Cancelled", "Cancelled")
    assert len(f.world.published) == 1


def test_nothing_else_is_done_where_the_test_frames_failed(farm):
    f = farm()
    f.script["preview/000001/encode"] = [fails("no such texture")] * 3
    f.submit(GATED)
    f.run()
    assert (f.state(FIRST), f.state(REST), f.state()) == ("Failed", "Cancelled", "Failed")
    assert not any(task.startswith(REST) for task in f.started())
    assert f.submit(GATED).arrival is Arrival.RETRIED
    rest(f)
    assert (f.state(FIRST), f.state(REST)) == ("Successful", "Hold")


def test_opened_gate_stays_open_when_the_job_is_planned_anew(farm):
    f = farm()
    f.submit(GATED)
    rest(f)
    tell(f, Verb.RESUME, JOB)
    f.ledger.replan(JOB, {"depth": 1}, "its results are gone")
    f.run()
    assert (f.state(), len(f.world.published)) == ("Successful", 2)


@pytest.mark.timeout(300)
def test_controller_killed_at_any_step_asks_once(farm):
    def story(f: Farm) -> bool:
        died = outlived(f, lambda: f.submit(GATED))
        died |= outlived(f, lambda: rest(f))
        assert f.state() == State.HOLD.value
        died |= outlived(f, lambda: tell(f, Verb.RESUME))
        return outlived(f, f.run) or died

    whole = farm(memory=True)
    story(whole)
    for steps in itertools.count(1):
        f = farm(memory=True)
        f.fuse.left = steps
        if not story(f):
            break
        assert f.end() == whole.end(), f"killed after step {steps}"
    assert steps > 50
