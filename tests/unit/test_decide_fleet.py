from dataclasses import replace

import pytest

from orchestrator.decide.fleet import (
    BY_HAND,
    Gate,
    Ours,
    Sight,
    closed,
    difference,
    is_live,
    lost,
    mass_alarm,
)
from orchestrator.engine.fake import USUAL
from orchestrator.model.node import Member, Report

OURS = Ours(version="1.2", python_minor="3.11", plugins={"shop": "1"})
SAME = replace(USUAL, version="1.2", python_minor="3.11", plugins={"shop": "1"})


def sight(silent_s=0.0, *, listed=True, unfit="", left=False, **identity):
    report = Report(beat=1, identity=replace(SAME, **identity), unfit=unfit, left=left)
    return Sight(member=Member("n1", "1"), report=report, silent_s=silent_s, is_listed=listed)


def why(seen=None, **gate):
    return closed({"n1": seen or sight()}, Gate(ours=OURS, **gate)).get("n1", "")


def test_node_like_the_controller_takes_work():
    assert why() == ""
    assert why(wanted=frozenset({"n1"})) == ""


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        ({"wanted": frozenset()}, "not a node of this cluster"),
        ({"paused": frozenset({"n1"})}, "orchestrator resume n1"),
        ({"inactive": frozenset({"n1"})}, "active: false"),
        ({"draining": {"n1": "it gets new settings"}}, "it gets new settings"),
    ],
)
def test_node_is_closed_by_what_is_wanted_of_it(gate, words):
    assert words in why(**gate)


def test_free_node_that_was_taken_is_wanted():
    assert why(wanted=frozenset(), guests=frozenset({"n1"})) == ""


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        (
            {"version": "1.1"},
            f"it runs orchestrator 1.1, the controller 1.2; {BY_HAND}",
        ),
        (
            {"python_minor": "3.10"},
            "it runs Python 3.10, the controller 3.11; install Python 3.11 there, "
            "then `apply` again",
        ),
        (
            {"plugins": {"shop": "2"}},
            f"its plugin shop is 2, the controller's 1; {BY_HAND}",
        ),
        (
            {"plugins": {}},
            f"its plugin shop is none, the controller's 1; {BY_HAND}",
        ),
        (
            {"plugins": {"shop": "1", "odd": "3"}},
            f"its plugin odd is 3, the controller's none; {BY_HAND}",
        ),
    ],
)
def test_node_that_differs_is_closed_and_says_what_differs(identity, words):  # F-ROLE-6
    assert why(sight(**identity)) == words


def test_plugin_that_is_not_let_in_closes_no_node_that_has_it():
    ours = replace(OURS, shut=frozenset({"odd"}))
    here = replace(SAME, plugins={"shop": "1", "odd": "3"})
    assert difference("n1", here, Gate(ours=ours)) == ""
    assert difference("n1", here, Gate(ours=OURS))


def test_free_node_that_differs_is_for_its_owner():
    assert "upgrade it there" in why(sight(version="2"), guests=frozenset({"n1"}))


def test_node_that_cannot_work_says_so_itself():
    assert why(sight(unfit="cannot write to /mnt/studio")) == "cannot write to /mnt/studio"


@pytest.mark.parametrize(
    ("silent_s", "heartbeat_s", "is_closed"),
    [(5.0, 0.5, False), (5.1, 0.5, True), (6.0, 2.0, False), (6.1, 2.0, True)],
)
def test_silent_node_is_suspect_after_five_seconds_or_three_beats(silent_s, heartbeat_s, is_closed):
    assert bool(why(sight(silent_s), heartbeat_s=heartbeat_s)) == is_closed


def test_node_that_left_is_not_live():
    assert not is_live(sight(listed=False), Gate())
    assert not is_live(None, Gate())


