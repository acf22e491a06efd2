"""The way of nodes to readiness, as lines."""

import pytest
from fake_client import FakeClient

from orchestrator.cli import settling
from orchestrator.errors import Unreachable
from orchestrator.model.talk import NodePhase, NodeView, Seats


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(settling, "LOOK_S", 0)


def lines(capsys):
    return [line.strip() for line in capsys.readouterr().err.splitlines()]


def test_each_step_is_told_once(capsys):
    client = FakeClient()
    client.node_views["n1"] = [
        NodePhase.CONNECTING,
        NodePhase.CONNECTING,
        NodePhase.STARTING,
        NodeView(name="n1", phase=NodePhase.READY, services={"render": Seats(instances=4)}),
    ]
    end = settling.settle(client, ["n1"], 60, quiet=False)
    assert end.is_over
    assert not end.failed
    assert lines(capsys) == ["n1: connecting", "n1: starting", "n1: ready (4 render)"]


def test_what_comes_again_and_again_is_told_once(capsys):
    client = FakeClient()
    silent = [NodeView(name="n1", phase=NodePhase.SUSPECT, why=f"silent for {n} s") for n in "123"]
    circle = [NodePhase.CONNECTING, NodePhase.JOINING, *silent]
    client.node_views["n1"] = [*circle, *circle, NodePhase.READY]
    settling.settle(client, ["n1"], 60, quiet=False)
    told = ["n1: connecting", "n1: joining", "n1: suspect: silent for 1 s", "n1: ready"]
    assert lines(capsys) == told


def test_what_stood_before_the_apply_settles_nothing(capsys):
    client = FakeClient()
    old = NodeView(name="n1", phase=NodePhase.UNREACHABLE, why="no route", is_asked=False)
    client.node_views["n1"] = [old, NodePhase.CONNECTING, NodePhase.READY]
    assert not settling.settle(client, ["n1"], 60, quiet=False).failed


def test_node_that_needs_a_person_does_not_hold_up_the_others(capsys):
    client = FakeClient()
    why, todo = "host key changed", "orchestrator nodes trust n1 --fingerprint SHA256:x"
    refused = NodeView(name="n1", phase=NodePhase.REFUSED, why=why, todo=todo)
    client.node_views = {"n1": [refused], "n2": [NodePhase.JOINING, NodePhase.READY]}
    end = settling.settle(client, ["n1", "n2"], 60, quiet=False)
    assert [view.name for view in end.failed] == ["n1"]
    assert f"n1: refused: {why}; type: {todo}" in lines(capsys)


def test_node_that_is_closed_or_paused_is_no_failure_and_is_not_counted_as_ready():
    closed = NodeView(name="n2", phase=NodePhase.CLOSED, why="closed until Mon 18:00 (UTC)")
    client = FakeClient()
    client.node_views = {"n1": [NodePhase.READY], "n2": [closed], "n3": [NodePhase.PAUSED]}
    end = settling.settle(client, ["n1", "n2", "n3"], 60, quiet=True)
    assert (end.failed, end.is_over) == ((), True)
    assert settling.tally(end, 3) == "1 of 3 nodes are ready, 1 closed, 1 paused"
    told = [settling.sentence(view) for view in end.resting]
    assert told == ["  n2: closed until Mon 18:00 (UTC)", "  n3: paused"]


def test_time_ends_the_wait():
    client = FakeClient()
    client.node_views["n1"] = [NodePhase.INSTALLING]
    end = settling.settle(client, ["n1"], 0, quiet=True)
    assert not end.is_over
    assert [view.name for view in end.failed] == ["n1"]


def test_node_that_leaves_is_waited_for_and_is_no_failure(capsys):
    client = FakeClient()
    client.node_views = {
        "n1": [NodePhase.READY],
        "old": [NodePhase.DRAINING, NodePhase.DRAINING, NodePhase.REMOVED],
    }
    end = settling.settle(client, ["n1"], 60, quiet=False, leaving=["old", "long gone"])
    assert end.is_over
    assert end.failed == ()
    assert lines(capsys) == ["n1: ready", "old: draining", "old: removed"]


def test_only_the_named_nodes_are_waited_for(capsys):
    client = FakeClient()
    client.node_views = {"n1": [NodePhase.READY], "free": [NodePhase.CONNECTING]}
    assert settling.settle(client, ["n1"], 60, quiet=False).is_over
    assert lines(capsys) == ["n1: ready"]


def test_nodes_are_followed_until_the_controller_is_gone(capsys):
    client = FakeClient()
    answers = [(NodeView(name="n1", phase=NodePhase.DRAINING),)]

    def nodes():
        if not answers:
            raise Unreachable("studio", "it does not answer")
        return answers.pop()

    client.nodes = nodes
    assert settling.follow(client, None, quiet=False).is_over
    assert lines(capsys) == ["n1: draining"]
