"""What an agent's table promises whatever carries it, on real runners."""

import json
import os
import shutil
import signal
import sys
import threading

import psutil
import pytest
from agents import IDENTITY, NoLauncher, spec, table, until

from orchestrator.agent.process import is_alive, mark
from orchestrator.agent.table import OUTCOMES_BYTES_MAX
from orchestrator.errors import Rejected
from orchestrator.model.codec import canonical
from orchestrator.model.node import Phase
from orchestrator.model.work import Cause, Ending, Outcome

SLEEP = ("sleep", "600")


class Agent:
    """A table on real runners, which a test may leave and come back to."""

    def __init__(self, base):
        self.base = base
        self.woken = threading.Event()
        self.begin()

    def begin(self):
        self.table = table("n1", self.base)
        self.table.on_change(self.woken.set)

    def take(self, attempt, *argv, **more):
        more = {"folder": str(self.base / "storage" / attempt), **more}
        self.table.take(canonical(spec(attempt, *argv, **more)))

    def kill(self, attempt, grace_s=5.0):
        self.table.told({"op": "kill", "attempt": attempt, "grace": grace_s})

    def ack(self, *attempts):
        self.table.told({"op": "ack", "attempts": list(attempts)})

    def phase(self, attempt):
        return self.table.report().attempts.get(attempt, (None, ""))[0]

    def outcome(self, attempt):
        found = (o for o in self.table.report().outcomes if o.attempt == attempt)
        return next(found, None)

    def ended(self, attempt):
        return until(lambda: self.outcome(attempt), self.woken, 20)

    def folder(self, attempt):
        return self.base / "spool-n1" / "attempts" / attempt

    def runner(self, attempt):
        """Return the attempt's runner, once it has said who it is."""
        path = self.folder(attempt) / "pid.json"
        until(path.exists)
        return psutil.Process(json.loads(path.read_text())["pid"])

    def command(self, attempt):
        runner = self.runner(attempt)
        return until(lambda: runner.children())[0]

    def renew(self):
        """Let the agent die and another begin on its spool."""
        self.table.close()
        self.begin()

    def end(self):
        self.table.kill_all(0.1)
        live = (Phase.QUEUED, Phase.RUNNING)
        until(lambda: not any(p in live for p, _ in self.table.report().attempts.values()))
        self.table.close()


@pytest.fixture
def agent(tmp_path):
    agent = Agent(tmp_path)
    yield agent
    agent.end()


def test_command_runs_to_its_outcome(agent):
    agent.take("a1", "sh", "-c", "echo hi; echo '{\"frames\": 3}' > result.json; exit 3")
    outcome = agent.ended("a1")
    assert (outcome.ending, outcome.exit_code) == (Ending.EXITED, 3)
    assert outcome.result == {"frames": 3}
    assert outcome.log_tail == "hi\n"
    assert agent.phase("a1") is Phase.EXITED


def test_log_and_record_are_copied_to_the_attempts_folder(agent):
    agent.take("a1", "echo", "hi")
    outcome = agent.ended("a1")
    folder = agent.base / "storage" / "a1"
    assert (folder / "log").read_text() == "hi\n"
    assert json.loads((folder / "exit.json").read_text())["attempt"] == outcome.attempt


def test_log_is_read_while_it_grows(agent):
    agent.take("a1", "sh", "-c", "echo one; exec sleep 600")
    until(lambda: agent.table.read("a1", 0) == b"one\n")
    assert agent.table.read("a1", 2) == b"e\n"
    assert agent.table.read("a1", 4) == b""
    assert agent.table.read("../a1", 0) == b""


def test_running_command_shows_its_progress(agent):
    agent.take("a1", "sh", "-c", "echo frame=5; exec sleep 600", watch=r"frame=\d+")
    until(lambda: agent.table.report().attempts["a1"] == (Phase.RUNNING, "frame=5"))


def test_next_agent_adopts_what_runs(agent):
    os.mkfifo(agent.base / "gate")
    agent.take("a1", "sh", "-c", f"read line < {agent.base}/gate; exit 4")
    command = agent.command("a1")
    agent.renew()
    assert agent.phase("a1") is Phase.RUNNING
    assert command.is_running()
    (agent.base / "gate").write_text("go\n")
    assert agent.ended("a1").exit_code == 4


def test_adopted_command_can_be_killed(agent):
    agent.take("a1", *SLEEP)
    agent.command("a1")
    agent.renew()
    agent.kill("a1")
    assert agent.ended("a1").ending is Ending.KILLED


