"""Which process is meant, as each system tells it; agent and controller say the same (R15, F33)."""

import os
import subprocess
import sys

import pytest

from orchestrator.agent import process
from orchestrator.remote.onnode import computer, processes

pytestmark = pytest.mark.fault("F33")

KINDS = {
    "proc": (process.start_by_proc, processes.start_by_proc),
    "ps": (process.start_by_ps, processes.start_by_ps),
}


@pytest.fixture
def child():
    """Return a process that ends when its input does."""
    words = [sys.executable, "-c", "input()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        yield child
        child.stdin.close()


@pytest.mark.parametrize("kind", KINDS)
def test_agent_and_controller_tell_a_start_in_the_same_words(kind, child, monkeypatch):
    ours, theirs = KINDS[kind]
    before = ours(child.pid)
    assert before
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert before == ours(child.pid) == theirs(child.pid)


@pytest.mark.parametrize("kind", KINDS)
def test_a_zombie_and_one_that_is_gone_do_not_run(kind, child):
    ours, theirs = KINDS[kind]
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(ProcessLookupError):
        ours(child.pid)
    assert theirs(child.pid) == ""
    child.wait()
    with pytest.raises(ProcessLookupError):
        ours(child.pid)
    assert theirs(child.pid) == ""


@pytest.mark.parametrize("of_macos", [process.boot_of_macos, processes.boot_of_macos])
def test_a_boot_of_macos_has_a_name_or_a_time(of_macos):
    told = {"kern.bootsessionuuid": "7F3A", "kern.boottime": "{ sec = 1700000000, usec = 1 }"}
    assert of_macos(lambda words: told[words[-1]]) == "7F3A"
    told["kern.bootsessionuuid"] = ""
    assert of_macos(lambda words: told[words[-1]]).startswith("{ sec")


def test_memory_of_macos_is_a_number_or_unknown():
    assert computer.memory_of_macos(lambda words: "17179869184") == 16 << 30
    assert computer.memory_of_macos(lambda words: "") == 0


def test_agent_and_controller_name_the_boot_alike():
    assert process.boot_id() == processes.boot_id() != ""


@pytest.mark.parametrize(
    ("said", "address"),
    [("10.0.0.1 50312 10.0.0.2 22", "10.0.0.2"), ("fe80::1 1 fe80::2 22", "fe80::2"), ("", "")],
)
def test_a_node_knows_where_it_was_reached(said, address):
    assert computer.own_address(said) == address
