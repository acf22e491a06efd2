"""What happens when it goes wrong: a row for every rule and number, on virtual time (F-REC)."""

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise

import pytest
from farm import Farm, job
from farm_world import HANGS, crashes, fails, lost, no_source, unready

from orchestrator.controller.alarms import unready as long_unready
from orchestrator.controller.submit import Arrival
from orchestrator.decide.fleet import Gate
from orchestrator.decide.restart import may_restart
from orchestrator.decide.settle import Limits
from orchestrator.model.work import Cause, State

pytestmark = pytest.mark.fault("F31", "F32", "F40")

GATE = Gate(lost_after_s=60.0, mass_loss_hold_s=600.0)
ENCODE = "000000/encode"
Story = Callable[[Callable[..., Farm]], None]

RULES: dict[str, Story] = {}


def rule(name: str) -> Callable[[Story], Story]:
    """Add a row."""

    def add(story: Story) -> Story:
        RULES[name] = story
        return story

    return add


def watched(farm, nodes=3, **wanted) -> Farm:
    return farm(memory=True, nodes=[f"n{n + 1}" for n in range(nodes)], **wanted).watched(GATE)


def held(f: Farm) -> Farm:
    """Go on until nothing goes on any more."""
    for _ in range(500):
        f.pass_time(1)
        if f.state() == "Hold":
            return f
    raise AssertionError(f.describe())


def coarse(f: Farm, seconds: int, step: int = 20) -> None:
    """Let much time go by in which nobody falls silent."""
    end = f.world.now + seconds
    while f.world.now < end:
        f.turn()
        f.world.now += step
        f.world.end_due(f.engine)
    f.turn()


def node_of(f: Farm, attempt: str) -> str:
    return f.ledger.attempt(attempt).node


def kinds(f: Farm, *wanted: str) -> list[str]:
    return [event.kind for event in f.ledger.events(0, 100_000) if event.kind in wanted]


# services: F-REC-2, F-REC-3


@rule("a service is restarted at most four times, the third and fourth only after 10 s")
def restarts(farm):
    table = {(1, 1, 1): 2, (1, 1, 10, 10, 99): 4, (1, 1, 10, 9): 3, (99, 99, 9): 2}
    for ran, times in table.items():
        began = [may_restart(ran[:stops]) for stops in range(1, len(ran) + 1)]
        assert sum(began) == times, ran
        assert began == sorted(began, reverse=True), ran


# tries: F-REC-7, F-REC-9


@rule("three tries in all, each on another node; then the job is Failed and the rest goes on")
def tries(farm):
    f = watched(farm)
    f.script[f"a/web/{ENCODE}"] = [fails(), crashes(11), fails("the third")]
    f.submit(job("a", segments=2), job("b", segments=2))
    f.run()
    found = f.ledger.attempts(f"b-0001/a/web/{ENCODE}")
    assert sorted(each.node for each in found) == ["n1", "n2", "n3"]
    assert (f.state("b-0001/a"), f.state("b-0001/b")) == ("Failed", "Successful")


@rule("two failures are forgotten by the third try")
def two_tries(farm):
    f = watched(farm)
    f.script[ENCODE] = [fails(), crashes(9)]
    f.submit(job(segments=1))
    f.run()
    assert (f.state(), f.task(ENCODE).tries) == ("Successful", 2)


@rule("a failed try is repeated at once")
def at_once(farm):
    f = watched(farm)
    f.script[ENCODE] = [fails()]
    f.submit(job(segments=1))
    f.run()
    first, second = f.ledger.attempts(f"b-0001/j/web/{ENCODE}")
    assert first.closed == second.opened


@rule("a source that is missing is never tried again")
def source(farm):
    f = watched(farm)
    f.script[ENCODE] = [no_source()]
    f.submit(job(segments=1))
    f.run()
    assert (f.state(), len(f.started(ENCODE))) == ("Failed", 1)


# losses: F-REC-6, F-REC-8


@rule("what a silent node had is begun elsewhere after 60 s, and what was finished is not")
def lost_after(farm):
    f = watched(farm)
    f.world.seconds["encode"] = 20.0
    f.submit(job(segments=6))
    f.run_until("encode")
    f.turn()
    (victim,) = [task for task, node in f.holders().items() if node == "n1"]
    f.engine.lose("n1")
    f.pass_time(59)
    assert f.holders()[victim] == "n1"
    f.pass_time(3)
    assert f.holders()[victim] != "n1"
    f.run()
    started = f.started("encode")
    assert sorted(t for t in started if started.count(t) > 1) == [victim, victim]


