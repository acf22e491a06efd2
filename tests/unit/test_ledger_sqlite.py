"""What only the file knows: its mode, its version, its writer, its faults."""

import os
import re
import sqlite3
from contextlib import closing, contextmanager

import pytest
from ledgers import Clock, Desk, batch, check, events_of, probe, target

from orchestrator.errors import LedgerError, Refusal
from orchestrator.ledger.protocol import Application
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.cluster import Cluster, ClusterKind
from orchestrator.model.work import Service, State


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "ledger.db"


@pytest.fixture
def desk(path):
    with SqliteLedger(path) as ledger:
        yield Desk(ledger)


def raw(path, sql):
    with closing(sqlite3.connect(path)) as db:
        found = db.execute(sql).fetchall()
        db.commit()
    return found


def test_what_was_answered_is_there_the_next_time(path):
    with SqliteLedger(path) as before:
        Desk(before).accept(batch())
        told = before.events()
    with SqliteLedger(path) as after:
        assert after.batch("b-0001") == batch()
        assert (after.id, after.epoch) == (before.id, before.epoch + 1)
        assert after.events(limit=2) == told
        check(after)


def test_chain_goes_on_over_openings(path):
    for _ in range(3):
        with SqliteLedger(path) as ledger:
            check(ledger)
    assert [event.epoch for event in events_of_path(path)] == [1, 2, 3]


def events_of_path(path):
    with SqliteLedger(path, read_only=True) as ledger:
        return events_of(ledger)


def test_file_is_for_its_owner_only(desk, path):
    desk.accept(batch())
    assert {file.stat().st_mode & 0o777 for file in path.parent.glob("ledger.db*")} == {0o600}


@pytest.mark.parametrize("read_only", [False, True])
def test_file_that_others_can_read_is_refused(path, read_only):
    SqliteLedger(path).close()
    path.chmod(0o644)
    with pytest.raises(Refusal, match=f"chmod 600 {path}"):
        SqliteLedger(path, read_only=read_only)


@pytest.mark.parametrize("read_only", [False, True])
def test_file_of_a_newer_version_is_refused(path, read_only):
    SqliteLedger(path).close()
    raw(path, "PRAGMA user_version = 99")
    with pytest.raises(Refusal, match="99 is newer") as refused:
        SqliteLedger(path, read_only=read_only)
    assert refused.value.exit_code == 2


def test_file_that_is_something_else_is_named(path):
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 99)
    path.chmod(0o600)
    with pytest.raises(LedgerError, match=f"{path}: it is damaged"):
        SqliteLedger(path)


def test_text_that_is_none_is_said_to_be_so(path):
    with SqliteLedger(path) as ledger:
        Desk(ledger).accept(batch())
        raw(path, "UPDATE batch SET reason = CAST(x'ff' AS TEXT)")
        with pytest.raises(LedgerError, match=f"{path}: Could not decode"):
            ledger.standings()


def test_file_that_is_not_there_cannot_be_read(path):
    with pytest.raises(LedgerError, match="No such file"):
        SqliteLedger(path, read_only=True)
    path.parent.mkdir()
    path.touch(mode=0o600)
    with pytest.raises(Refusal, match="open it for writing"):
        SqliteLedger(path, read_only=True)


def test_connection_is_set_as_promised(desk):
    def setting(connection, name):
        return connection.db.execute(f"PRAGMA {name}").fetchone()[0]

    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}
    wanted |= {"busy_timeout": 5000, "mmap_size": 0, "journal_size_limit": 64 * 2**20}
    assert {name: setting(desk.ledger._hot, name) for name in wanted} == wanted
    assert setting(desk.ledger._cold, "query_only") == 1
    assert setting(desk.ledger._hot, "query_only") == 0


def test_reader_sees_what_the_writer_has_answered_and_writes_nothing(desk, path):
    with SqliteLedger(path, read_only=True) as reader:
        desk.accept(batch())
        assert reader.batch("b-0001") == batch()
        assert reader.epoch == desk.ledger.epoch
        with pytest.raises(LedgerError, match="opened for reading"):
            reader.note("collected", "b-0001", {})


def test_older_writer_is_stopped_by_the_newer_one(desk, path):
    with SqliteLedger(path) as newer:
        with pytest.raises(LedgerError, match="epoch 2 after our 1"):
            desk.accept(batch())
        Desk(newer).accept(batch())
        check(newer)


def test_busy_file_is_named(desk, path):
    desk.ledger._hot.db.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="another process is writing to it"):
            desk.accept(batch())
    desk.accept(batch())


def test_full_disk_stops_the_change_and_not_the_connection(desk, path):
    desk.accept(batch())
    db = desk.ledger._hot.db
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages}")
    told = desk.kinds()
    with pytest.raises(LedgerError, match=f"{path}: the disk is full; make room"):
        desk.accept(batch(*(f"j{i}" for i in range(500)), number=2))
    assert (desk.kinds(), desk.ledger.batch("b-0002")) == (told, None)
    db.execute("PRAGMA max_page_count = 1000000")
    desk.accept(batch(number=2))
    check(desk.ledger)


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "state").touch()
    with pytest.raises(LedgerError, match="cannot be made"):
        SqliteLedger(tmp_path / "state" / "ledger.db")


def test_one_open_attempt_a_task_holds_in_the_file_too(desk):
    desk.accept(batch())
    (attempt,) = desk.lease("b-0001/j/probe")
    columns = "task, service, node, incarnation, lease, opened"
    with pytest.raises(sqlite3.IntegrityError):
        desk.ledger._hot.db.execute(
            f"INSERT INTO attempt ({columns}) SELECT {columns} FROM attempt"
        )
    assert desk.ledger.open_attempts() == (attempt,)


