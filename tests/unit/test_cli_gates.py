"""What people are told of a target that waits for them, and what they may type."""

from dataclasses import replace
from pathlib import Path

import pytest
from cli_ledger import Office, batch, target
from fake_client import FakeClient
from fake_front import STANDING, VIEW

from orchestrator.cli import awaiting, outcome
from orchestrator.cli.connect import Dial
from orchestrator.model.work import Kind, State, task_id

BATCH, JOB, WEB = "dailies-0001", "dailies-0001/clip", "dailies-0001/clip/web"
WHY = "look at /out/0001.png first"
RESUME = f"orchestrator resume {WEB}"


@pytest.fixture
def office(tmp_path, monkeypatch, capsys):
    """A batch whose one target waits for a person."""
    office = Office(tmp_path / "state", monkeypatch, capsys)
    (job,) = office.accept(batch()).jobs
    office.done(task_id(job.id, Kind.PROBE))
    office.ledger.plan(job.id, [replace(target(job), gate=WHY)])
    yield office
    office.ledger.close()


@pytest.mark.parametrize("id", [BATCH, JOB, WEB, f"{WEB}/000000", f"{WEB}/publish"])
def test_whatever_is_asked_about_names_the_gate_and_the_way_on(office, id):
    said = office.call("explain", id).out.splitlines()
    assert sum(f"waits for a person: {WHY}" in line for line in said) == 1
    assert said.count(f"  next: {RESUME}") == 1
    assert said.count(f"  next: orchestrator cancel {JOB}  # or give it up") == 1
    assert not any("a person has paused" in line for line in said)


def test_status_names_the_gate_until_somebody_opens_it(office):
    said = office.call("status", BATCH).out
    assert f"clip/web: {WHY}; go on with: {RESUME}" in said.splitlines()
    assert "Hold" in said
    assert "web waits for a person" in office.call("explain", WEB, "--timeline").out
    office.ledger.resume(WEB)
    assert WHY not in office.call("status", BATCH).out
    assert "waits for a person" not in office.call("explain", WEB).out


def test_run_that_comes_to_a_gate_ends_with_1_and_the_command(office, capsys):
    ended = outcome.Ended(BATCH, Path("/scratch"), interrupted=False, state=Path("/my state"))
    assert outcome.report(office.ledger, ended, "table", gates=False) == 1
    said = capsys.readouterr().out.splitlines()
    assert f"  {WEB}: Hold: {WHY}" in said
    assert said[-2:] == [
        f"Held: {RESUME} --state '/my state'",
        "Then the same `orchestrator run` again goes on.",
    ]


def test_who_waits_for_a_cluster_is_told_the_same(monkeypatch, capsys):
    monkeypatch.setattr(awaiting, "LOOK_S", 0)
    head = replace(STANDING, state=State.HOLD)
    gated = replace(STANDING, id=f"{head.id}/j/t", level="target", state=State.HOLD, gate=WHY)
    client = FakeClient()
    client.views[head.id] = replace(VIEW, standings=(head, gated), paused=(gated.id,))
    assert awaiting.result(client, head.id, Dial(cluster="studio"), None, "json") == 1
    said = capsys.readouterr().err.splitlines()
    assert said[-2:] == [
        f"{gated.id}: {WHY}",
        f"Held: orchestrator resume {gated.id} --cluster studio",
    ]
