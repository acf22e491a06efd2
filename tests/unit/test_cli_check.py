"""`controller check` and `controller recover`, as a person types them."""

import json
import os
from datetime import UTC, datetime

import pytest
from cli_ledger import Office, batch

from orchestrator.ledger.backups import Backups
from orchestrator.ledger.lock import Lock

PUBLISH = "dailies-0001/clip/web/publish"


@pytest.fixture
def office(tmp_path, monkeypatch, capsys):
    office = Office(tmp_path / "state", monkeypatch, capsys)
    office.planned(batch(), segments=1)
    yield office
    office.ledger.close()


def damage(office):
    """Let a backup be made, then the ledger be damaged; return how many events there were."""
    Backups(office.where.ledger).make(datetime.now(UTC))
    office.ledger.note("later", "x", {})
    last = office.ledger.events()[-1].seq  # the one that is lost
    office.ledger.close()
    with open(office.where.ledger, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4096))
    return last


def test_ledger_that_is_right_is_said_to_be(office):
    assert "it is right" in office.call("controller", "check").out
    assert "nothing to recover" in office.call("controller", "recover").out


def test_folders_and_files_that_are_not_known_are_named(office, tmp_path):
    attempts = office.where.storage / "attempts"
    (attempts / "ffffff-000001").mkdir(parents=True)
    office.done("dailies-0001/clip/web/000000/encode")
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"other bytes")
    office.done(PUBLISH, destination=str(file), sha256="0" * 64)
    found = json.loads(office.call("controller", "check", "--files", "-o", "json", ends=1).out)
    assert not found["right"]
    assert [fault["rule"] for fault in found["faults"]] == ["I5", "I6"]


def test_damaged_ledger_is_recovered_from_its_backup(office):
    last = damage(office)
    assert "controller recover this-computer" in office.call("controller", "check", ends=1).out
    said = office.call("controller", "recover", "--yes").out
    assert "the backup ledger-" in said
    assert f"ends with event {last - 1} of " in said
    assert "1 event is lost" in said
    assert "it is right" in office.call("controller", "check").out
    assert "dailies-0001" in office.call("status").out


def test_ledger_that_somebody_works_on_is_not_recovered(office):
    lock = Lock(office.where.lock)
    assert lock.take()
    assert "works on" in office.call("controller", "recover", ends=2).err
    lock.release()
