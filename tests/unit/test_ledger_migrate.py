"""The schema's version goes up in one step, after a backup, or not at all."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ledgers import Clock, Desk, batch, check

from orchestrator.errors import Refusal
from orchestrator.ledger import migrate as migrations
from orchestrator.ledger.checking import mark_of
from orchestrator.ledger.keeping import witness_path
from orchestrator.ledger.migrate import VERSION, check_not_newer, migrate, stored_version
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.ledger.witness import Witness
from orchestrator.model.work import State

pytestmark = pytest.mark.fault("F37")

OLD = Path(__file__).parent.parent / "data"

NEXT = VERSION + 1
STEPS = {VERSION: "ALTER TABLE batch ADD COLUMN more TEXT;\n-- and\nCREATE TABLE extra (a TEXT);"}


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
    migrate(db, path, NEXT, STEPS)
    assert stored_version(db) == NEXT
    backup = tmp_path / f"ledger.db.version-{VERSION}"
    assert backup.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(backup)) as old:
        assert (stored_version(old), "extra" in tables(old)) == (VERSION, False)


def test_step_that_fails_leaves_the_file_as_it_was(db, tmp_path):
    path = tmp_path / "ledger.db"
    migrate(db, path)
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, path, NEXT, {VERSION: STEPS[VERSION] + "\nDROP TABLE nothing_of_that_name;"})
    assert stored_version(db) == VERSION
    assert "extra" not in tables(db)
    assert not db.in_transaction


def test_newer_file_is_refused(tmp_path):
    with pytest.raises(Refusal, match="version 3 is newer than ours"):
        check_not_newer(3, tmp_path / "ledger.db", 2)


def test_every_version_before_ours_has_a_step():
    assert set(migrations.STEPS) == set(range(1, VERSION))


# -- ledgers of earlier versions (F37), as `.dump` of the sqlite3 shell wrote them


@pytest.fixture(params=range(1, VERSION))
def old(request, tmp_path):
    """Return a ledger as that version left it: work done, running, delayed, held, failed."""
    path = tmp_path / "ledger.db"
    path.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as db:
        db.executescript((OLD / f"ledger-{request.param}.sql").read_text("utf-8"))
        if request.param >= migrations.SEALED_SINCE:
            (id,) = db.execute("SELECT id FROM ledger").fetchone()
            with closing(Witness(witness_path(path), id)) as witness:
                witness.begin(mark_of(db))
    return path


def schema(path):
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        indexes = {name: sql for name, sql in found if sql.startswith("CREATE INDEX")}
        names = [name for (name,) in db.execute("SELECT name FROM pragma_table_list")]
        columns = {name: db.execute(f"PRAGMA table_info({name})").fetchall() for name in names}
        return indexes, {name: each for name, each in columns.items() if name[:6] != "sqlite"}


def test_old_ledger_is_as_a_new_one_after_its_migration(old, tmp_path):
    SqliteLedger(old).close()
    SqliteLedger(tmp_path / "new.db").close()
    (indexes, columns), (new_indexes, new_columns) = schema(old), schema(tmp_path / "new.db")
    assert columns == new_columns
    assert {k: plain(v) for k, v in indexes.items()} == {
        k: plain(v) for k, v in new_indexes.items()
    }


def plain(sql):
    return " ".join(sql.split())


def test_work_of_an_old_ledger_goes_on(old):
    with SqliteLedger(old, wall=Clock(), boottime=lambda: 7.0) as ledger:
        check(ledger)
        desk = Desk(ledger)
        (running,) = ledger.open_attempts()
        assert desk.end(running)
        desk.clock.unix += 60
        desk.accept(batch(number=9))
        ledger.pause("b-0002")
        ledger.resume("b-0002")
        desk.finish()
        ledger.retry("b-0003")
        ledger.retry("b-0004")
        desk.finish()
        check(ledger)
        states = {part.id: part.state for part in ledger.standings()}
    assert set(states.values()) == {State.SUCCESSFUL}
    assert list(states) == ["b-0001", "b-0002", "b-0003", "b-0004", "b-0009"]


def test_crash_inside_a_migration_leaves_the_ledger_as_it_was(old, monkeypatch):
    before = dump(old)
    last = VERSION - 1
    broken = {**migrations.STEPS, last: migrations.STEPS[last] + "\nDROP TABLE none_there;"}
    with closing(sqlite3.connect(old, isolation_level=None)) as db, pytest.raises(sqlite3.Error):
        migrate(db, old, VERSION, broken)
    assert dump(old) == before
    with SqliteLedger(old) as ledger:
        check(ledger)


def test_crash_right_after_a_migration_loses_nothing(old):
    with closing(sqlite3.connect(old, isolation_level=None)) as db:
        migrate(db, old)  # its seal is made anew by who opens it
    with SqliteLedger(old) as ledger:
        check(ledger)


def dump(path):
    with closing(sqlite3.connect(path)) as db:
        return [stored_version(db), *db.iterdump()]


def test_ledger_that_went_up_is_refused_by_the_older_program(old):
    SqliteLedger(old).close()
    with closing(sqlite3.connect(old)) as db, pytest.raises(Refusal, match="newer") as refused:
        check_not_newer(stored_version(db), old, VERSION - 1)
    assert refused.value.exit_code == 2
