"""`explain` on a ledger as a run leaves it."""

import json

import pytest
from cli_ledger import Office, batch, job

from orchestrator.ledger.lock import Lock

ENCODE = "dailies-0001/clip/web/000000/encode"


@pytest.fixture
def office(tmp_path, monkeypatch, capsys):
    office = Office(tmp_path / "state", monkeypatch, capsys)
    yield office
    office.ledger.close()


def test_every_try_stands_with_its_cause_node_and_command(office):
    office.planned(batch())
    office.fails(ENCODE, times=3)
    said = office.call("explain", ENCODE).out.splitlines()
    assert said[0] == f"{ENCODE}: Failed: 3x exit code 1: no such frame"
    assert sum("on mac-01" in line and "no such frame" in line for line in said[1:]) == 3
    assert any(line.startswith("  command: encode --out") for line in said)
    assert f"  next: orchestrator logs {ENCODE}" in said


def test_data_has_what_the_text_has(office):
    office.planned(batch())
    office.fails(ENCODE)
    (account,) = json.loads(office.call("explain", ENCODE, "-o", "json").out)
    (tried,) = account["tries"]
    assert (tried["node"], tried["cause"], tried["accepted"]) == ("mac-01", "failed", False)
    assert tried["outcome"]["log_tail"] == "exit code 1: no such frame\n"


def test_batch_without_a_run_says_so_and_one_with_does_not(office):
    office.accept(batch())
    assert "no `orchestrator run` works on it now" in office.call("explain", "dailies-0001").out
    lock = Lock(office.where.root / "ledger.lock")
    assert lock.take()
    assert "it waits for a free instance" in office.call("explain", "dailies-0001").out
    lock.release()


def test_job_that_comes_after_another_names_it(office):
    office.planned(batch(job("clip"), job("next", after=("clip",))))
    (account,) = json.loads(office.call("explain", "dailies-0001/next/probe", "-o", "json").out)
    assert account["waitsFor"] == ["dailies-0001/clip"]


def test_file_of_a_published_target_is_named(office):
    office.planned(batch(), segments=1)
    office.done(ENCODE)
    office.done("dailies-0001/clip/web/publish", destination="/out/clip-2.mp4")
    assert "file: /out/clip-2.mp4" in office.call("explain", "dailies-0001/clip/web/publish").out


def test_words_of_a_program_cannot_steer_the_terminal(office):
    office.planned(batch())
    office.fails(ENCODE, why="exit code 1: \x1b[2J\x07gone")
    for words in (["explain", ENCODE], ["status", "dailies-0001/clip/web"], ["logs", ENCODE]):
        assert "\x1b" not in office.call(*words).out


def test_where_nothing_was_run_an_id_is_refused(office):
    office.ledger.close()
    office.where.ledger.unlink()
    assert "nothing has been run here yet" in office.call("explain", "x-0001", ends=2).err


def test_timeline_tells_what_happened_in_order(office):
    office.planned(batch())
    office.fails(ENCODE, times=3)
    told = json.loads(office.call("explain", ENCODE, "--timeline", "-o", "json").out)
    assert [each["kind"] for each in told] == [
        "accepted",
        "planned",
        *["leased", "failed-requeued"] * 2,
        "leased",
        "failed",
    ]
    assert told[-1]["says"].endswith("failed: exit code 1: no such frame; it is given up")
    assert all(each["at"] and each["until"] is None for each in told)
    shown = office.call("explain", "dailies-0001", "--timeline").out
    assert "1 task given to mac-01, 1 result accepted" in shown
    assert "\x1b" not in shown
