"""The check of a program that tells its version: whatever is there, it answers, and nothing stays."""

import json
import os
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from orchestrator.agent import asking, versions
from orchestrator.agent.identity import programs_behind, this_identity
from orchestrator.plugin.hooks import version_check

pytestmark = pytest.mark.slow

WORDS = ("--version",)
PATTERN = r"Maya (?P<version>\S+)"


def tool(folder, script, name="maya", mode=0o755):
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(mode)
    return file


def found(path="", name="maya"):
    return versions.found(
        versions.Question(name=name, path=str(path), pattern=PATTERN, words=WORDS)
    )


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('echo "Maya 2024 $*" >&2', {"version": "2024"}),
        ("echo Maya 2024; exit 3", {"version": "2024"}),
        ("exit 3", "maya does not tell the version of maya: it is silent, exit code 3"),
        ("echo no licence; exit 1", "maya does not tell the version of maya: no licence"),
        ("echo Maya 1; yes 0123456789 | head -c 9000000", {"version": "1"}),
        ('test -t 0 || test -n "$DISPLAY" || echo Maya 1', {"version": "1"}),
    ],
)
def test_program_that_is_there_tells_its_version_or_why_not(tmp_path, monkeypatch, script, said):
    monkeypatch.setenv("DISPLAY", ":0")
    answer = found(tool(tmp_path / "bin", script))
    assert said.items() <= answer.items() if isinstance(said, dict) else said in answer["why"]


def test_program_that_hangs_is_ended_with_all_that_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "LIMIT_S", 0.5)
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 600 & echo $! $$ > {pids}; wait; wait"
    monkeypatch.setattr(asking, "GRACE_S", 0.1)
    answer = found(tool(tmp_path / "bin", script))
    assert answer["why"].endswith("maya --version: said nothing for 0.5 s")
    for pid in pids.read_text().split():
        with suppress(psutil.NoSuchProcess):
            psutil.Process(int(pid)).wait(5)


def test_program_that_leaves_children_with_its_pipe_does_not_hold_us_up(tmp_path):
    pids = tmp_path / "pids"
    script = f"echo Maya 7; sleep 600 & echo $! > {pids}"
    assert found(tool(tmp_path / "bin", script))["version"] == "7"
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(pids.read_text())).wait(5)


def test_what_cannot_be_run_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    plain = tool(tmp_path / "bin", "echo Maya 1", mode=0o644)
    assert found()["why"] == "it has no maya: install it, or name it in `programs`"
    assert found(plain)["why"].endswith("it may not be executed; correct it in `programs`")
    assert found(tmp_path)["why"].endswith("it is a folder; correct it in `programs`")
    gone = tmp_path / "gone"
    assert found(gone)["why"] == f"{gone}: there is no such program; correct it in `programs`"
    odd = tool(tmp_path / "bin", "", name="odd")
    odd.write_bytes(b"\x7fELF no program")
    assert "odd: it cannot be started: " in found(odd)["why"]


def test_program_named_without_a_folder_is_looked_for_on_the_path(tmp_path, monkeypatch):
    file = tool(tmp_path / "bin", "echo Maya 9", name="maya2024")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert found("maya2024")["path"] == str(file)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert found("~/bin/maya2024")["path"] == str(file)


def test_program_that_comes_first_on_the_path_is_the_one_also_when_it_comes_later(
    tmp_path, monkeypatch
):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    monkeypatch.setenv("PATH", f"{first}:{second}:{os.environ['PATH']}")
    tool(second, "echo Maya 1")
    check = version_check("maya", WORDS, PATTERN)

    def ask(**paths):
        more = {"paths": paths, "instances": {}, "cache": tmp_path / "programs.json"}
        return this_identity({"maya": check.argv}, **more).programs[0].version

    assert ask() == "1"
    tool(first, "echo Maya 2")
    assert ask() == "2"
    assert ask(maya=str(second / "maya")) == "1"


def test_program_of_an_extended_node_is_asked_for_where_the_way_leads(tmp_path):
    """The way is a shell with a path of its own: the script there needs nothing of ours."""
    file = tool(tmp_path / "there", "echo Maya 5; exit 1")
    usual = f"{tmp_path / 'there'}:{os.environ['PATH']}"
    way = ["/usr/bin/env", f"PATH={usual}"]
    check = version_check("maya", WORDS, PATTERN).argv
    checks = {"maya": check, "nuke": ("{python}", "-c", "")}
    maya, nuke = programs_behind(checks, {}, way)
    assert (maya.path, maya.version, bool(maya.sha256)) == (str(file), "5", True)
    assert nuke.why == (
        "it has no nuke: its plugin cannot look for it there; name it in `programs`"
    )
    (named,) = programs_behind({"nuke": checks["nuke"]}, {"nuke": str(file)}, way)
    assert (named.path, named.version, bool(named.sha256)) == (str(file), "", True)
    (other,) = programs_behind({"maya": check}, {"maya": "/no/maya"}, way)
    assert other.why == "/no/maya: there is no such program; correct it in `programs`"
    lost = ["sh", "-c", "echo no route to host; exit 255"]
    (away,) = programs_behind({"maya": check}, {}, lost)
    assert away.why == "maya: it cannot be asked for now: no route to host"


def test_module_answers_with_json(tmp_path):
    file = tool(tmp_path / "bin", "echo Maya 3")
    words = [word.replace("{path}", str(file)).replace("{way}", "") for word in _argv()]
    said = subprocess.run(words, capture_output=True, check=True, text=True).stdout
    assert json.loads(said)["version"] == "3"


def _argv():
    return [sys.executable, *version_check("maya", WORDS, PATTERN).argv[1:]]


def test_program_that_is_absent_is_known_without_a_process(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    check = [sys.executable, *version_check("maya", WORDS, PATTERN).argv[1:]]
    filled = [word.replace("{path}", "").replace("{way}", "") for word in check]
    assert versions.absent(filled) == found()["why"]
    tool(tmp_path / "bin", "echo Maya 2024")
    assert versions.absent(filled) == ""
    assert versions.absent([sys.executable, "-m", "somebody.elses", "maya"]) == ""
