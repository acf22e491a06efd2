"""What followers are told, and how often: states at once, progress at its interval (F-ADM-7)."""

from dataclasses import replace

import pytest
from fake_front import FakeFront

from orchestrator.model.talk import NodePhase, NodeView, Seats
from orchestrator.model.work import Kind, State
from orchestrator.web.follow import Ticks

INTERVAL_S = 5.0


@pytest.fixture
def front():
    return FakeFront()


@pytest.fixture
def told(front):
    """Return what says how many seconds later another tick than the last one is told."""
    at = [100.0]
    ticks = Ticks(front, lambda: at[0])
    last = [ticks.now()]

    def after(limit_s=60.0):
        began = at[0]
        while at[0] - began < limit_s:
            at[0] += 0.5
            if (tick := ticks.now()) != last[0]:
                last[0] = tick
                return at[0] - began
        return None

    return after


def node(**more):
    return NodeView(name="n1", services={"render": Seats(instances=2, busy=1)}, **more)


def test_progress_is_told_at_its_interval(front, told):
    front.standing = replace(front.standing, tasks={(Kind.RENDER, State.SUCCESSFUL): 6})
    assert told() == INTERVAL_S
    front.node = node(phase=NodePhase.READY, silent_s=3.0)
    assert told() == INTERVAL_S
    assert told() is None


def test_progress_that_waited_comes_with_the_next_state(front, told):
    front.standing = replace(front.standing, tasks={(Kind.RENDER, State.SUCCESSFUL): 6})
    assert told(limit_s=2.0) is None
    front.node = node(phase=NodePhase.LOST)
    assert told() == 0.5
    assert told() is None


@pytest.mark.parametrize(
    "change",
    [
        {"node": node(phase=NodePhase.SUSPECT, why="silent for 6 s")},
        {"standing": {"state": State.HOLD}},
        {"target": {"state": State.FAILED}, "standing": {"tasks": {}}},
    ],
    ids=["node", "batch", "target"],
)
def test_state_is_told_at_once(front, told, change):
    for name, new in change.items():
        setattr(front, name, replace(getattr(front, name), **new) if name != "node" else new)
    assert told() == 0.5


def test_number_in_a_reason_is_progress(front, told):
    front.node = node(phase=NodePhase.SUSPECT, why="silent for 6 s")
    told()
    front.node = node(phase=NodePhase.SUSPECT, why="silent for 7 s")
    assert told() == INTERVAL_S
