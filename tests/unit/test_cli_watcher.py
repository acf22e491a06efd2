"""What the progress display shows of a target."""

import pytest

from orchestrator.cli.watcher import Watcher
from orchestrator.model.record import Standing
from orchestrator.model.work import Kind, Progress, State

TARGET = "b-0001/j/web"


class Ledger:
    def standings(self, batch):
        return [
            Standing(
                id=TARGET,
                level="target",
                name="web",
                state=State.PROCESSING,
                tasks={(Kind.ANALYSE, State.PROCESSING): 2, (Kind.ENCODE, State.WAITING): 2},
                frames=200,
            )
        ]

    def task(self, id):
        return id


class Caller:
    def progress(self, task, line):
        return Progress(float(line)) if line != "nothing" else None


class Node:
    def __init__(self, lines):
        self.attempts = {id: ("running", line) for id, line in lines.items()}


class Attempt:
    def __init__(self, id, task):
        self.id, self.task = id, task


class View:
    def __init__(self, **frames):
        names = {name: f"{TARGET}/00000{name[-1]}/{name[:-1]}" for name in frames}
        self.attempts = [Attempt(name, task) for name, task in names.items()]
        self.members = {"n1": Node({name: str(count) for name, count in frames.items()})}


@pytest.mark.pitfall(21)
def test_frames_of_a_first_pass_are_shown_and_not_taken_for_done():
    watcher = Watcher(Ledger(), Caller(), "b-0001")
    (line,) = watcher.lines(View(analyse0=40, analyse1=30), 0.0)
    assert (line.frames_done, line.step) == (0, "analyse (70 frames)")
    (line,) = watcher.lines(View(analyse0=90, encode1=20), 1.0)
    assert (line.frames_done, line.step) == (20, "analyse (90 frames)")
    (line,) = watcher.lines(View(encode1=20), 2.0)
    assert (line.frames_done, line.step) == (20, "")


def test_line_that_tells_nothing_new_takes_nothing_back():
    watcher = Watcher(Ledger(), Caller(), "b-0001")
    watcher.lines(View(encode1=20.5), 0.0)
    (line,) = watcher.lines(View(encode1="nothing"), 1.0)
    assert line.frames_done == 20.5
