"""`logs`: from cluster storage, from the spool, or the lines that the ledger kept."""

import threading

import pytest
from cli_ledger import Office, batch

from orchestrator.cli import logs
from orchestrator.cli.options import layout, made
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.work import State

ENCODE = "dailies-0001/clip/web/000000/encode"


@pytest.fixture
def office(tmp_path, monkeypatch, capsys):
    office = Office(tmp_path / "state", monkeypatch, capsys)
    yield office
    office.ledger.close()


def stored(office, attempt, data):
    folder = office.where.storage / "attempts" / attempt
    folder.mkdir(parents=True)
    (folder / "log").write_bytes(data)


def spooled(office, attempt, data):
    folder = office.where.spool / "attempts" / attempt
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.0").open("ab") as file:
        file.write(data)


def test_each_log_stands_below_its_header(office):
    office.planned(batch())
    office.fails(ENCODE, times=2)
    first, second = office.ledger.attempts(ENCODE)
    stored(office, first.id, b"one\n")
    stored(office, second.id, b"two\n")
    said = office.call("logs", ENCODE).out.splitlines()
    assert said[0].startswith(f"==> {ENCODE}, attempt {first.id}, mac-01, 2026-05-04T20:00:00")
    assert said[0].endswith("failed: exit code 1: no such frame")
    assert said[1:3] == [f"$ encode --out {first.id}", "one"]
    assert said[-1] == "two"


def test_log_of_a_running_attempt_is_read_from_the_spool(office):
    office.planned(batch())
    spooled(office, office.open(ENCODE), b"frame 1\n")
    assert office.call("logs", "dailies-0001").out.endswith("frame 1\n")


def test_last_lines_stand_in_for_a_log_that_is_gone(office):
    office.planned(batch())
    office.fails(ENCODE)
    said = office.call("logs", ENCODE).out
    assert "is not there; the last lines, from the ledger:]\nexit code 1: no such frame\n" in said


def test_tail_counts_lines_of_each_log(office):
    office.planned(batch())
    office.fails(ENCODE)
    stored(office, office.ledger.attempts(ENCODE)[0].id, b"one\ntwo\nthree")
    said = office.call("logs", ENCODE, "--tail", "2").out
    assert said.endswith("two\nthree\n")
    assert "one\n" not in said


@pytest.mark.parametrize("words", [(), ("--tail", "1"), ("--follow", "--tail", "1")])
def test_command_is_told_as_its_log_tells_it(office, words):
    """What the head of a log hides must not stand above the log."""
    office.planned(batch())
    office.fails(ENCODE)
    stored(office, office.ledger.attempts(ENCODE)[0].id, b"# head\n$ encode ***\none\ntwo\n")
    office.ledger.cancel("dailies-0001", "")
    office.ledger.close_part("dailies-0001", "batch", State.CANCELLED, "")
    said = office.call("logs", ENCODE, *words).out
    assert said.endswith("two\n")
    assert "$ encode ***\n" in said
    assert "$ encode --out" not in said


def test_other_storage_can_be_named(office, tmp_path):
    office.planned(batch())
    office.fails(ENCODE)
    stored(office, office.ledger.attempts(ENCODE)[0].id, b"there\n")
    office.where.storage.rename(tmp_path / "elsewhere")
    said = office.call("logs", ENCODE, "--storage", tmp_path / "elsewhere").out
    assert said.endswith("there\n")


def test_a_character_cut_in_two_by_the_reader_is_whole(office):
    office.planned(batch())
    office.fails(ENCODE)
    text = "x" * (64 * 1024 - 1) + "é\n"
    stored(office, office.ledger.attempts(ENCODE)[0].id, text.encode())
    assert text in office.call("logs", ENCODE).out


def test_follow_reads_on_until_the_batch_has_ended(office):
    office.planned(batch())
    attempt = office.open(ENCODE)
    spooled(office, attempt, b"first\n")

    def goes_on():
        spooled(office, attempt, b"second\n")
        office.ledger.close_part("dailies-0001", "batch", State.CANCELLED, "")

    timer = threading.Timer(0.3, goes_on)
    timer.start()
    said = office.call("logs", "-f", "dailies-0001").out
    timer.join()
    assert said.endswith("first\nsecond\n")
    assert said.count(f"attempt {attempt}") == 1


def test_log_of_what_failed_begins_with_the_reason(office):
    office.planned(batch())
    office.fails(ENCODE, times=3)
    for part in office.ledger.over():
        office.ledger.close_part(part.id, part.level, State.FAILED, "")
    for id in ("dailies-0001/clip/web", ENCODE):
        first = office.call("logs", id).out.splitlines()[0]
        assert first.startswith(f"{id}: Failed: ")
        assert first.endswith("exit code 1: no such frame")


def test_of_very_many_attempts_those_that_failed_are_shown(office, monkeypatch):
    monkeypatch.setattr(logs, "ATTEMPTS_MAX", 3)
    office.planned(batch(), segments=4)
    office.fails(ENCODE)
    for number in range(4):
        office.done(f"dailies-0001/clip/web/{number:06d}/encode")
    said = office.call("logs", "dailies-0001").out
    failed, *well = [each.id for each in office.ledger.attempts("dailies-0001/clip/web")]
    shown = [id for id in (failed, *well) if f"attempt {id}," in said]
    assert shown == [failed, *well[-2:]]
    assert said.startswith("[the logs of 3 attempts are left out; ")
    assert office.call("logs", "dailies-0001", "--all").out.count("==> ") == 6


def test_log_that_says_its_command_is_not_told_it_twice(office):
    office.planned(batch())
    office.fails(ENCODE)
    id = office.ledger.attempts(ENCODE)[0].id
    stored(office, id, b"# orchestrator 0.4.0\n$ encode\none\n")
    said = office.call("logs", ENCODE).out
    assert said.count("$ encode") == 1
    assert "$ encode\none\n" in office.call("logs", ENCODE, "--tail", 1).out


def test_log_of_a_controller_that_does_not_run_is_its_last_events(office, tmp_path):
    where = layout(tmp_path / "state", "studio")
    SqliteLedger(made(where).ledger).close()
    where.log.write_text('{"time": "t", "level": "error", "text": "it fell \\u001b[2J over"}\n')
    said = office.call("logs", "controller", "--cluster", "studio").out
    assert said == "t error it fell �[2J over\n"