def test_next_agent_hears_the_progress_of_what_it_adopted(agent):
    os.mkfifo(agent.base / "gate")
    script = f"read line < {agent.base}/gate; echo frame=8; exec sleep 600"
    agent.take("a1", "sh", "-c", script, watch=r"frame=\d+")
    agent.runner("a1")
    agent.renew()
    (agent.base / "gate").write_text("go\n")
    until(lambda: agent.table.report().attempts["a1"][1] == "frame=8")


def test_next_agent_reports_what_ended_without_one(agent):
    os.mkfifo(agent.base / "gate")
    agent.take("a1", "sh", "-c", f"read line < {agent.base}/gate; exit 5")
    runner = agent.runner("a1")
    agent.table.close()
    (agent.base / "gate").write_text("go\n")
    psutil.wait_procs([runner], timeout=10)
    agent.begin()
    assert agent.outcome("a1").exit_code == 5


def test_killed_runner_is_lost(agent):
    agent.take("a1", *SLEEP)
    command, runner = agent.command("a1"), agent.runner("a1")
    runner.kill()
    outcome = agent.ended("a1")
    assert outcome.ending is Ending.LOST
    assert outcome.why == "its runner vanished without a word"
    command.kill()


def test_next_agent_finds_a_killed_runner_lost(agent):
    agent.take("a1", *SLEEP)
    command, runner = agent.command("a1"), agent.runner("a1")
    agent.table.close()
    runner.kill()
    psutil.wait_procs([runner], timeout=10)
    agent.begin()
    assert agent.ended("a1").ending is Ending.LOST
    command.kill()


@pytest.mark.parametrize("lie", [{"boot": "another"}, {"start": "1"}, {"pid": 1 << 30}, {"pid": 0}])
def test_process_of_another_boot_or_start_is_not_ours(lie):
    assert is_alive(mark(os.getpid()))
    assert not is_alive({**mark(os.getpid()), **lie})


def test_spec_that_was_taken_and_never_started_is_started_by_the_next_agent(agent):
    agent.table.close()
    folder = agent.folder("a1")
    folder.mkdir(parents=True)
    text = canonical(spec("a1", "true", folder=str(agent.base / "storage" / "a1")))
    (folder / "spec.json").write_text(text)
    agent.begin()
    assert agent.ended("a1").exit_code == 0


def test_kill_asked_of_an_earlier_agent_keeps_it_from_starting(agent):
    agent.table.close()
    folder = agent.folder("a1")
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(canonical(spec("a1", *SLEEP)))
    (folder / "kill.json").write_text('{"grace": 1.0}')
    agent.begin()
    assert agent.ended("a1").ending is Ending.KILLED


@pytest.mark.parametrize(
    "record",
    ["", "{", "[]", '{"attempt": "a9", "ending": "exited"}', '{"attempt": "a1", "ending": "so"}'],
)
def test_exit_record_that_is_not_whole_means_lost(agent, record):
    agent.table.close()
    folder = agent.folder("a1")
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(canonical(spec("a1", *SLEEP)))
    (folder / "exit.json").write_text(record)
    agent.begin()
    assert agent.outcome("a1").ending is Ending.LOST


def test_spool_folder_without_a_spec_means_lost(agent):
    agent.table.close()
    agent.folder("a1").mkdir(parents=True)
    agent.begin()
    assert agent.outcome("a1").ending is Ending.LOST


def test_attempt_is_never_given_a_folder_that_exists(agent):
    (agent.base / "storage" / "a1").mkdir(parents=True)
    agent.take("a1", "true")
    outcome = agent.ended("a1")
    assert (outcome.ending, outcome.cause) == (Ending.UNSTARTED, Cause.LOST)
    assert list((agent.base / "storage" / "a1").iterdir()) == []


def test_kill_at_once_is_never_lost(agent):
    for number in range(8):
        agent.take(f"a{number}", *SLEEP)
        agent.kill(f"a{number}")
    for number in range(8):
        assert agent.ended(f"a{number}").ending is Ending.KILLED


def test_everything_is_ended_on_the_second_ctrl_c(agent):
    for number in range(4):
        agent.take(f"a{number}", *SLEEP)
    command = agent.command("a0")
    agent.table.kill_all()
    assert [agent.ended(f"a{n}").ending for n in range(4)] == [Ending.KILLED] * 4
    psutil.wait_procs([command], timeout=10)