@rule("after ten losses a person decides")
def losses(farm):
    f = watched(farm, nodes=1)
    f.script[ENCODE] = [lost()] * 10
    f.submit(job(segments=3))
    held(f)
    task = f.task(ENCODE)
    assert (task.state, task.cause, task.losses, task.tries) == (State.HOLD, Cause.LOST, 10, 0)
    assert task.reason.startswith("lost 10 times; ")
    assert f.states(kind=task.kind) == ["Hold", "Successful", "Successful"]
    assert f.submit(job(segments=3)).arrival is Arrival.RETRIED  # as `run` does, typed again
    f.run()
    assert f.state() == "Successful"


@rule("nine losses are borne")
def nine_losses(farm):
    f = watched(farm, nodes=1)
    f.script[ENCODE] = [lost()] * 9
    f.submit(job(segments=1))
    f.run()
    assert f.state() == "Successful"


@rule("what ends three lives of nodes is held, and the nodes are not blamed")  # F31
def poison(farm):
    f = watched(farm, nodes=2)
    f.script[ENCODE] = [HANGS] * 9
    f.submit(job(segments=3))
    for deaths in range(3):
        f.run_until("encode")
        f.pass_time(20)
        f.die(f.holders()[f"b-0001/j/web/{ENCODE}"])
        f.pass_time(1)
        assert (f.task(ENCODE).state is State.HOLD) == (deaths == 2)
    held(f)
    task = f.task(ENCODE)
    assert (task.cause, task.losses) == (Cause.POISON, 3)
    assert task.reason.startswith("it kills nodes: 3 of their lives ended")
    assert kinds(f, "quarantined") == []
    f.script.clear()
    f.world.seconds.clear()
    f.guarded.retry("b-0001")
    f.run()


@rule("a node that was only out of reach did not die of it, and goes on when it is back")
def out_of_reach(farm):
    f = watched(farm, nodes=2)
    f.script[ENCODE] = [HANGS] * 9
    f.submit(job(segments=1, probe=False))
    for node in ("n2", "n1") * 3:
        f.pass_time(5)
        f.engine.cut(node)
        f.pass_time(70)
        f.engine.heal(node)
    f.pass_time(5)
    task = f.task(ENCODE)
    assert (task.losses, task.cause) == (3, Cause.LOST)
    assert task.state is not State.HOLD
    f.script.clear()
    f.world.free_hung(f.engine)
    f.run()
    assert f.state() == "Successful"


# what is not ready: F-REC-8


@rule("what is not ready costs no try, is tried more and more rarely, and is told of after an hour")
def not_ready(farm):
    f = watched(farm, nodes=1)
    f.script[ENCODE] = [unready("no space left")] * 200
    f.submit(job(segments=1))
    f.run_until(ENCODE)
    begin = f.world.now
    while not long_unready(f.ledger, Limits()):
        coarse(f, 60, step=5)
        assert f.world.now < begin + 4500
    assert f.world.now >= begin + 3600
    assert "no space left" in long_unready(f.ledger, Limits())[0]
    task = f.task(ENCODE)
    assert (task.state, task.tries, task.losses) == (State.WAITING, 0, 0)
    f.script.clear()
    f.run()
    assert f.state() == "Successful"


# Nodes that are set aside, F32


WORK_MIN = 10
"""Of a segment, until it fails as well."""

JOBS = 48

BLAMED_S = 3 * 60 * WORK_MIN + 60
"""Then three of n1 have failed."""


def bad_node(farm) -> Farm:
    """Return a farm on which n1 fails everything, at work for hours."""
    f = watched(farm)
    f.world.seconds["encode"] = 60.0 * WORK_MIN
    f.world.improvise = lambda spec: fails() if node_of(f, spec.attempt) == "n1" else {}
    f.submit(*[job(f"j{number}", segments=1, probe=False) for number in range(JOBS)])
    return f


def given(f: Farm) -> list[float]:
    """Return when n1 was given something, in minutes since its first."""
    opened = [each.opened for each in f.ledger.attempts("b-0001") if each.node == "n1"]
    times = [datetime.fromisoformat(each).timestamp() for each in opened]
    return [round((each - times[0]) / 60, 1) for each in times]


@rule("a node that fails everything is given three tasks of two jobs, then a probe now and then")
def quarantine(farm):
    f = bad_node(farm)
    coarse(f, 230 * 60, step=60)
    times = given(f)
    gaps = [late - early - WORK_MIN for early, late in pairwise(times)]
    assert [round(gap) for gap in gaps] == [0, 0, 5, 15, 60, 60], times
    assert max(task.tries for task in f.ledger.tasks("b-0001")) == 1
    assert kinds(f, "quarantined", "quarantine-ended") == ["quarantined"]
    assert "failed on it" in f.watch.closed["n1"]


@rule("a probe that goes well ends the quarantine")
def probe_goes_well(farm):
    f = bad_node(farm)
    coarse(f, BLAMED_S, step=60)
    assert "n1" in f.watch.closed
    f.world.improvise = lambda spec: {}
    coarse(f, 900, step=60)
    assert kinds(f, "quarantined", "quarantine-ended") == ["quarantined", "quarantine-ended"]
    assert "n1" not in f.watch.closed


