"""Who still listens to whom: the note of the last contact, and the leash of runners (R5)."""

import json

import pytest

from orchestrator.agent.attendance import Attendance
from orchestrator.agent.leash import Leash, heard
from orchestrator.agent.process import boot_id


class Clock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_silence_is_counted_from_the_last_contact(tmp_path, clock):
    attendance = Attendance(tmp_path, 60.0, clock)
    clock.now += 59
    assert not attendance.is_over
    attendance.heard()
    clock.now += 59
    assert not attendance.is_over
    clock.now += 1
    assert attendance.is_over


def test_agent_that_starts_again_and_again_keeps_nothing_alive(tmp_path, clock):
    Attendance(tmp_path, 60.0, clock).note()
    clock.now += 59
    later = Attendance(tmp_path, 60.0, clock)
    later.note()
    assert later.silent_s == 59


def test_note_of_another_boot_says_nothing(tmp_path, clock):
    note = {"at": 1.0, "boot": "another", "stop_after_s": 60.0}
    (tmp_path / "heard.json").write_text(json.dumps(note))
    assert Attendance(tmp_path, 60.0, clock).silent_s == 0
    assert Leash(str(tmp_path / "heard.json")).due is None


def test_leash_is_as_long_as_the_last_note_says(tmp_path, clock):
    attendance = Attendance(tmp_path, 60.0, clock)
    attendance.note()
    leash = Leash(str(tmp_path / "heard.json"))
    assert leash.due == 1060.0
    clock.now = 1030.0
    attendance.heard()
    attendance.note()
    assert not leash.is_over(1060.0)
    assert leash.due == 1090.0
    assert leash.is_over(1090.0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at": "x"}', '{"at": null, "boot": 1}'])
def test_damaged_note_is_none(tmp_path, text):
    (tmp_path / "heard.json").write_text(text)
    assert heard(str(tmp_path / "heard.json")) is None


def test_one_computer_alone_has_no_leash(tmp_path):
    leash = Leash(str(tmp_path / "heard.json"))
    assert leash.due is None
    assert not leash.is_over(1e12)


def test_note_is_of_this_boot(tmp_path, clock):
    Attendance(tmp_path, 60.0, clock).note()
    assert json.loads((tmp_path / "heard.json").read_text())["boot"] == boot_id()
