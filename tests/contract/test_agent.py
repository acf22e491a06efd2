"""The agent of a node, as a process: what it survives, what it refuses, what it leaves alone."""

import itertools
import json
import os
import signal
import subprocess
import sys

import psutil
import pytest
from agents import spec, until
from clusters import Agent, Centre

from orchestrator.agent.process import is_alive
from orchestrator.engine.dask.tls import TlsEngine
from orchestrator.model.node import AgentSettings, Phase
from orchestrator.model.work import Ending

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


@pytest.fixture(scope="module")
def centre(tmp_path_factory):
    centre = Centre(tmp_path_factory.mktemp("centre"))
    centre.child.start()
    yield centre
    centre.close()


@pytest.fixture(scope="module")
def fresh_number():
    """Count the agents: each has a name of its own, so a folder of its own, on the one centre."""
    return itertools.count(1)


@pytest.fixture
def engine(centre, tmp_path):
    engine = TlsEngine(centre.child.address, centre.own, tmp_path / "engine")
    engine.open(lambda: None)
    yield engine
    engine.close()


@pytest.fixture
def agent(centre, fresh_number):
    agent = Agent(centre, f"n{next(fresh_number)}")
    yield agent
    agent.close()


def member(engine, agent, besides=None):
    def found():
        here = [each for each in engine.look() if each.node == agent.settings.node]
        return next((each for each in here if each != besides), None)

    return until(found, limit_s=30)


def phase(engine, who, attempt):
    report = engine.look().get(who)
    return report.attempts.get(attempt, (None, ""))[0] if report else None


def run(engine, who, tmp_path, attempt, script):
    told = spec(attempt, "/bin/sh", "-c", script, service="render", folder=str(tmp_path / attempt))
    assert engine.send(who, told)
    until(lambda: phase(engine, who, attempt) is Phase.RUNNING)


def ended(engine, who, attempt):
    def found():
        report = engine.look().get(who)
        outcomes = report.outcomes if report else ()
        return next((each for each in outcomes if each.attempt == attempt), None)

    return until(found, limit_s=30)


def test_agent_says_what_it_is_and_leaves_on_sigterm(engine, agent):
    who = member(engine, agent.start())
    identity = engine.look()[who].identity
    assert identity.instances == {"render": 2}
    assert identity.python_minor == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert identity.plugins["media-orchestrator"]
    assert identity.settings == agent.settings.digest
    assert not identity.bare
    assert is_alive(json.loads((agent.folder / "agent.pid").read_text()))
    agent.process.terminate()
    assert agent.process.wait(20) == 0
    assert not (agent.folder / "agent.pid").exists()
    until(lambda: who not in engine.look())


@pytest.mark.fault("F09")
def test_killed_agent_loses_nothing(engine, agent, tmp_path):
    """A runner goes on, the next agent adopts it, and its outcome is reported (F09)."""
    before = member(engine, agent.start())
    os.mkfifo(tmp_path / "gate")
    run(engine, before, tmp_path, "a1", f"read line < {tmp_path}/gate; echo $line")
    (runner,) = agent.runners()
    agent.process.kill()
    agent.process.wait()
    until(lambda: before not in engine.look())
    now = member(engine, agent.start(), besides=before)
    until(lambda: phase(engine, now, "a1") is Phase.RUNNING)
    assert agent.runners() == [runner]
    (tmp_path / "gate").write_text("through\n")
    outcome = ended(engine, now, "a1")
    assert (outcome.ending, outcome.exit_code) == (Ending.EXITED, 0)
    assert outcome.log_tail == "through\n"


def test_agent_says_goodbye_and_leaves_runners_alone(engine, agent, tmp_path):
    """R10: who leaves in order is no node that fell silent; what it runs goes on."""
    who = member(engine, agent.start())
    run(engine, who, tmp_path, "a1", "sleep 60")
    agent.process.terminate()
    until(lambda: engine.look()[who].left)
    assert phase(engine, who, "a1") is Phase.RUNNING
    assert agent.process.wait(20) == 0
    assert len(agent.runners()) == 1
    now = member(engine, agent.start(), besides=who)
    until(lambda: phase(engine, now, "a1") is Phase.RUNNING)
    assert not engine.look()[now].left
    assert who not in engine.look()