@pytest.mark.parametrize(
    ("seen", "gate", "is_lost"),
    [
        (sight(59.9), {}, False),
        (sight(60.0), {}, True),
        (sight(60.0, listed=False), {}, True),
        (Sight(silent_s=59.0), {}, False),
        (Sight(silent_s=60.0), {}, True),
        (sight(11.0), {"lost_after_s": 10.0}, True),
        (sight(11.0), {"lost_after_s": 10.0, "heartbeat_s": 6.0}, False),  # under five beats
        (sight(6.0), {"given_up": {"n1": "somebody said so"}}, True),
        (sight(0.0), {"given_up": {"n1": "somebody said so"}}, False),  # it is heard of
    ],
)
def test_node_is_lost_by_the_clock_or_by_proof(seen, gate, is_lost):
    assert bool(lost({"n1": seen}, Gate(**gate))) == is_lost


def silent(*seconds, together=(), **gate):
    """Return who of n1, n2, … is lost; a silence of 0 is none."""
    sights = {
        f"n{number}": replace(sight(silent_s), together=f"n{number}" in together)
        for number, silent_s in enumerate(seconds, 1)
    }
    return set(lost(sights, Gate(**gate)))


EVERYBODY = {"n1", "n2", "n3", "n4", "n5"}


@pytest.mark.fault("F40")
@pytest.mark.parametrize(
    ("silence", "gate", "gone"),
    [
        ((60, 60, 0, 0, 0), {}, {"n1", "n2"}),  # less than half
        ((60, 60, 0), {}, {"n1", "n2"}),  # more than half, and less than three
        ((60, 60, 60, 0, 0, 0), {}, {"n1", "n2", "n3"}),  # just half
        ((60, 60, 60, 0, 0), {}, set()),
        ((60, 30, 6, 0, 0), {}, set()),  # within one lostAfter
        ((70, 67, 6, 0, 0), {}, {"n1", "n2"}),  # one after the other
        ((9000, 9000, 9000, 60, 60, 60), {}, {"n1", "n2", "n3"}),  # of those there were before
        ((599, 599, 599, 599, 599), {}, set()),
        ((600, 600, 600, 600, 600), {}, EVERYBODY),  # the time is over
        ((60, 60, 60, 60, 60), {"mass_loss_hold_s": 60.0}, EVERYBODY),
        ((60, 60, 60, 60, 60), {"given_up": {"n1": "somebody said so"}}, {"n1"}),
        ((60, 60, 60, 0, 0), {"shut": dict.fromkeys(["n1", "n2", "n3"], "x")}, {"n1", "n2", "n3"}),
        ((60, 60, 60, 0, 0), {"draining": {"n1": "it leaves"}}, {"n1", "n2", "n3"}),
    ],
)
def test_many_that_fall_silent_together_are_waited_for(silence, gate, gone):  # R10, F40
    assert silent(*silence, **gate) == gone


def test_who_fell_silent_with_most_is_waited_for_although_the_others_are_back():  # R10
    assert silent(90, 90, 0, 0, 0, together=("n1",)) == {"n2"}


def test_who_said_goodbye_is_not_suspected_with_the_others():  # R10
    gone = {name: sight(60.0, listed=False, left=True) for name in ("n1", "n2", "n3")}
    sights = {**gone, "n4": sight(), "n5": sight()}
    assert set(lost(sights, Gate())) == {"n1", "n2", "n3"}
    assert mass_alarm(sights, Gate()) == ""
    assert set(lost({**sights, "n4": sight(60.0)}, Gate())) == {"n1", "n2", "n3", "n4"}
    just_now = {"n1": sight(left=True)}
    assert lost(just_now, Gate()) == {}
    assert closed(just_now, Gate())["n1"] == "its agent was stopped"


def test_people_are_told_who_fell_silent_together_and_for_how_long_they_are_waited_for():
    sights = {name: sight(100.0) for name in EVERYBODY}
    said = mass_alarm(sights, Gate())
    assert "nodes n1, n2, n3, n4, n5 fell silent together" in said
    assert "in 500 s; sooner with: orchestrator nodes lost NAME" in said
    assert mass_alarm({**sights, **dict.fromkeys(("n1", "n2", "n3"), sight())}, Gate()) == ""
