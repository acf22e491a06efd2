"""How a batch on a cluster is waited for: told of news instead of asking again and again."""

import json
from dataclasses import replace

import pytest
from fake_client import FakeClient
from fake_front import STANDING, VIEW

from orchestrator.cli import awaiting
from orchestrator.cli.connect import Dial
from orchestrator.errors import Unreachable
from orchestrator.model.work import State

BATCH = STANDING.id
DONE = replace(VIEW, standings=(replace(STANDING, state=State.SUCCESSFUL),))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(awaiting, "LOOK_S", 0)


def test_batch_is_looked_at_with_every_tick_and_once_an_interval(capsys):
    """F-ADM-7: a follower is told of states at once, and asks anew after each interval."""
    client = FakeClient()
    client.cluster = replace(client.cluster, status_interval_s=2.5)
    client.views[BATCH] = [VIEW, VIEW, VIEW, DONE]
    assert awaiting.result(client, BATCH, Dial(), None, "json") == 0
    assert client.followed == [2.5, 2.5]
    assert json.loads(capsys.readouterr().out)["status"] == "Successful"


def test_controller_that_is_away_for_a_while_is_asked_again(capsys):
    class Away(FakeClient):
        def ticks(self, seconds=60):
            yield from super().ticks(seconds)
            if len(self.followed) == 1:
                raise Unreachable("ctrl", "it was cut off")

    client = Away()
    client.views[BATCH] = [VIEW, VIEW, DONE]
    assert awaiting.result(client, BATCH, Dial(), None, "json") == 0
    assert capsys.readouterr().err.count("it was cut off") == 1


def test_time_ends_the_wait_and_not_the_batch(capsys):
    client = FakeClient()
    client.views[BATCH] = VIEW
    assert awaiting.result(client, BATCH, Dial(), 0.01, "json") == 1
    assert "it goes on" in capsys.readouterr().err
    assert max(client.followed) <= 0.01
