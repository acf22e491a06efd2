"""Cores, memory, instances and programs of this machine."""

import json
import os
import sys

import psutil
import pytest

from orchestrator.agent import asking
from orchestrator.agent import identity as identity_module
from orchestrator.agent.identity import (
    cores_here,
    default_instances,
    memory_here,
    this_identity,
)

CHECK = """
import json, sys
open({log!r}, "a").write("checked\\n")
print(json.dumps({{"path": {path!r}, "version": "1", "sha256": "ab", "parts": ["libx264"]}}))
"""


@pytest.mark.parametrize(
    ("cores", "gb", "compressor"),
    [(8, 8, 4), (2, 64, 2), (16, 1, 1), (1, 3, 1), (4, 8, 4)],
)
def test_compressor_takes_two_gigabytes_an_instance(cores, gb, compressor):
    wanted = {"compressor": compressor, "render": cores}
    assert default_instances(cores, gb * 10**9) == wanted


def test_container_limits_count(tmp_path):
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text("1000000\n")
    assert cores_here(tmp_path) == min(2, len(os.sched_getaffinity(0)))
    assert memory_here(tmp_path) == 1000000


def test_older_containers_count(tmp_path):
    for name, text in (("cpu.cfs_quota_us", "50000"), ("cpu.cfs_period_us", "100000")):
        (tmp_path / "cpu").mkdir(exist_ok=True)
        (tmp_path / "cpu" / name).write_text(text)
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("2000000")
    assert cores_here(tmp_path) == 1
    assert memory_here(tmp_path) == 2000000


def test_without_limits_the_machine_counts(tmp_path):
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert cores_here(tmp_path) == len(os.sched_getaffinity(0))
    assert memory_here(tmp_path) == psutil.virtual_memory().total


@pytest.fixture
def check(tmp_path):
    """Return a function that asks for the identity with one check, and one that counts checks."""
    (tmp_path / "tool").write_text("v1")
    log = tmp_path / "log"
    script = CHECK.format(log=str(log), path=str(tmp_path / "tool"))

    def ask(words=("{python}", "-c", script, "{path}"), **more):
        given = {"paths": {}, "instances": {}, "cache": tmp_path / "state" / "programs.json"}
        return this_identity({"tool": words}, **{**given, **more}).programs[0]

    return ask, lambda: len(log.read_text().splitlines())


def test_program_is_found_by_its_check(check):
    ask, _ = check
    program = ask()
    assert (program.name, program.version, program.why) == ("tool", "1", "")
    assert program.parts == frozenset({"libx264"})


def test_answer_of_a_check_is_kept(check):
    ask, count = check
    assert ask() == ask()
    assert count() == 1


def test_changed_program_is_checked_again(check, tmp_path):
    ask, count = check
    ask()
    (tmp_path / "tool").write_text("version 2")
    ask()
    assert count() == 2


def test_other_path_of_the_user_is_checked_again(check):
    ask, count = check
    ask()
    ask(paths={"tool": "/elsewhere/tool"})
    assert count() == 2


def test_broken_memory_is_no_fault(check, tmp_path):
    ask, count = check
    ask()
    for text in ("", "[]", '{"tool": 1}', json.dumps({"tool": {"asked": [], "is": {}}})):
        (tmp_path / "state" / "programs.json").write_text(text)
        assert ask().path
    assert count() == 5


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("/no/such/check",), "its check cannot be run: No such file or directory"),
        (("{python}", "-c", "raise SystemExit('install it')"), "with code 1: install it"),
        (("{python}", "-c", "print([])"), "its check ended with code 0: []"),
    ],
)
def test_failed_check_leaves_the_program_missing_with_a_reason(check, words, why):
    ask, _ = check
    program = ask(words)
    assert program.path == ""
    assert why in program.why


def test_capability_is_looked_for_at_each_start_and_has_no_path(check, tmp_path):
    ask, _ = check
    cards = tmp_path / "cards"
    cards.write_text('{"present": true, "version": "8.9"}')
    words = ("{python}", "-c", f"print(open({str(cards)!r}).read())")
    gpu = ask(words)
    assert (gpu.is_there, gpu.version, gpu.path) == (True, "8.9", "")
    cards.write_text('{"why": "no card is there"}')
    assert (ask(words).is_there, ask(words).why) == (False, "no card is there")


def test_check_that_never_stops_talking_is_cut_off(check, monkeypatch):
    ask, _ = check
    monkeypatch.setattr(identity_module, "CHECK_LIMIT_S", 0.5)
    monkeypatch.setattr(asking, "GRACE_S", 0.1)
    why = ask(("sh", "-c", "trap '' TERM; while :; do echo chatter; done")).why
    assert why == "its check took more than 0.5 s"


def test_wished_instances_win(tmp_path):
    identity = this_identity(
        {}, paths={}, instances={"render": 7}, cache=tmp_path / "programs.json"
    )
    assert identity.instances["render"] == 7
    assert identity.instances["compressor"] >= 1
    assert identity.python == sys.executable
