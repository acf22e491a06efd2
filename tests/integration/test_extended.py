"""An extended node behind a real sshd: no Python there, words, exit codes, signals, lost lines."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sshd
from agents import spec as spec_of
from agents import until
from extended import processes_of, tools

from orchestrator.agent.identity import programs_behind
from orchestrator.agent.launcher import RunnerLauncher
from orchestrator.agent.spool import Spool
from orchestrator.errors import Rejected
from orchestrator.model.cluster import Extended, Node, Recovery, Ssh
from orchestrator.model.codec import canonical
from orchestrator.model.work import Ending
from orchestrator.plugin.hooks import version_check
from orchestrator.remote.extended import check, dial
from orchestrator.remote.wrap import Way, wrap

UGLY = ("a b", "'", '"', "\n\nline\n", "$HOME `id`", "-n", "\\", "é 漢字", "*")


class Old:
    """An extended node: an sshd whose sessions have few tools and a home of their own."""

    def __init__(self, folder):
        self.work = folder / "work"
        self.work.mkdir()
        self.server = sshd.Sshd(folder / "old", env={"PATH": tools(folder / "bin")})
        self.ssh = Ssh(
            port=self.server.port,
            identity_file=str(self.server.key),
            host_key=self.server.fingerprint,
        )
        self.way = Way(name="gate+old-01", address="127.0.0.1", ssh=self.ssh)

    def words(self, *words, spec=None, **way):
        told = canonical(replace(self.way, **way))
        spec = ["--spec", str(spec)] if spec else []
        return [
            sys.executable,
            "-I",
            "-m",
            "orchestrator.remote.extended",
            told,
            *spec,
            "--",
            *words,
        ]

    def start(self, *words, **way):
        return subprocess.Popen(
            self.words(*words, **way),
            cwd=self.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *words, **way):
        process = self.start(*words, **way)
        said, _ = process.communicate(timeout=60)
        return process.returncode, said

    def cut(self):
        """Kill the servers of all sessions, not the one that listens."""
        for pid in sshd._children(self.server.process.pid):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def old(tmp_path):
    sshd.needed()
    old = Old(tmp_path)
    with old.server:
        yield old
        until(lambda: not processes_of(old.server.home), limit_s=20)
        assert not (old.server.home / ".orchestrator-extended").exists()


def test_words_arrive_byte_for_byte_and_their_exit_code_comes_back(old):
    code, said = old.run("sh", "-c", 'printf "[%s]" "$@"; exit 7', "sh", *UGLY)
    assert said.decode() == "".join(f"[{word}]" for word in UGLY)
    assert code == 7


def test_there_is_no_python(old):
    code, said = old.run("python3", "-c", "print(1)")
    assert (code, b"not found" in said) == (127, True)


def test_cancelled_the_group_there_ends(old):
    process = old.start("sh", "-c", "echo up; sleep 600 & sleep 600")
    assert process.stdout.readline() == b"up\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143


@pytest.mark.timeout(60)
def test_a_lost_connection_loses_nothing(old):
    script = "echo one; until [ -e go ]; do sleep 0.1; done; echo two; exit 5"
    process = old.start("sh", "-c", script)
    assert process.stdout.readline() == b"one\n"
    old.cut()
    (old.work / "go").touch()
    said, _ = process.communicate(timeout=50)
    assert (process.returncode, said) == (5, b"two\n")


@pytest.mark.timeout(60)
def test_a_machine_that_stays_away_is_lost_and_costs_no_try(old):
    spec = old.work / "spec.json"
    spec.write_text(json.dumps({"attempt": "a-9", "folder": str(old.work)}))
    process = old.start(
        "sh",
        "-c",
        "echo up; until [ -e go ]; do sleep 0.1; done",
        spec=spec,
        give_up_s=1,
        silence_s=1,
    )
    assert process.stdout.readline() == b"up\n"
    old.server.stop()
    process.communicate(timeout=50)
    assert process.returncode == 255
    told = json.loads((old.work / "result.json").read_text())
    assert told["cause"] == "lost"
    assert "no connection for 1 s" in told["error"]
    (old.work / "go").touch()  # its keeper, which nobody asks any more, cleans up


def test_another_host_key_is_refused_before_a_word_is_said(old):
    wrong = replace(old.ssh, host_key="SHA256:" + "A" * 43)
    with pytest.raises(Rejected):
        dial(replace(old.way, ssh=wrong))


def test_storage_is_checked_through_the_way_there(old):
    (old.work / ".orchestrator-storage").write_text("t-1\n")
    assert check(lambda: dial(old.way), str(old.work), "t-1") == ""
    assert "another storage" in check(lambda: dial(old.way), str(old.work), "t-2")
    assert "cannot see" in check(lambda: dial(old.way), str(old.work / "no"), "t-1")


def test_an_attempt_of_an_agent_runs_there(old, tmp_path):
    node = Node(name="gate+old-01")
    each = Extended(host="127.0.0.1", ssh=old.ssh)
    outcome, folder = attempted(tmp_path, wrap(node, each, Recovery()))
    assert (outcome.ending, outcome.exit_code) == (Ending.EXITED, 3), outcome
    assert outcome.result == {"frames": 7}
    assert (folder / "log").read_text() == f"secret {old.server.home}\n"


def test_frames_are_made_there_and_looked_at_here(old, tmp_path):
    look = "import json, os; json.dump({'home': os.environ['HOME'], 'made': open('f').read()}, "
    look += "open('result.json', 'w'))"
    words = wrap(Node(name="gate+old-01"), Extended(host="127.0.0.1", ssh=old.ssh), Recovery())
    more = {"postflight": (sys.executable, "-c", look)}
    outcome, _ = attempted(tmp_path, words, 'echo "made in $HOME" > f; exit 3', **more)
    assert outcome.exit_code == 3, outcome
    made = f"made in {old.server.home}\n"
    assert outcome.result == {"home": os.environ["HOME"], "made": made}


def test_machine_that_is_not_reached_keeps_its_word_whatever_looks_at_the_frames(old, tmp_path):
    away = replace(old.ssh, host_key="SHA256:" + "A" * 43)
    words = wrap(Node(name="gate+old-01"), Extended(host="127.0.0.1", ssh=away), Recovery())
    look = "open('result.json', 'w').write('{}')"
    more = {"postflight": (sys.executable, "-c", look)}
    outcome, _ = attempted(tmp_path, words, "true", **more)
    assert "host key" in str(outcome.result["error"]), outcome


def test_programs_are_asked_for_there(old):
    tool = old.server.home / "maya"
    tool.write_text("#!/bin/sh\necho Maya 2024\n")
    tool.chmod(0o755)
    words = wrap(Node(name="gate+old-01"), Extended(host="127.0.0.1", ssh=old.ssh), Recovery())
    maya = version_check("maya", ("-v",), r"Maya (?P<version>\S+)").argv
    python = version_check("python3", ("-V",), r"Python (?P<version>\S+)").argv
    asked = {"maya": maya, "python3": python}
    maya, python = programs_behind(asked, {"maya": str(tool)}, words)
    assert (maya.path, maya.version) == (str(tool), "2024"), maya
    assert python.why == "it has no python3: install it, or name it in `programs`"


def attempted(
    tmp_path,
    words,
    script="""echo "$WORD $HOME"; echo '{"frames": 7}' > result.json; exit 3""",
    **more,
):
    folder = tmp_path / "attempts" / "a-5"
    env = {"WORD": "secret"}
    told = spec_of("a-5", "sh", "-c", script, env=env, folder=str(folder), **more)
    spool = Spool(tmp_path / "spool")
    spool.store("a-5", canonical(told))
    launcher = RunnerLauncher(words)
    launcher.open(spool, lambda *_: None)
    try:
        return launcher.start(told).wait(), Path(folder)
    finally:
        launcher.close()
