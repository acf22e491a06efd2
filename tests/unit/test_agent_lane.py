"""First come, first served, and no more at once than there are instances."""

import queue
import threading

import pytest
from agents import until

from orchestrator.agent.lane import Lane


class Piece:
    """A piece of work that ends when it is told to."""

    def __init__(self, name, begun):
        self.name, self._begun = name, begun
        self.gate = threading.Event()

    def __call__(self):
        self._begun.put(self.name)
        self.gate.wait(10)


@pytest.fixture
def begun():
    return queue.SimpleQueue()


def pieces(count, begun):
    return [Piece(number, begun) for number in range(count)]


def test_work_begins_in_order_and_no_more_than_there_is_room(begun):
    lane, work = Lane("test", 2), pieces(4, begun)
    for piece in work:
        lane.put(piece)
    assert {begun.get(timeout=5), begun.get(timeout=5)} == {0, 1}
    assert begun.empty()
    work[1].gate.set()
    assert begun.get(timeout=5) == 2
    work[0].gate.set()
    assert begun.get(timeout=5) == 3
    for piece in work:
        piece.gate.set()


def test_what_already_runs_takes_a_place(begun):
    lane, (held, other, queued) = Lane("test", 1), pieces(3, begun)
    lane.hold(held)
    lane.hold(other)
    lane.put(queued)
    assert {begun.get(timeout=5), begun.get(timeout=5)} == {0, 1}
    held.gate.set()
    assert begun.empty()
    other.gate.set()
    assert begun.get(timeout=5) == 2
    queued.gate.set()


def test_closed_lane_starts_nothing_more(begun):
    lane, (first, second) = Lane("test", 1), pieces(2, begun)
    lane.put(first)
    lane.put(second)
    assert begun.get(timeout=5) == 0
    lane.close()
    first.gate.set()
    until(lambda: lane._busy == 0)
    assert begun.empty()


def test_work_that_raises_gives_its_place_back(begun, monkeypatch):
    seen = []
    monkeypatch.setattr(threading, "excepthook", seen.append)

    def fail():
        raise ValueError("a fault of ours")

    lane, (after,) = Lane("test", 1), pieces(1, begun)
    lane.put(fail)
    lane.put(after)
    assert begun.get(timeout=5) == 0
    after.gate.set()
    until(lambda: seen)
    assert seen[0].exc_type is ValueError