@rule("a person's `resume` ends it, too, and forgives")
def resumed(farm):
    f = bad_node(farm)
    coarse(f, BLAMED_S, step=60)
    assert "n1" in f.watch.closed
    f.guarded.take_back("n1", "a person resumed it")
    f.controller.lookout.blames.failed()
    f.turn()
    assert "n1" not in f.watch.closed


@rule("a controller that begins anew still knows who is set aside, and says it once")
def quarantine_outlives(farm):
    f = bad_node(farm)
    coarse(f, BLAMED_S, step=60)
    f.restart()
    coarse(f, 40)
    assert "n1" in f.watch.closed
    assert kinds(f, "quarantined") == ["quarantined"]


@rule("jobs that fail everywhere blame no node")
def bad_jobs(farm):
    f = watched(farm)
    f.world.improvise = lambda spec: fails() if "/bad" in spec.task else {}
    bad = [job(f"bad{number}", segments=1, probe=False) for number in range(6)]
    f.submit(*bad, job("good", segments=6, probe=False))
    f.run()
    assert f.state("b-0001/good") == "Successful"
    assert f.controller.lookout.blames.stored() == {}


@rule("the last node is not set aside: its jobs fail, and say why")
def last_node(farm):
    f = watched(farm, nodes=1)
    f.world.improvise = lambda spec: fails()
    f.submit(*[job(f"j{number}", segments=1, probe=False) for number in range(3)])
    begin = f.world.now
    f.run()
    assert (f.state(), f.world.now - begin < 60) == ("Failed", True)


@rule("a node that loses its work three times in ten minutes is flaky")
def flaky(farm):
    f = watched(farm)
    f.world.seconds["encode"] = 60.0
    f.world.improvise = lambda spec: lost() if node_of(f, spec.attempt) == "n1" else {}
    f.submit(job("a", segments=20, probe=False))
    coarse(f, 400)
    assert "flaky" in f.watch.closed["n1"]
    assert f.ledger.task(f"b-0001/a/web/{ENCODE}").tries == 0
    f.world.improvise = lambda spec: {}
    f.run()


# most nodes at once: R10, F40


def five_busy(farm) -> Farm:
    f = watched(farm, nodes=5)
    f.world.seconds["encode"] = 3600.0
    f.submit(job(segments=5, probe=False))
    f.run_until("000004/encode")
    f.turn()
    return f


def three_of_five_fall_silent(farm, seconds: int) -> Farm:
    """Return a busy farm, so long after most of its nodes are gone."""
    f = five_busy(farm)
    for node in ("n1", "n2", "n3"):
        f.engine.lose(node)
    f.pass_time(seconds)
    return f


def ends_with_losses(f: Farm, count: int) -> None:
    """Assert that so many segments were lost, once each; and go on to the end."""
    losses = [f.task(f"00000{n}/encode").losses for n in range(5)]
    assert sorted(losses) == [0] * (5 - count) + [1] * count
    f.world.seconds.clear()
    coarse(f, 3600)
    f.run()


@rule("all nodes silent for five minutes: nothing is done twice")
def switch_dead(farm):
    f = five_busy(farm)
    for node in ("n1", "n2", "n3", "n4", "n5"):
        f.engine.cut(node)
    f.pass_time(300)
    assert len(f.controller.lookout.alarms) == 1
    for node in ("n1", "n2", "n3", "n4"):
        f.engine.heal(node)
        f.pass_time(10)
    f.engine.heal("n5")
    f.world.seconds["encode"] = 1.0
    coarse(f, 3600)
    f.run()
    assert f.controller.lookout.alarms == ()
    assert len(f.started("encode")) == 5


@rule("three of five silent for more than ten minutes: then their work is given to others")
def switch_dead_for_long(farm):
    f = three_of_five_fall_silent(farm, 595)
    assert len(f.leases()) == 5
    f.pass_time(10)
    ends_with_losses(f, 3)


@rule("a person's `nodes lost` is taken at once all the same")
def said_lost(farm):
    f = three_of_five_fall_silent(farm, 70)
    f.watch.say(given_up={"n1": "somebody said so"})
    f.pass_time(2)
    ends_with_losses(f, 1)


@rule("nodes whose window has closed are given up as usual")
def window_closed(farm):
    f = five_busy(farm)
    f.watch.say(shut={node: "closed until Mon 18:00" for node in ("n1", "n2", "n3")})
    for node in ("n1", "n2", "n3"):
        f.engine.lose(node)
    f.pass_time(65)
    f.watch.say(shut={})
    ends_with_losses(f, 3)


@pytest.mark.parametrize("name", RULES)
def test_rule_is_kept(farm, name):
    RULES[name](farm)
