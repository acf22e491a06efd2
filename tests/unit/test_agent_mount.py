"""Whether a node sees the storage of its cluster, and says why not (F-STOR-14)."""

import os
import sys
import threading

import pytest
from agents import until

from orchestrator.agent import mount
from orchestrator.agent.mount import Mount, checked


@pytest.fixture
def storage(tmp_path):
    (tmp_path / ".orchestrator-storage").write_text("token\n")
    return tmp_path


def test_storage_with_its_token_is_fit_and_left_clean(storage):
    assert checked(str(storage), "token") == ""
    assert list((storage / "attempts").iterdir()) == []


def test_what_is_not_mounted_is_said(tmp_path):
    why = checked(str(tmp_path), "token")
    assert why.startswith(f"cluster storage {tmp_path}: it is not there, or not mounted")


def test_storage_of_another_cluster_is_said(storage):
    assert "another storage stands there" in checked(str(storage), "other")


def test_storage_that_cannot_be_written_to_is_said(storage):
    (storage / "attempts").write_text("a file")
    assert "it cannot be written to: " in checked(str(storage), "token")


def test_storage_that_hangs_is_said_and_stops_nobody(storage, monkeypatch):
    """Reading a pipe that nobody writes to hangs as a dead mount does."""
    (storage / ".orchestrator-storage").unlink()
    os.mkfifo(storage / ".orchestrator-storage")
    now = [0.0]
    one = Mount(str(storage), "token", lambda: now[0])
    one.open()
    assert one.unfit().endswith("it is being checked")
    now[0] = mount.ANSWER_S + 1
    assert one.unfit().startswith(f"cluster storage {storage} does not answer")
    one.close()
    with open(storage / ".orchestrator-storage", "w") as pipe:
        pipe.write("token")
    until(lambda: one.unfit() == "")


def test_storage_that_comes_back_is_noticed(storage, monkeypatch):
    monkeypatch.setattr(mount, "CHECK_EVERY_S", 0.01)
    (storage / ".orchestrator-storage").rename(storage / "away")
    one = Mount(str(storage), "token")
    one.open()
    until(lambda: "not mounted" in one.unfit())
    (storage / "away").rename(storage / ".orchestrator-storage")
    until(lambda: one.unfit() == "")
    one.close()


def test_without_a_storage_nothing_is_checked():
    threads = threading.active_count()
    one = Mount("", "")
    one.open()
    assert one.unfit() == ""
    assert threading.active_count() == threads


def test_machine_behind_this_one_is_asked_before_it_joins_and_its_words_are_the_reason(storage):
    words = ("{python}", "-c", "import sys; print('no', *sys.argv[1:])", "{storage}", "{token}")
    one = Mount(str(storage), "token", look=words)
    assert "it is being checked" in one.unfit()
    one.open()
    one.wait()
    assert one.unfit() == f"no {storage} token"
    one.close()


def test_machine_behind_this_one_that_can_work_says_nothing(storage):
    one = Mount(str(storage), "token", look=("{python}", "-c", ""))
    one.open()
    one.wait()
    assert one.unfit() == ""
    one.close()


def test_words_that_fail_are_a_reason_too():
    assert "code 3" in mount.looked([sys.executable, "-c", "raise SystemExit(3)"])
    assert "cannot be looked at" in mount.looked(["/no/such/program"])
