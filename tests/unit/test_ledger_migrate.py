"""The schema's version goes up in one step, after a backup, or not at all."""

import sqlite3
from contextlib import closing

import pytest

from orchestrator.errors import Refusal
from orchestrator.ledger import migrate as migrations
from orchestrator.ledger.migrate import VERSION, check_not_newer, migrate, stored_version

STEPS = {1: "ALTER TABLE batch ADD COLUMN sent_by TEXT;\n-- and\nCREATE TABLE extra (a TEXT);"}


@pytest.fixture
def db(tmp_path):
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as db:
        yield db


def tables(db):
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_empty_file_gets_the_schema(db, tmp_path):
    migrate(db, tmp_path / "ledger.db")
    assert stored_version(db) == VERSION
    assert {"batch", "job", "target", "task", "attempt", "event"} <= tables(db)


def test_step_is_taken_after_a_backup(db, tmp_path):
    path = tmp_path / "ledger.db"
    migrate(db, path)
    migrate(db, path, 2, STEPS)
    assert stored_version(db) == 2
    backup = tmp_path / "ledger.db.version-1"
    assert backup.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(backup)) as old:
        assert (stored_version(old), "extra" in tables(old)) == (1, False)


def test_step_that_fails_leaves_the_file_as_it_was(db, tmp_path):
    path = tmp_path / "ledger.db"
    migrate(db, path)
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, path, 2, {1: STEPS[1] + "\nDROP TABLE nothing_of_that_name;"})
    assert stored_version(db) == 1
    assert "extra" not in tables(db)
    assert not db.in_transaction


def test_newer_file_is_refused(tmp_path):
    with pytest.raises(Refusal, match="version 3 is newer than ours"):
        check_not_newer(3, tmp_path / "ledger.db", 2)


def test_every_version_before_ours_has_a_step():
    assert set(migrations.STEPS) == set(range(1, VERSION))
