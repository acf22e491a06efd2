"""What an agent remembers on its disk."""

import pytest

from orchestrator.agent.files import write_first, write_whole
from orchestrator.agent.spool import STONES_MAX, Spool, is_attempt_id
from orchestrator.model.work import Ending, Outcome


def test_epoch_is_remembered_and_only_grows(tmp_path):
    spool = Spool(tmp_path)
    assert spool.epoch == 0
    spool.raise_epoch(7)
    spool.raise_epoch(3)
    assert Spool(tmp_path).epoch == 7


def test_outcome_is_read_as_it_was_written(tmp_path):
    outcome = Outcome(attempt="a1", ending=Ending.LIMIT, why="ü", result={"a": [1]}, seconds=2.5)
    Spool(tmp_path).settle(outcome)
    assert Spool(tmp_path).outcome("a1") == outcome
    assert Spool(tmp_path).outcome("a2") is None


def test_forgotten_attempt_is_remembered_by_name(tmp_path):
    spool = Spool(tmp_path)
    spool.store("a1", "{}")
    spool.forget("a1")
    again = Spool(tmp_path)
    assert again.is_forgotten("a1")
    assert not again.is_forgotten("a2")
    assert list(again.held()) == []


def test_names_of_forgotten_attempts_do_not_grow_for_ever(tmp_path):
    Spool(tmp_path)
    names = [f"a{number}" for number in range(STONES_MAX + 5)]
    (tmp_path / "tombstones").write_text("\n".join(names))
    spool = Spool(tmp_path)
    assert spool.is_forgotten(names[-1])
    assert not spool.is_forgotten(names[0])
    assert len((tmp_path / "tombstones").read_text().split()) == STONES_MAX // 2


@pytest.mark.parametrize("name", ["3f9c21-000017", "a", "_x.y", "A" * 100])
def test_attempt_id_is_a_plain_name(name):
    assert is_attempt_id(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".a", "a/b", "a\0", "a\n", "-a", "A" * 101, 7, None]
)
def test_other_names_are_no_attempt_id(name):
    assert not is_attempt_id(name)


def test_first_writer_wins(tmp_path):
    path = str(tmp_path / "pid.json")
    assert write_first(path, b"one")
    assert not write_first(path, b"two")
    assert (tmp_path / "pid.json").read_bytes() == b"one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["pid.json"]


def test_file_is_replaced_whole(tmp_path):
    for data in (b"long text", b"x"):
        write_whole(tmp_path / "file", data, durable=True)
    assert (tmp_path / "file").read_bytes() == b"x"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
