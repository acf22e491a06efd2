"""What may go from cluster storage goes, and nothing that a batch may still need."""

import errno
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from agents import until
from ledgers import Clock, Desk, batch

from orchestrator.controller import collect, keeper
from orchestrator.controller.collect import Collector
from orchestrator.controller.keeper import Keeper
from orchestrator.controller.storage import INLINE_MAX_BYTES, Storage
from orchestrator.controller.submit import begin_anew_what_is_gone
from orchestrator.decide.collect import DAY_S, Fate, Lot, lot
from orchestrator.decide.settle import Reach
from orchestrator.errors import Busy, NotThere, Refusal
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.model.work import Cause, State

P, FIRST, SECOND = "b-0001/j/probe", "b-0001/j/t/000000/encode", "b-0001/j/t/000001/encode"
MEDIA = b"x" * 10_000
WEEK = 7 * DAY_S


@pytest.mark.parametrize(
    ("fate", "expected"),
    [
        (Fate(batch="b", is_open=True), Lot.KEEP),
        (Fate(batch="b", is_needed=True), Lot.KEEP),
        (Fate(batch="b", may_come=True), Lot.KEEP),
        (Fate(batch="b"), Lot.CLEAR),
        (Fate(batch="b", over_at=WEEK + 1), Lot.CLEAR),
        (Fate(batch="b", over_at=WEEK + 1, is_needed=True), Lot.KEEP),
        (Fate(batch="b", over_at=WEEK), Lot.GO),
        (Fate(batch="b", over_at=WEEK, is_needed=True), Lot.GO),
        (Fate(batch="b", over_at=WEEK, is_open=True), Lot.KEEP),
        (None, Lot.GO),
    ],
)
def test_what_becomes_of_files_after_two_weeks(fate, expected):
    assert lot(fate, WEEK, 2 * WEEK, WEEK) is expected


def test_what_nobody_knows_and_is_young_stays():
    assert lot(None, WEEK + 1, 2 * WEEK, WEEK) is Lot.KEEP


@pytest.fixture
def desk():
    clock = Clock()
    with MemoryLedger(wall=clock) as ledger:
        yield Desk(ledger, clock)


@pytest.fixture
def storage(tmp_path):
    return Storage.known(tmp_path / "storage", tmp_path / "state" / "token")


@pytest.fixture(autouse=True)
def state(tmp_path):
    (tmp_path / "state").mkdir()


@pytest.fixture
def collector(desk, storage):
    return Collector(desk.ledger, storage)


class Shop:
    """A batch at work, whose attempts leave files."""

    def __init__(self, desk, storage):
        self.desk, self.storage = desk, storage

    def do(self, task, to=State.SUCCESSFUL, **changes):
        """Do a task; return the folder of its attempt."""
        (attempt,) = self.desk.lease(task)
        folder = self.leave(attempt.id)
        self.desk.end(attempt, to, **changes)
        return folder

    def leave(self, id):
        folder = self.storage.attempt(id)
        (folder / "parts").mkdir(parents=True)
        for name in ("segment.mov", "parts/film.mov", "log"):
            (folder / name).write_bytes(MEDIA)
        return folder


@pytest.fixture
def shop(desk, storage):
    job = desk.accept(batch()).jobs[0]
    shop = Shop(desk, storage)
    shop.probe = shop.do(P)
    desk.plan(job)
    return shop


def names(folder):
    return sorted(os.listdir(folder))


def failed(shop):
    """Let one segment be done and the other fail; return the folder of the first."""
    done = shop.do(FIRST)
    given_up = {"reason": "exit code 1", "cause": Cause.FAILED, "tries": 3, "reach": Reach.TARGET}
    shop.do(SECOND, State.FAILED, **given_up)
    shop.desk.finish()
    assert shop.desk.ledger.state("b-0001") is State.FAILED
    return done


def later(shop, seconds):
    shop.desk.clock.unix += seconds
    return shop.desk.clock.unix


def test_files_of_an_open_batch_stay_however_old(shop, collector):
    done = shop.do(FIRST)
    assert collector.clean(later(shop, 400 * DAY_S)).batches == ()
    assert names(done) == ["log", "parts", "segment.mov"]


