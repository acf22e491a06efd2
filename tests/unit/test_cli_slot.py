"""What other terminals ask of a `run`: taken in order, once, and answered; what is void is not."""

import os
import time

import pytest
from ledgers import Desk, batch

from orchestrator.cli.slot import LEFT_S, WAITED_S, Paper, Slip, Slot
from orchestrator.controller.storage import Storage
from orchestrator.errors import NotThere, Refusal
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.model.talk import Verb
from orchestrator.model.work import Priority, State

BATCH = "b-0001"
PAUSE, RESUME = Slip(id=BATCH, verb=Verb.PAUSE), Slip(id=BATCH, verb=Verb.RESUME)


@pytest.fixture
def desk():
    with MemoryLedger() as ledger:
        desk = Desk(ledger)
        desk.accept(batch())
        yield desk


@pytest.fixture
def slot(desk, tmp_path):
    return Slot(tmp_path / "asked", desk.ledger, Storage.at(tmp_path / "storage"))


def handed_in(slot, slip):
    paper = Paper(slot.folder, slip)
    paper.hand_in()
    return paper


def test_slips_are_done_in_their_order_and_once(desk, slot):
    papers = [handed_in(slot, slip) for slip in (PAUSE, RESUME, PAUSE)]
    assert slot.empty() == (PAUSE, RESUME, PAUSE)
    assert desk.ledger.state(BATCH) is State.WAITING
    assert desk.ledger.paused(BATCH) == (BATCH,)
    desk.ledger.resume(BATCH)
    assert slot.empty() == ()
    for paper in papers:
        paper.answer().check()
        paper.take_back()
    assert os.listdir(slot.folder) == []
    assert slot.folder.stat().st_mode & 0o077 == 0


def test_priority_is_changed(desk, slot):
    handed_in(slot, Slip(id=BATCH, priority=Priority.HIGH))
    assert [str(slip) for slip in slot.empty()] == ["high b-0001"]
    assert desk.ledger.standings()[0].priority is Priority.HIGH


@pytest.mark.parametrize(
    ("slip", "kind", "says"),
    [
        (Slip(id="b-0002", verb=Verb.CANCEL), NotThere, "there is no such part"),
        (Slip(id=f"{BATCH}/j", priority=Priority.LOW), Refusal, "orchestrator priority b-0001 low"),
    ],
    ids=["not there", "refused"],
)
def test_refusal_comes_back_as_the_exception_it_was(slot, slip, kind, says):
    paper = handed_in(slot, slip)
    assert paper.answer() is None
    assert slot.empty() == ()
    with pytest.raises(kind, match=says) as caught:
        paper.answer().check()
    assert type(caught.value) is kind


def test_slip_that_nobody_waits_for_is_void(desk, slot):
    handed_in(slot, PAUSE).take_back()
    old = handed_in(slot, PAUSE)
    (name,) = os.listdir(slot.folder)
    long_ago = time.time() - WAITED_S - 1
    os.utime(slot.folder / name, (long_ago, long_ago))
    assert slot.empty() == ()
    assert old.answer() is None
    assert os.listdir(slot.folder) == []
    assert desk.ledger.paused(BATCH) == ()


def test_what_is_no_slip_is_taken_away(slot, caplog):
    slot.folder.mkdir()
    (slot.folder / "1.slip").write_text('{"id": 3, "verb": "cancel"}')
    (slot.folder / "2.slip").mkdir()
    assert slot.empty() == slot.empty() == ()
    assert [each.action for each in caplog.records] == ["slip_refused", "slip_failed"]
    assert os.listdir(slot.folder) == ["2.slip"]


@pytest.mark.parametrize(
    "text",
    ["[" * 60_000, '{"id": "\\ud800", "verb": "cancel"}', '{"id": "b-0001", "verb": "\\ud800"}'],
    ids=["nested without measure", "half a character", "half a verb"],
)
def test_no_slip_ends_a_run(slot, caplog, text):
    slot.folder.mkdir()
    (slot.folder / "1.slip").write_text(text)
    assert slot.empty() == ()
    assert [each.action for each in caplog.records] == ["slip_refused"]
    assert os.listdir(slot.folder) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipe_is_not_waited_for(slot):
    slot.folder.mkdir()
    os.mkfifo(slot.folder / "1.slip")
    assert slot.empty() == ()


def test_answer_that_nobody_fetches_goes_with_a_later_slip(slot):
    handed_in(slot, PAUSE)  # who asked is killed
    slot.empty()
    (left,) = os.listdir(slot.folder)
    assert left.endswith(".answer")
    long_ago = time.time() - LEFT_S - 1
    os.utime(slot.folder / left, (long_ago, long_ago))
    paper = handed_in(slot, RESUME)
    slot.empty()
    paper.answer().check()
    paper.take_back()
    assert os.listdir(slot.folder) == []
