"""History that ends, on every ledger: what leaves, what stays, and that the chain holds (F-ADM-6)."""

import sqlite3

from ledgers import Clock, Desk, batch, check, events_of

from orchestrator.ledger.compacting import EVENTS_MIN
from orchestrator.ledger.protocol import Origin
from orchestrator.ledger.sqlite import SqliteLedger

DAY_S = 86400.0
OLD, NEW = "b-0001", "b-0002"


def do(desk, *jobs, number=1):
    """Store a batch and bring it to its end."""
    whole = batch(*jobs, number=number)
    desk.ledger.accept(whole, "d", [], 0.0, Origin(key=f"k{number}", body="x"))
    desk.finish()
    return whole


def days_later(desk, days=1.0):
    desk.clock.unix += days * DAY_S


def compacted(desk, before_days=0.0):
    """Let all go that was over before; return how often something went."""
    before = Clock(desk.clock.unix - before_days * DAY_S)().isoformat(timespec="milliseconds")
    went = 0
    while desk.ledger.compact(before):
        check(desk.ledger)
        went += 1
    return went


def test_batch_leaves_with_all_that_is_about_it(desk):
    do(desk, "j", "i")
    days_later(desk)
    assert compacted(desk, before_days=2) == 0
    assert compacted(desk) == 1
    ledger = desk.ledger
    assert ledger.standings() == ()
    assert (ledger.state(OLD), ledger.batch(OLD), ledger.submission("k1")) == (None, None, None)
    assert (ledger.tasks(OLD), ledger.attempts(OLD)) == ((), ())
    assert desk.kinds()[-1] == "compacted"


def test_open_batch_stays_however_old_it_is(desk):
    do(desk)
    desk.accept(batch(number=2))
    desk.ledger.pause(NEW)
    days_later(desk, 400)
    compacted(desk)
    assert [each.id for each in desk.ledger.standings()] == [NEW]
    assert desk.ledger.paused() == (NEW,)


def test_no_id_is_given_twice(desk):
    do(desk)
    first = {event.data["attempt"] for event in events_of(desk.ledger) if event.kind == "leased"}
    days_later(desk)
    compacted(desk)
    assert desk.ledger.next_id("b") == NEW
    assert desk.ledger.next_id("a") == "a-0001"
    do(desk, number=2)
    assert not first & {attempt.id for attempt in desk.ledger.attempts(NEW)}


def test_events_leave_from_the_front_and_the_anchor_keeps_the_chain(desk):
    for number in range(1, 9):
        do(desk, number=number)
    days_later(desk)
    do(desk, number=9)
    before = events_of(desk.ledger)
    assert compacted(desk, before_days=0.5) > 8
    seq, hash = desk.ledger.anchor()
    (last,) = (event for event in before if event.seq == seq)
    assert last.hash == hash
    assert last.seq >= EVENTS_MIN
    assert events_of(desk.ledger)[0].seq == seq + 1
    assert [each.id for each in desk.ledger.standings()] == ["b-0009"]


def test_events_of_an_open_batch_keep_those_behind_them(desk):
    desk.accept(batch("held", number=100))
    desk.ledger.pause("b-0100")
    for number in range(1, 9):
        do(desk, number=number)
    days_later(desk)
    compacted(desk)
    assert desk.ledger.anchor() == (0, "")


def test_events_about_a_part_are_found_with_those_above_it(desk):
    do(desk, "j", "i")
    desk.accept(batch(number=2))
    found = {event.subject for event in desk.ledger.events(under=f"{OLD}/j/t/000000")}
    assert found == {OLD, f"{OLD}/j", f"{OLD}/j/t", f"{OLD}/j/t/000000/encode"}


def test_nothing_is_left_behind_in_the_file(tmp_path):
    path, clock = tmp_path / "ledger.db", Clock()
    with SqliteLedger(path, wall=clock, boottime=lambda: 7.0) as ledger:
        desk = Desk(ledger, clock)
        do(desk, "j", "i")
        days_later(desk)
        compacted(desk)
    with sqlite3.connect(path) as db:
        kept = {"ledger", "event", "series", "sqlite_sequence", "seal", "anchor"}
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        full = {each for each in tables if db.execute(f"SELECT 1 FROM {each}").fetchone()}
        assert full <= kept
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    with SqliteLedger(path, wall=clock, boottime=lambda: 8.0) as ledger:
        assert ledger.next_id("b") == NEW
