"""The agent's log: one event is one line, whatever is in it (T19)."""

import json
import logging

import pytest

from orchestrator.agent import journal


@pytest.fixture
def logged(tmp_path):
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    file = tmp_path / "agent.log"
    journal.keep(file, "info")
    yield file
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)


def test_one_event_is_one_line_without_control_characters(logged):
    logging.getLogger("x").warning("a\nb\x1b[31m\x9b\u2028c", extra={"action": "tried"})
    (line,) = logged.read_bytes().splitlines()
    assert all(32 <= byte < 127 for byte in line)
    event = json.loads(line)
    assert event["message"] == "a\nb\x1b[31m\x9b\u2028c"
    assert (event["level"], event["action"]) == ("warning", "tried")


def test_fault_is_one_line_with_its_trace(logged):
    try:
        raise ValueError("so")
    except ValueError:
        logging.getLogger("x").exception("it failed")
    (line,) = logged.read_bytes().splitlines()
    assert "ValueError: so" in json.loads(line)["trace"]


def test_log_cannot_grow_for_ever(logged, monkeypatch):
    monkeypatch.setattr(logging.getLogger().handlers[0], "maxBytes", 2000)
    for number in range(200):
        logging.getLogger("x").info("number %d", number)
    sizes = [each.stat().st_size for each in logged.parent.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 2000


def test_level_that_nobody_knows_means_info(tmp_path, logged):
    logging.getLogger().handlers[0].close()
    journal.keep(tmp_path / "other.log", "loud")
    assert logging.getLogger().level == logging.INFO


def test_level_and_size_are_what_was_applied(logged):
    journal.tune("warning", 4000)
    logging.getLogger("x").info("chatter")
    for number in range(200):
        logging.getLogger("x").warning("number %d", number)
    sizes = [each.stat().st_size for each in logged.parent.iterdir()]
    assert len(sizes) == 2
    assert sum(sizes) <= 4000
    assert b"chatter" not in logged.read_bytes()
