"""The controller's log: one event, one line of ASCII, bounded."""

import json
import logging

import pytest

from orchestrator.cli.daemonlog import TEXT_MAX, JsonLines, last_lines, logging_to, sentence

log = logging.getLogger("orchestrator.tests")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "controller.log"


def lines(file):
    return [json.loads(line) for line in file.read_text("ascii").splitlines()]


@pytest.mark.parametrize(
    "evil", ["a\nb", "\x1b[2J", "\x7f", "\x9b31m", "\u2028", "a\r\n{}", "\ud800"]
)
def test_one_event_is_one_line_that_steers_no_terminal(file, evil):
    with logging_to(file):
        log.info("said %s", evil, extra={"action": "tested", "attempt": evil})
    raw = file.read_bytes()
    assert raw.count(b"\n") == 1
    assert all(0x20 <= byte < 0x7F for byte in raw.rstrip(b"\n"))
    assert (lines(file)[0]["text"], lines(file)[0]["attempt"]) == (f"said {evil}", evil)


def test_a_line_says_when_what_and_how_grave(file):
    with logging_to(file):
        log.warning("node %s is gone", "n1", extra={"action": "node_lost"})
    (line,) = lines(file)
    assert (line["level"], line["action"], line["text"]) == (
        "warning",
        "node_lost",
        "node n1 is gone",
    )
    assert line["time"].endswith("+00:00")


def test_a_long_text_is_cut_and_says_so(file):
    with logging_to(file):
        log.info("%s", "x" * (TEXT_MAX + 5))
    assert lines(file)[0]["text"].endswith("[5 characters left out]")


def test_of_other_libraries_only_warnings_are_kept(file):
    with logging_to(file):
        logging.getLogger("distributed.core").info("chatter")
        logging.getLogger("distributed.core").warning("trouble")
    assert [line["text"] for line in lines(file)] == ["trouble"]


def test_a_traceback_stays_in_its_line():
    try:
        raise ValueError("a\nb")
    except ValueError as error:
        record = log.makeRecord(
            "orchestrator",
            logging.ERROR,
            "",
            0,
            "oops",
            (),
            (ValueError, error, error.__traceback__),
        )
    line = JsonLines().format(record)
    assert "\n" not in line
    assert "ValueError: a" in json.loads(line)["traceback"]


def test_nobody_else_can_read_it(file):
    with logging_to(file):
        assert file.stat().st_mode & 0o077 == 0


def test_last_lines_are_sentences(file):
    with logging_to(file):
        for number in range(5):
            log.info("event %s", number)
    assert [line.partition(" info ")[2] for line in last_lines(file, 2)] == ["event 3", "event 4"]


def test_of_a_missing_log_there_are_no_lines(file):
    assert last_lines(file, 3) == []


def test_level_and_size_are_what_was_applied(file):
    with logging_to(file) as kept:
        kept.tune("warning", 4000)
        log.info("chatter")
        for number in range(100):
            log.warning("event %s", number, extra={"action": "tested"})
    texts = [line["text"] for line in lines(file)]
    assert texts[-1] == "event 99"
    sizes = [each.stat().st_size for each in file.parent.iterdir()]
    assert len(sizes) == 2
    assert sum(sizes) <= 4000
    assert "chatter" not in texts


def test_sentence_of_an_agents_event_is_told_as_the_controllers():
    assert sentence('{"at": "t", "level": "info", "message": "it began"}') == "t info it began"
    assert sentence("no event") == "no event"
