"""What `status` says of a ledger, as a table and as data."""

import json
from datetime import datetime

import pytest
from cli_ledger import WALL, Office, batch, job

from orchestrator.model.work import Priority, State


@pytest.fixture
def office(tmp_path, monkeypatch, capsys):
    office = Office(tmp_path / "state", monkeypatch, capsys)
    yield office
    office.ledger.close()


def read(office, *words, ends=0):
    return json.loads(office.call("status", *words, "-o", "json", ends=ends).out)


def test_nothing_run_yet_is_no_error(tmp_path, monkeypatch, capsys):
    office = Office(tmp_path / "state", monkeypatch, capsys)
    office.ledger.close()
    office.where.ledger.unlink()
    assert "nothing has been run here yet" in office.call("status").out
    assert read(office) == []


def test_list_has_the_names_of_the_original(office):
    office.accept(batch(priority=Priority.HIGH))
    (row,) = read(office)
    assert row["batchid"] == "dailies-0001"
    assert datetime.fromisoformat(row["submissionTime"]) == WALL
    assert (row["jobType"], row["priority"], row["status"]) == ("scripted", "high", "Waiting")
    assert set(row) >= {
        "name", "sentBy", "timeElapsed", "timeRemaining", "timeElapsedSeconds",
        "timeRemainingSeconds", "percentComplete", "resumePercentComplete",
    }  # fmt: skip


def test_segments_and_frames_are_counted(office):
    office.planned(batch(), segments=4)
    office.done("dailies-0001/clip/web/000000/encode")
    office.open("dailies-0001/clip/web/000001/encode")
    (target,) = read(office, "dailies-0001")["jobs"][0]["targets"]
    assert target["segments"] == {"done": 1, "running": 1, "waiting": 2, "failed": 0}
    assert (target["frames"], target["framesDone"], target["percentComplete"]) == (40, 10, 25)


def test_all_frames_done_are_not_100_percent_before_the_end(office):
    office.planned(batch(), segments=1)
    office.done("dailies-0001/clip/web/000000/encode")
    assert read(office, "dailies-0001")["percentComplete"] == 99


def test_task_shows_its_attempts_and_node(office):
    office.planned(batch())
    office.fails("dailies-0001/clip/web/000000/encode", times=2)
    (task,) = read(office, "dailies-0001/clip/web/000000/encode")["tasks"]
    assert (task["attempts"], task["node"], task["status"]) == (2, "mac-01", "Waiting")
    assert (task["start"], task["end"]) == (0, 10)


def test_failed_job_names_its_log(office):
    office.planned(batch())
    office.fails("dailies-0001/clip/web/000000/encode", times=3)
    (attempt, *_) = office.ledger.attempts("dailies-0001/clip/web/000000/encode")[::-1]
    log = read(office, "dailies-0001/clip")["log"]
    assert log == str(office.where.storage / "attempts" / attempt.id / "log")


def test_unknown_id_is_answered_with_what_is_near(office):
    office.accept(batch())
    said = office.call("status", "dalies-0001", ends=2).err
    assert said == "'dalies-0001': no such batch; did you mean dailies-0001?\n"
    said = office.call("status", "dailies-0001/clop", ends=2).err
    assert "dailies-0001/clip" in said


def test_ended_batches_beyond_ten_are_shown_with_all(office):
    for number in range(12):
        office.accept(batch(job("clip"), name=f"b{number:02}"))
        office.ledger.close_part(f"b{number:02}-0001", "batch", State.CANCELLED, "")
    assert len(read(office)) == 10
    assert len(read(office, "--all")) == 12


def test_every_writes_one_object_a_line_until_the_time_is_over(office):
    office.accept(batch())
    said = office.call(
        "status", "dailies-0001", "-o", "json", "--every", "0.1", "--timeout", "0.25", ends=1
    )
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert len(lines) >= 2
    assert {line["batchid"] for line in lines} == {"dailies-0001"}