def test_media_of_a_failed_attempt_go_and_its_evidence_stays(shop, collector):
    tried = shop.do(FIRST, State.WAITING, tries=1, reason="exit code 1", cause=Cause.FAILED)
    (running,) = shop.desk.lease(SECOND)
    partial = shop.leave(running.id)
    done = collector.clean(later(shop, 0))
    assert (done.attempts, names(tried)) == (1, ["log"])
    assert done.freed_bytes > 0
    assert names(partial) == ["log", "parts", "segment.mov"]
    assert collector.clean(later(shop, 0)).attempts == 0


def test_batch_that_is_over_goes_after_its_days_with_an_event_before(shop, collector, storage):
    done = failed(shop)
    assert collector.clean(later(shop, WEEK - 1)).batches == ()
    assert done.exists()
    cleaned = collector.clean(later(shop, 1))
    assert (cleaned.batches, cleaned.attempts) == (("b-0001",), 3)
    assert names(storage.root / "attempts") == names(storage.root / "trash") == []
    (event,) = [each for each in shop.desk.ledger.events() if each.kind == "collected"]
    assert (event.subject, event.data["attempts"]) == ("b-0001", 3)
    assert collector.clean(later(shop, WEEK)).batches == ()


def test_files_that_cannot_be_moved_are_told_of_once(shop, collector, storage, monkeypatch):
    def fails(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    def told():
        return [each.subject for each in shop.desk.ledger.events() if each.kind == "collected"]

    failed(shop)
    old = storage.attempt(f"{shop.desk.ledger.id}-009999")
    old.mkdir()
    os.utime(old, (0, 0))
    now = later(shop, WEEK)
    with monkeypatch.context() as stuck:
        stuck.setattr(collect, "_move", fails)
        for _ in range(3):
            assert (done := collector.clean(now)).batches == ()
            assert done.attempts == 0
        assert told() == ["b-0001"]
    done = collector.clean(now)
    assert (done.batches, done.attempts) == (("b-0001",), 4)
    assert told() == ["b-0001", shop.desk.ledger.id]


def test_batch_that_is_tried_again_finds_its_files_whole_or_gone(shop, collector, storage):
    failed(shop)
    now = later(shop, WEEK)
    with storage.lock:
        shop.desk.ledger.retry("b-0001")
    assert collector.clean(now).batches == ()
    assert begin_anew_what_is_gone(shop.desk.ledger, storage, "b-0001") == frozenset()


def test_batch_whose_files_are_gone_begins_anew_when_it_is_tried_again(shop, collector, storage):
    failed(shop)
    collector.clean(later(shop, WEEK))
    assert begin_anew_what_is_gone(shop.desk.ledger, storage, "b-0001") == {"b-0001/j"}


def test_results_that_cannot_be_seen_now_are_not_taken_for_gone(shop, storage):
    failed(shop)
    storage.root.rename(storage.root.with_name("away"))
    storage.root.mkdir()
    assert begin_anew_what_is_gone(shop.desk.ledger, storage, "b-0001") == frozenset()


def test_person_may_clean_a_batch_that_is_over_at_once(shop, collector, storage):
    with pytest.raises(Refusal, match="b-0001: it is not over, and needs its files"):
        collector.clean_batch("b-0001", later(shop, 0))
    with pytest.raises(NotThere, match="no such batch"):
        collector.clean_batch("c-0001", later(shop, 0))
    failed(shop)
    storage.put("b-0001", {"table": "x" * INLINE_MAX_BYTES})
    cleaned = collector.clean_batch("b-0001", later(shop, 0))
    assert (cleaned.batches, cleaned.attempts) == (("b-0001",), 3)
    assert names(storage.root / "attempts") == names(storage.root / "inputs") == []


def test_death_between_event_and_deletion_is_made_good(shop, collector, storage):
    failed(shop)
    now = later(shop, WEEK)
    (storage.root / "trash").mkdir(exist_ok=True)
    (storage.root / "attempts" / shop.probe.name).rename(storage.root / "trash" / "half")
    assert collector.clean(now).batches == ("b-0001",)
    assert names(storage.root / "attempts") == names(storage.root / "trash") == []


def test_what_is_not_ours_stays(shop, collector, storage):
    old = shop.desk.clock.unix - 400 * DAY_S
    for name in ("ffffff-000001", f"{shop.desk.ledger.id}-009999", "notes"):
        folder = storage.attempt(name)
        folder.mkdir()
        (folder / "film.mov").write_bytes(MEDIA)
        os.utime(folder, (old, old))
    collector.clean(later(shop, 0))
    assert names(storage.root / "attempts") == sorted(["ffffff-000001", "notes", shop.probe.name])


def test_link_in_the_place_of_an_attempt_is_never_followed(shop, collector, storage, tmp_path):
    done = failed(shop)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "film.mov").write_bytes(MEDIA)
    done.rename(done.with_name("moved"))
    done.symlink_to(tmp_path / "precious")
    collector.clean(later(shop, WEEK))
    assert names(tmp_path / "precious") == ["film.mov"]
    assert not done.is_symlink() or names(storage.root / "trash") == []


