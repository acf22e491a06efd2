"""One writer at a time, and a name for who waits."""

import json
import os
import subprocess
import sys

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.lock import Lock

HOLD = """
import sys
from pathlib import Path
from orchestrator.ledger.lock import Lock
lock = Lock(Path(sys.argv[1]))
assert lock.take()
sys.stdout.write("held\\n")
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.lock"


@pytest.fixture
def other(path):
    """Another process that has the lock until its input ends."""
    pipe = subprocess.PIPE
    words = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_second_one_is_told_who_has_it(path, other):
    lock = Lock(path)
    assert not lock.take()
    assert lock.holder().pid == other.pid
    assert str(lock.holder()).startswith(f"process {other.pid} (since 20")


def test_lock_of_a_dead_process_is_taken(path, other):
    other.kill()
    other.wait()
    lock = Lock(path)
    assert lock.take()
    assert json.loads(path.read_text())["pid"] == os.getpid()
    lock.release()


def test_waiting_ends_when_the_other_does(path, other):
    other.stdin.close()
    lock = Lock(path)
    assert lock.take(wait=True)
    assert lock.holder().pid == os.getpid()
    lock.release()


def test_lock_can_be_taken_again_after_release(path):
    first, second = Lock(path), Lock(path)
    assert first.take()
    assert not second.take()
    first.release()
    first.release()
    assert second.take()
    second.release()


def test_unlinked_lock_is_noticed_by_its_inode(path):
    old, new = Lock(path), Lock(path)
    assert old.take()
    path.unlink()
    assert new.take()
    assert not Lock(path).take()
    old.release()
    new.release()


def test_holder_that_wrote_nothing_is_another_process(path):
    assert str(Lock(path).holder()) == "another process"
    path.write_text("[]")
    assert str(Lock(path).holder()) == "another process"


def test_lock_that_cannot_be_made_is_named(tmp_path):
    with pytest.raises(LedgerError, match="No such file"):
        Lock(tmp_path / "none" / "ledger.lock").take()


FORK = """
import os, sys
from pathlib import Path
from orchestrator.ledger.lock import Lock
lock = Lock(Path(sys.argv[1]))
assert lock.take()
if child := os.fork():
    sys.stdout.write(f"{child}\\n")
    sys.stdout.flush()
    os._exit(0)
sys.stdin.read()
"""


@pytest.mark.fault("F05")
def test_child_that_a_dead_holder_left_behind_is_named(path):
    pipe = subprocess.PIPE
    words = [sys.executable, "-c", FORK, str(path)]
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as process:
        child = int(process.stdout.readline())
        process.wait()
        lock = Lock(path)
        assert not lock.take()
        assert lock.holder().pid == child
        process.stdin.close()
        assert lock.take(wait=True)
        lock.release()


@pytest.mark.fault("F05")
def test_holder_of_another_start_of_the_computer_is_not_named(path):
    said = {"pid": os.getpid(), "since": "2026-01-01T00:00:00+00:00", "host": "h", "start": 1.0}
    path.write_text(json.dumps(said))
    assert Lock(path).holder().pid == 0
    lock = Lock(path)
    assert lock.take()
    assert lock.holder().pid == os.getpid()
    lock.release()
