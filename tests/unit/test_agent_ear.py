"""How an agent hears the progress of its runners: by a FIFO, or where there is none by a file."""

import queue

import pytest

from orchestrator.agent import ear as module
from orchestrator.agent.ear import FifoEar, FileEar
from orchestrator.agent.watch import Herald


@pytest.fixture(params=[FifoEar, FileEar])
def listen(request, tmp_path, monkeypatch):
    """Return a function that begins to listen, and the queue of what is heard."""
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    lines, ears = queue.SimpleQueue(), []

    def begin():
        ears.append(request.param(tmp_path / "progress", lambda *said: lines.put(said)))
        return ears[-1]

    yield begin, lines
    if ears:
        ears[-1].close()


def test_each_line_is_heard_with_its_attempt(listen, tmp_path):
    begin, lines = listen
    begin()
    for attempt in ("a1", "a2"):
        Herald(str(tmp_path / "progress"), attempt).say(f"frame={attempt}")
    said = [lines.get(timeout=10), lines.get(timeout=10)]
    assert said == [("a1", "frame=a1"), ("a2", "frame=a2")]


def test_the_next_agent_hears_the_same_runners(listen, tmp_path):
    begin, lines = listen
    begin().close()
    begin()
    Herald(str(tmp_path / "progress"), "a1").say("on")
    assert lines.get(timeout=10) == ("a1", "on")


def test_a_file_does_not_grow_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    monkeypatch.setattr(module, "FILE_BYTES_MAX", 4)
    lines = queue.SimpleQueue()
    ear = FileEar(tmp_path / "progress", lambda *said: lines.put(said))
    try:
        for number in range(3):
            while (tmp_path / "progress").stat().st_size:
                ear._closed.wait(0.01)
            Herald(str(tmp_path / "progress"), "a1").say(str(number))
            assert lines.get(timeout=10) == ("a1", str(number))
    finally:
        ear.close()


def test_nobody_who_listens_is_no_fault(tmp_path):
    Herald(str(tmp_path / "progress"), "a1").say("on")
