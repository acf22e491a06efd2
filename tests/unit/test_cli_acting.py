"""`pause`, `resume`, `cancel`, `retry`, and what each takes."""

import json
import os
import sys

import pytest
from cli_ledger import batch
from fake_client import FakeClient

from orchestrator.cli import acting, here
from orchestrator.cli.app import main
from orchestrator.cli.options import layout, made
from orchestrator.ledger.lock import Lock
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.talk import BatchView, Leaving, NodePhase, Verb
from orchestrator.model.work import Priority


@pytest.fixture
def cluster(monkeypatch):
    fake = FakeClient()
    fake.views["dailies-0001"] = BatchView(batch=batch(), standings=(), tasks=(), attempts=())
    fake.node_views["mac-01"] = [NodePhase.READY]
    monkeypatch.setattr(acting, "connected", fake.connected)
    return fake


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("ORCHESTRATOR_STATE", str(tmp_path / "no-state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    monkeypatch.delenv("ORCHESTRATOR_CLUSTER", raising=False)

    def run(*words, ends=0):
        monkeypatch.setattr(sys, "argv", ["orchestrator", *words])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert end.value.code == ends, said
        return said

    return run


@pytest.mark.parametrize("verb", Verb)
def test_each_verb_is_done_to_a_batch(cluster, call, verb):
    said = call(verb.value, "dailies-0001/clip")
    assert cluster.done == [(verb, "dailies-0001/clip", False)]
    assert said.out == f"dailies-0001/clip: {acting.DONE[verb]}\n"


def test_batch_of_this_computer_is_meant_where_no_cluster_is_named(cluster, call, tmp_path):
    where = made(layout(tmp_path))
    state = ("--state", str(tmp_path))
    with SqliteLedger(where.ledger) as ledger:
        ledger.accept(batch(), "d", [])
    said = call("pause", "dailies-0001/clip", *state)
    assert said.out == "dailies-0001/clip: paused\n"
    assert (
        said.err == "Batch dailies-0001: no `run` works on it now; the next one goes on with it.\n"
    )
    with SqliteLedger(where.ledger, read_only=True) as ledger:
        assert ledger.paused() == ("dailies-0001/clip",)
    assert cluster.done == []
    call("resume", "dailies-0001/clip", "--cluster", "studio", *state)
    call("resume", "mac-01", *state, ends=2)
    assert cluster.done == [(Verb.RESUME, "dailies-0001/clip", False)]


def test_lock_that_another_program_holds_is_named(call, tmp_path, monkeypatch):
    where = made(layout(tmp_path))
    with SqliteLedger(where.ledger) as ledger:
        ledger.accept(batch(), "d", [])
    monkeypatch.setattr(here, "WAITED_S", 0.05)
    lock = Lock(where.lock)
    assert lock.take()
    said = call("cancel", "dailies-0001", "--state", str(tmp_path), ends=1)
    lock.release()
    assert f"process {os.getpid()}" in said.err
    assert "has not answered" in said.err
    assert list(where.slot.iterdir()) == []


def test_pause_now_stops_what_runs(cluster, call):
    call("pause", "dailies-0001", "--now")
    assert cluster.done == [(Verb.PAUSE, "dailies-0001", True)]


def test_id_that_is_a_node_is_paused_as_one(cluster, call):
    said = call("pause", "mac-01", "--deadline", "1m30s")
    assert cluster.done == [(Verb.PAUSE, "mac-01", Leaving(deadline_s=90.0))]
    assert said.out == "mac-01: paused\n"


def test_node_cannot_be_cancelled(cluster, call):
    said = call("cancel", "mac-01", ends=2)
    assert "it is a node" in said.err
    assert cluster.done == []


def test_what_one_id_is_refused_does_not_hold_up_the_others(cluster, call):
    said = call("pause", "nothing-0001", "dailies-0001", ends=2)
    assert "no such batch" in said.err
    assert cluster.done == [(Verb.PAUSE, "dailies-0001", False)]


def test_batches_are_given_a_priority(cluster, call):
    said = call("priority", "dailies-0001", "nothing-0001", "high", ends=2)
    assert cluster.done == [(Priority.HIGH, "dailies-0001")]
    assert said.out == "dailies-0001: high priority\n"
    assert "no such batch" in said.err
    assert "'urgent' is not one of 'high'" in call("priority", "b-0001", "urgent", ends=2).err


def test_done_is_data_too(cluster, call):
    assert json.loads(call("retry", "dailies-0001", "-o", "json").out) == [
        {"id": "dailies-0001", "done": "retried"}
    ]


def test_duration_that_is_none_is_refused(cluster, call):
    assert "is no duration" in call("pause", "mac-01", "--deadline", "soon", ends=2).err
    assert cluster.done == []