def test_tasks_of_a_job_share_it(desk):
    (job,) = desk.accept(batch(), probes=False).jobs
    desk.plan(job, segments=3)
    first, second, *_ = desk.ledger.ready(Service.RENDER, 9, 0.0)
    assert first.job is second.job is desk.ledger.tasks("b-0001")[-1].job


class Crash(BaseException):
    """The process is gone."""


class Mortal(SqliteLedger):
    """Dies at a chosen moment of a chosen write, as by `kill -9`."""

    dies: tuple[str, str] = ("", "")

    @contextmanager
    def _transaction(self, kind):
        self._die(kind, "before")
        with super()._transaction(kind) as change:
            yield change
            self._die(kind, "inside")
        self._die(kind, "after")

    def _die(self, kind, moment):
        if self.dies == (kind, moment):
            raise Crash


STORY = {
    "accept": lambda desk: desk.accept(batch("j", "k")),
    "lease": lambda desk: desk.lease("b-0001/j/probe"),
    "sent": lambda desk: desk.ledger.sent({desk.ledger.open_attempts()[0].id: "look"}),
    "settle": lambda desk: desk.end(desk.ledger.open_attempts()[0]),
    "plan": lambda desk: desk.ledger.plan("b-0001/j", [target(batch().jobs[0])]),
    "replan": lambda desk: desk.ledger.replan("b-0001/j", {"deep": True}, "again"),
    "close_part": lambda desk: desk.ledger.close_part("b-0001/j", "job", State.FAILED, "no"),
    "retry": lambda desk: desk.ledger.retry("b-0001"),
    "plan_failed": lambda desk: desk.ledger.plan_failed("b-0001/j", "no video"),
    "note": lambda desk: desk.ledger.note("collected", "b-0001", {}),
    "keep_key": lambda desk: desk.ledger.keep_key("k", "abc", "b-0001"),
    "pause": lambda desk: desk.ledger.pause("b-0001"),
    "resume": lambda desk: desk.ledger.resume("b-0001"),
    "pause_node": lambda desk: desk.ledger.pause_node("n1"),
    "resume_node": lambda desk: desk.ledger.resume_node("n1"),
    "apply": lambda desk: desk.ledger.apply(Application(revision="r", cluster=STUDIO)),
    "cancel": lambda desk: desk.ledger.cancel("b-0001/k", "not wanted"),
}
STUDIO = Cluster(name="studio", kind=ClusterKind.MANAGED)
SILENT = {"sent", "keep_key"}
"""They add no event."""


@pytest.mark.parametrize("moment", ["before", "inside", "after"])
@pytest.mark.parametrize("last", STORY)
def test_crash_leaves_all_of_a_change_or_nothing(path, last, moment):
    ledger = Mortal(path)
    ledger.dies = (last, moment)
    with pytest.raises(Crash):  # noqa: PT012  # the steps before are the way there
        for act in STORY.values():
            before = len(events_of(ledger))
            act(Desk(ledger))
    ledger.close()
    with SqliteLedger(path) as after:
        check(after)
        told = len(events_of(after)) - 1 - before
        assert told == (moment == "after" and last not in SILENT)


FLAT = re.compile(
    "SEARCH .* USING|SCAN ledger|LIST SUBQUERY|USE TEMP B-TREE|"
    "SCAN .* USING (COVERING )?INDEX (target_over|job_over|batch_over|batch_open|job_unplanned|one_open_attempt)"
)
"""Steps whose cost does not follow the backlog: the indexes named hold only what is asked for."""


def test_hot_questions_never_read_the_backlog(desk):
    desk.accept(batch())
    asked: list[str] = []
    desk.ledger._hot.db.set_trace_callback(asked.append)
    desk.ready()
    kinds = frozenset({next(iter(desk.ledger.tasks("b-0001"))).kind})
    desk.ready(kinds=kinds)
    desk.ready(kinds=kinds, passing=frozenset({"b-0001/j"}))
    desk.ready(passing=frozenset({"b-0001/j"}))
    desk.ledger.submission("k")
    desk.ledger.owner("b-0001")
    desk.ledger.unfinished()
    desk.ledger.over()
    desk.ledger.unplanned()
    desk.ledger.open_attempts()
    desk.ledger.next_change(0.0)
    desk.ledger.next_id("b")
    desk.ledger.newest("x")
    desk.lease("b-0001/j/probe")
    desk.end(desk.ledger.open_attempts()[0])
    desk.ledger._hot.db.set_trace_callback(None)
    questions = [sql for sql in asked if sql.startswith(("SELECT", "UPDATE", "WITH"))]
    assert len(questions) > 20
    for sql in questions:
        plan = [row[3] for row in desk.ledger._hot.db.execute(f"EXPLAIN QUERY PLAN {sql}")]
        assert not [step for step in plan if not FLAT.match(step)], (sql, plan)


def test_clock_of_the_ledger_is_an_argument(path):
    with SqliteLedger(path, wall=Clock(0.0), boottime=lambda: 3.5) as ledger:
        (event,) = ledger.events()
    assert (event.wall, event.boottime) == ("1970-01-01T00:00:00.000+00:00", 3.5)


def test_probes_are_stored_with_their_arguments(desk):
    (job,) = desk.accept(batch()).jobs
    assert desk.ledger.tasks("b-0001") == (probe(job),)


def test_wal_is_gone_after_a_clean_end(path):
    SqliteLedger(path).close()
    assert sorted(os.listdir(path.parent)) == ["ledger.db", "ledger.witness"]