def test_closing_leaves_runners_alone_and_starts_nothing_more(agent):
    agent.take("a1", *SLEEP, service="render")
    agent.take("a2", "true", service="render")
    command = agent.command("a1")
    agent.table.close()
    command.send_signal(signal.SIGTERM)
    psutil.wait_procs([agent.runner("a1")], timeout=10)
    assert not (agent.folder("a2") / "pid.json").exists()
    agent.begin()
    assert agent.ended("a2").exit_code == 0


def test_acked_attempt_leaves_nothing_but_its_name(agent):
    agent.take("a1", "true")
    agent.ended("a1")
    agent.ack("a1")
    assert not agent.folder("a1").exists()
    agent.renew()
    agent.take("a1", "true")
    assert agent.outcome("a1").ending is Ending.LOST


def test_who_asks_for_an_attempt_that_is_over_is_told_so_and_nothing_starts(agent):
    agent.take("a1", "true")
    agent.ended("a1")
    agent.ack("a1")
    for _ in range(2):
        agent.take("a1", "true")
        assert agent.outcome("a1").ending is Ending.LOST
    agent.renew()
    agent.take("a1", "true")
    assert agent.outcome("a1").ending is Ending.LOST


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"attempt": "../../etc"}', '{"attempt": ".x"}', '{"attempt": 7}', "[" * 9999],
)
def test_text_that_names_no_attempt_is_rejected(agent, text):
    with pytest.raises(Rejected):
        agent.table.take(text)
    assert agent.table.report().attempts == {}


@pytest.mark.parametrize("more", [{"argv": []}, {"evil": 1}, {"lease": None}, {"env": 3}])
def test_spec_that_cannot_be_read_is_refused_with_an_outcome(agent, more):
    data = json.loads(canonical(spec("a1"))) | {"argv": ["true"]} | more
    if more == {"lease": None}:
        del data["lease"]
    agent.table.take(json.dumps(data))
    assert agent.phase("a1") is Phase.REFUSED
    assert agent.outcome("a1").ending is Ending.UNSTARTED


def test_spec_that_is_too_long_is_refused(agent):
    agent.take("a1", "echo", "x" * (65 << 10))
    assert "65536" in agent.outcome("a1").why


def test_message_that_nobody_understands_is_logged(agent, caplog):
    agent.table.told({"op": "dance"})
    assert [record.action for record in caplog.records] == ["message_refused"]


def test_report_holds_the_oldest_outcomes_that_fit(tmp_path):
    one = table("n1", tmp_path, launcher := NoLauncher())
    tail = "x" * 4000
    launcher.start = lambda spec: _Over(
        Outcome(attempt=spec.attempt, ending=Ending.EXITED, log_tail=tail)
    )
    names = [f"a{number:03d}" for number in range(40)]
    for name in names:
        one.take(canonical(spec(name, service="render")))
    until(lambda: all(p is Phase.EXITED for p, _ in one.report().attempts.values()))
    shown = [outcome.attempt for outcome in one.report().outcomes]
    assert shown == names[: len(shown)]
    assert 4000 * len(shown) < OUTCOMES_BYTES_MAX
    one.told({"op": "ack", "attempts": shown})
    assert one.report().outcomes[0].attempt == names[len(shown)]
    one.close()


class _Over:
    def __init__(self, outcome):
        self.outcome = outcome

    def wait(self):
        return self.outcome


def test_runner_that_cannot_be_started_costs_no_try(tmp_path):
    launcher = NoLauncher()

    def fail(spec):
        raise OSError(11, "Resource temporarily unavailable")

    launcher.start = fail
    one = table("n1", tmp_path, launcher)
    one.take(canonical(spec("a1")))
    until(lambda: one.report().outcomes)
    assert one.report().outcomes[0].cause is Cause.UNREADY
    one.close()


def test_two_lives_of_an_agent_have_different_names(agent):
    before = agent.table.member
    agent.renew()
    assert agent.table.member != before
    assert agent.table.member.node == before.node
    assert agent.table.identity == IDENTITY


def test_environment_is_allow_listed(agent, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hidden")
    monkeypatch.setenv("LC_TIME", "C")
    agent.take(
        "a1", sys.executable, "-c", "import os; print(sorted(os.environ))", env={"OCIO": "x"}
    )
    said = agent.ended("a1").log_tail
    assert "SECRET_TOKEN" not in said
    assert all(name in said for name in ("'OCIO'", "'PATH'", "'LC_TIME'"))
    assert shutil.which("env")