def test_account_says_what_each_batch_takes_and_until_when(shop, collector, storage):
    storage.put("b-0001", {"table": "x" * INLINE_MAX_BYTES})
    view = collector.view(collector.census(later(shop, 0)))
    (share,) = view.batches
    assert (share.batch, share.state, share.attempts) == ("b-0001", "Waiting", 1)
    assert share.size_bytes >= 3 * len(MEDIA)
    assert share.input_bytes >= INLINE_MAX_BYTES
    assert share.goes == view.why == ""
    assert 0 < view.free_bytes < view.whole_bytes
    failed(shop)
    (share,) = collector.view(collector.census(later(shop, 0))).batches
    gone = datetime.fromtimestamp(shop.desk.clock.unix + WEEK, UTC)
    assert share.goes == gone.isoformat(timespec="seconds")


# The keeper: the same on a thread of its own


@pytest.fixture
def tended(shop, storage, monkeypatch):
    monkeypatch.setattr(keeper, "TURN_S", 0.01)
    one = Keeper(shop.desk.ledger, storage, wall=lambda: shop.desk.clock.unix)
    one.open()
    yield one
    one.close()


def test_inputs_of_another_ledger_on_the_same_storage_stay(shop, storage):
    ours, theirs = replace(storage, owner="aaaaaa"), replace(storage, owner="bbbbbb")
    for each in (ours, theirs):
        each.put("b-0001", {"table": "x" * INLINE_MAX_BYTES})
    failed(shop)
    clean = Collector(shop.desk.ledger, ours)
    assert set(clean.census(0.0).inputs) == {"b-0001"}
    clean.clean_batch("b-0001", 0.0)
    assert names(storage.root / "inputs") == ["bbbbbb-b-0001"]
    theirs.clear_inputs("b-0001")
    assert names(storage.root / "inputs") == []


def test_keeper_clears_soon_and_at_the_latest_when_it_ends(shop, tended):
    tried = shop.do(FIRST, State.WAITING, tries=1, reason="exit code 1", cause=Cause.FAILED)
    tended.tidy(tried.name)
    tended.close()
    assert names(tried) == ["log"]


def test_keeper_answers_persons_and_passes_on_what_they_are_refused(shop, tended):
    assert [share.batch for share in tended.view().batches] == ["b-0001"]
    with pytest.raises(Refusal, match="it is not over"):
        tended.clean("b-0001")
    failed(shop)
    assert tended.clean("b-0001").attempts == 3


def test_keeper_cleans_at_once_when_space_is_short(shop, storage, monkeypatch):
    clock = [0.0]
    low = [""]
    monkeypatch.setattr(Storage, "low", lambda self: low[0])
    monkeypatch.setattr(keeper, "TURN_S", 0.01)
    one = Keeper(shop.desk.ledger, storage, lambda: shop.desk.clock.unix, lambda: clock[0])
    one.open()
    clock[0] = keeper.FIRST_S
    until(lambda: one.cleaned == 1)
    (storage.root / "trash").mkdir(exist_ok=True)
    (storage.root / "trash" / "old.mov").write_bytes(MEDIA)
    low[0] = "it is full"
    clock[0] += keeper.SHORT_EVERY_S
    until(lambda: one.cleaned == 2)
    assert names(storage.root / "trash") == []
    one.close()


def test_storage_that_does_not_answer_holds_up_no_person_for_long(shop, storage, monkeypatch):
    hangs = threading.Event()
    monkeypatch.setattr(keeper, "ANSWER_S", 0.05)
    monkeypatch.setattr(Collector, "census", lambda self, now: hangs.wait(9))
    one = Keeper(shop.desk.ledger, storage)
    one.open()
    with pytest.raises(Busy, match="it does not answer, or much is being deleted"):
        one.view()
    hangs.set()
    one.close()
