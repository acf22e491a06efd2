import threading

import pytest

from orchestrator.controller.loop import Controller
from orchestrator.decide.reconcile import View


class Turns:
    """Stands for look and act: says whether anything changed, as told."""

    def __init__(self, changes):
        self.changed = [True] * changes
        self.looks = 0
        self.drained = []

    def look(self, now, draining):
        self.looks += 1
        self.drained.append(draining)
        return View(members={})

    def act(self, actions, view, now):
        return self.changed.pop(0) if self.changed else False


@pytest.fixture
def controller():
    turns = Turns(changes=2)
    return Controller(turns, turns, clock=lambda: 0.0), turns


def test_it_looks_again_at_once_while_anything_changes(controller):
    it, turns = controller
    it.run(lambda view: turns.looks == 3, lambda view: None)
    assert turns.changed == []


def test_wake_from_another_thread_makes_it_look(controller):
    it, turns = controller

    def wake(view):
        if turns.looks == 3:
            threading.Thread(target=it.wake).start()

    it.run(lambda view: turns.looks == 4, wake)
    assert turns.looks == 4


def test_lost_wake_costs_half_a_second_at_most(controller):
    it, turns = controller
    it.run(lambda view: turns.looks == 4, lambda view: None)
    assert turns.looks == 4


def test_draining_is_told_to_every_look(controller):
    it, turns = controller

    def drain(view):
        it.draining = True

    it.run(lambda view: turns.looks == 3, drain)
    assert turns.drained == [False, True, True]