def test_stopped_agent_stays_listed_and_late_delivery_meets_the_tombstone(
    engine, agent, tmp_path, monkeypatch
):
    monkeypatch.setattr("orchestrator.engine.dask.base.SEND_S", 2.0)
    who = member(engine, agent.start())
    agent.process.send_signal(signal.SIGSTOP)
    beat = until(lambda: standing(engine, who))
    engine.kill(who, "a1", 1.0)
    told = spec("a1", "/bin/sh", "-c", "exit 0", service="render", folder=str(tmp_path / "a1"))
    assert not engine.send(who, told)
    assert engine.look()[who].beat == beat
    agent.process.send_signal(signal.SIGCONT)
    assert ended(engine, who, "a1").ending is Ending.KILLED
    assert not (tmp_path / "a1").exists()


def standing(engine, who):
    """Return the beat if it stood still for longer than any beat of a living node."""
    before = engine.look()[who].beat
    subprocess.run(["sleep", "1.5"], check=True)
    return engine.look()[who].beat == before and before


def test_storage_that_is_another_one_is_told_with_every_report(centre, engine, tmp_path):
    (tmp_path / ".orchestrator-storage").write_text("ours")
    agent = Agent(centre, "n-storage", storage=str(tmp_path), token="another").start()
    who = member(engine, agent)
    until(lambda: "another storage stands there" in engine.look()[who].unfit)
    agent.close()


@pytest.mark.fault("F03")
def test_forgotten_node_ends_what_it_runs(centre, engine, tmp_path):
    """Silent for longer than is allowed: runner and queue end, the next agent tells it (R5)."""
    agent = Agent(centre, "n-orphan", orphan_stop_after_s=3.0, instances={"render": 1}).start()
    before = member(engine, agent)
    run(engine, before, tmp_path, "a1", "sleep 60")
    agent.process.kill()
    agent.process.wait()
    until(lambda: not agent.runners(), limit_s=30)
    outcome = ended(engine, member(engine, agent.start(), besides=before), "a1")
    assert outcome.ending is Ending.LOST
    assert "nothing was heard of its cluster for 3 s" in outcome.why
    agent.close()


def test_words_of_an_extended_node_come_before_each_command(centre, engine, tmp_path):
    agent = Agent(centre, "n-wrap", wrap=("/usr/bin/env", "WRAPPED=yes")).start()
    who = member(engine, agent)
    assert engine.look()[who].identity.bare
    told = spec(
        "a1",
        *("/bin/sh", "-c", "echo command $WRAPPED"),
        service="render",
        folder=str(tmp_path / "a1"),
        preflight=("/bin/sh", "-c", "echo preflight $WRAPPED"),
    )
    assert engine.send(who, told)
    assert ended(engine, who, "a1").log_tail == "preflight yes\ncommand yes\n"
    agent.close()


def test_second_agent_in_a_folder_is_refused(engine, agent):
    member(engine, agent.start())
    words = [sys.executable, "-m", "orchestrator.agent", str(agent.folder)]
    assert subprocess.run(words, check=False).returncode == 2
    last = agent.log()[-1]
    assert last["action"] == "agent_refused"
    assert "an agent runs here already" in last["message"]
    assert psutil.pid_exists(agent.process.pid)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"node": 3}', '{"node": "n1"}', '{"nodes": "n1"}', "[" * 100_000, None],
    ids=["empty", "broken", "list", "number", "partly", "unknown", "deep", "missing"],
)
def test_settings_that_cannot_be_used_are_said_in_one_line(agent, text):
    settings = agent.folder / "settings.json"
    settings.unlink() if text is None else settings.write_text(text)
    assert agent.start().process.wait(20) == 2
    (event,) = agent.log()
    assert event["message"].startswith(str(settings))
    assert "apply the cluster again" in event["message"]


def test_digest_of_settings_changes_with_them():
    given = {"node": "n", "cluster": "c", "cluster_id": "1", "scheduler": "tls://h:1"}
    settings = AgentSettings(**given)
    assert settings.digest == AgentSettings(**given).digest
    assert settings.digest != AgentSettings(**given, log_level="debug").digest
    assert len(settings.digest) == 16
