"""Stories of people who pause, resume and cancel while nodes work (F34)."""

import itertools
import random
from contextlib import suppress

import pytest
import sample
from farm import Crash, job
from farm_world import HANGS

from orchestrator.controller.parts import act
from orchestrator.errors import Refusal
from orchestrator.model.talk import Verb
from orchestrator.model.work import State

pytestmark = pytest.mark.fault("F34")

BATCH, JOB, TARGET = "b-0001", "b-0001/j", "b-0001/j/web"
EVERYWHERE = (BATCH, JOB, TARGET, f"{TARGET}/000001", f"{TARGET}/000001/encode")


def tell(f, verb: Verb, id: str, *, now: bool = False) -> None:
    act(f.guarded, f.storage, verb, id, now=now)


def live(f) -> list[str]:
    reports = f.engine.look().values()
    phases = [item for report in reports for item in report.attempts.items()]
    return [attempt for attempt, (phase, _) in phases if phase.is_live]


@pytest.mark.parametrize("id", EVERYWHERE)
def test_cancelled_work_leaves_no_process(farm, id):
    f = farm()
    f.script["000001/encode"] = [HANGS]
    f.submit(job(segments=3))
    f.run_until("000001/encode")
    tell(f, Verb.CANCEL, id)
    f.run()
    assert live(f) == []
    assert (f.state(), f.state(JOB), f.state(TARGET)) == ("Cancelled",) * 3
    assert f.world.published == {}
    assert f.ended == [(BATCH, 0)]


def test_other_target_is_published_when_one_is_cancelled(farm):
    f = farm()
    f.submit(job(segments=2, targets=["web", "master"]))
    f.run_until("web/000000/encode")
    tell(f, Verb.CANCEL, TARGET)
    f.run()
    assert (f.state(TARGET), f.state("b-0001/j/master")) == ("Cancelled", "Successful")
    assert len(f.world.published) == 1


@pytest.mark.parametrize("id", EVERYWHERE[:3])
def test_paused_work_is_not_begun_and_goes_on_where_it_stopped(farm, id):
    f = farm()
    f.submit(job(segments=4))
    f.run_until("000000/encode")
    tell(f, Verb.PAUSE, id)
    for _ in range(10):
        f.turn()
        f.step()
    begun = f.started()
    assert (f.state(id), live(f)) == ("Hold", [])
    tell(f, Verb.RESUME, id)
    f.run()
    assert f.state() == "Successful"
    assert f.started()[: len(begun)] == begun
    assert len(f.started()) == len(set(f.started())), "nothing was done twice"


def test_stopped_work_starts_over_and_costs_no_try(farm):
    f = farm()
    f.script["000000/encode"] = [HANGS]
    f.submit(job(segments=2))
    f.run_until("000000/encode")
    tell(f, Verb.PAUSE, BATCH, now=True)
    f.turn()
    assert (live(f), f.state()) == ([], "Hold")
    tell(f, Verb.RESUME, BATCH)
    f.run()
    task = f.task("000000/encode")
    assert (task.state, task.tries) == (State.SUCCESSFUL, 0)
    assert len(f.started("000000/encode")) == 2


def test_cancel_that_comes_too_late_changes_nothing(farm):
    f = farm()
    f.submit(job(segments=1))
    f.run()
    tell(f, Verb.CANCEL, BATCH)
    f.run()
    assert f.state() == "Successful"


def test_retry_of_what_was_cancelled_does_only_what_is_missing(farm):
    f = farm()
    f.submit(job(segments=4))
    f.run_until("000003/encode")
    tell(f, Verb.CANCEL, BATCH)
    f.run()
    f.guarded.retry(BATCH)
    f.run()
    assert f.state() == "Successful"
    assert len(f.started("000000/encode")) == 1


def test_controller_killed_around_a_cancel_comes_to_the_same_end(farm):
    for steps in itertools.count(1):
        f = farm()
        f.submit(job(segments=2))
        f.run_until("000000/encode")
        f.fuse.left = steps
        died = False
        for do in (lambda f=f: tell(f, Verb.CANCEL, BATCH), f.run):
            try:
                do()
            except Crash:
                died = True
                f.fuse.left = float("inf")
                f.restart()
                tell(f, Verb.CANCEL, BATCH)
        if not died:
            break
        f.run()
        assert (f.state(), live(f)) == ("Cancelled", []), f"killed after step {steps}"
    assert steps > 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(sample.times(100)))
def test_any_mixture_of_pauses_and_cancels_ends_in_order(farm, seed):
    chance = random.Random(seed)
    f = farm(nodes=("n1", "n2", "n3"))
    f.submit(job("j", segments=3), job("k", after=("j",), segments=2))
    for _ in range(30):
        f.turn()
        ids = [task.id for task in f.ledger.tasks(BATCH)] + list(EVERYWHERE)
        verb = chance.choice([Verb.PAUSE, Verb.RESUME, Verb.RESUME, None, None])
        if chance.random() < 0.03:
            verb = Verb.CANCEL
        if verb:
            with suppress(Refusal):  # it is over, or not there yet
                tell(f, verb, chance.choice(ids), now=chance.random() < 0.3)
        f.check()
        f.step()
    tell(f, Verb.RESUME, BATCH)
    f.run()
    assert live(f) == []
    assert f.ended[-1][0] == BATCH
