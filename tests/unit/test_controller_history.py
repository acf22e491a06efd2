"""When history ends: beside the work, a little at a time, and not by a clock that leapt."""

from datetime import timedelta

import pytest
from ledgers import Clock, Desk, batch

from orchestrator.controller.history import LEAP_S, TEND_EVERY_S, Historian
from orchestrator.decide.history import DAY_S, KEPT_S, kept_s
from orchestrator.errors import LedgerFull
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.model.cluster import Cluster, ClusterKind


class Clocks:
    """Both clocks of one machine."""

    def __init__(self):
        self.wall = Clock()
        self.passed = 0.0

    def passes(self, seconds):
        self.wall.unix += seconds
        self.passed += seconds


def farm(batches):
    clocks = Clocks()
    desk = Desk(MemoryLedger(wall=clocks.wall, boottime=lambda: clocks.passed), clocks.wall)
    for number in range(1, batches + 1):
        desk.accept(batch(number=number))
        desk.finish()
    historian = Historian(desk.ledger, clocks.wall, lambda: clocks.passed)
    return desk.ledger, historian, clocks


def test_batches_leave_one_at_a_time_when_their_days_are_over():
    ledger, historian, clocks = farm(3)
    assert not historian.tend(30 * DAY_S)
    for _ in range(30 * 24):
        clocks.passes(TEND_EVERY_S)
        assert not historian.tend(30 * DAY_S)
    clocks.passes(TEND_EVERY_S)
    for left in (2, 1, 0):
        assert historian.tend(30 * DAY_S)
        assert len(ledger.standings()) == left
    assert not historian.tend(30 * DAY_S)


def test_clock_that_is_set_forward_is_not_believed_at_once():
    ledger, historian, clocks = farm(1)
    historian.tend(DAY_S)
    clocks.passes(TEND_EVERY_S)
    clocks.wall.unix += 400 * DAY_S
    assert not historian.tend(DAY_S)
    clocks.wall.unix -= 400 * DAY_S  # somebody mends it
    clocks.passes(TEND_EVERY_S)
    assert not historian.tend(DAY_S)
    assert len(ledger.standings()) == 1
    assert timedelta(seconds=LEAP_S) < timedelta(hours=1)


def test_history_that_cannot_leave_holds_up_nobody(monkeypatch):
    ledger, historian, clocks = farm(1)
    asked = []

    def fails(before):
        asked.append(before)
        raise LedgerFull("the disk is full")

    monkeypatch.setattr(ledger, "compact", fails)
    with pytest.raises(LedgerFull):
        historian.tend(DAY_S)
    clocks.passes(TEND_EVERY_S / 2)
    assert not historian.tend(DAY_S)
    clocks.passes(TEND_EVERY_S / 2)
    with pytest.raises(LedgerFull):
        historian.tend(DAY_S)
    assert len(asked) == 2


def test_batch_is_remembered_longer_than_its_files_stay():
    studio = Cluster(name="s", kind=ClusterKind.MANAGED, keep_days=2, delete_after_days=7)
    assert kept_s(studio) == 8 * DAY_S
    assert KEPT_S == 30 * DAY_S
