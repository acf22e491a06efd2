"""Progress apart from log, and what counts as progress (R14)."""

import pytest

from orchestrator.agent import watch as module
from orchestrator.agent.watch import LINE_BYTES_MAX, Herald, Watch


class Log:
    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += data


class Said(Herald):
    def __init__(self):
        super().__init__("/nowhere", "a1")
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def clock(monkeypatch):
    """Return a list whose last number is the time."""
    now = [0.0]
    monkeypatch.setattr(module, "now_s", lambda: now[-1])
    return now


def watching(pattern):
    log, herald = Log(), Said()
    return Watch(log, pattern, herald), log, herald


def test_progress_is_told_and_the_rest_is_log():
    watch, log, herald = watching(r"frame=\s*\d+")
    watch.feed(b"hello\nframe=  1 fps=2\nwarning\n")
    assert herald.lines == ["frame=  1 fps=2"]
    assert log.data == b"hello\nwarning\n"


def test_line_may_come_in_parts():
    watch, log, herald = watching(r"frame=\d+")
    for byte in b"frame=12\nx\n":
        watch.feed(bytes([byte]))
    assert herald.lines == ["frame=12"]
    assert log.data == b"x\n"


def test_carriage_return_ends_a_line():
    watch, _, herald = watching(r"\d+%")
    watch.feed(b"10%\r20%\r")
    assert herald.lines == ["10%", "20%"]


def test_what_comes_last_needs_no_end():
    watch, log, herald = watching(r"frame=\d+")
    watch.feed(b"a\nframe=3")
    watch.finish()
    assert herald.lines == ["frame=3"]
    assert log.data == b"a\n"


def test_progress_means_that_the_matched_text_changed(clock):
    watch, _, _ = watching(r"frame=\d+")
    moved = []
    for text in (b"frame=1 t=1\n", b"frame=1 t=2\n", b"chat\n", b"frame=2 t=3\n"):
        clock.append(clock[-1] + 1)
        watch.feed(text)
        moved.append(watch.moved_at)
    assert moved == [1, 1, 1, 4]


def test_any_output_is_progress_where_nothing_is_watched(clock):
    watch, log, _ = watching(None)
    clock.append(5.0)
    watch.feed(b".")
    assert watch.moved_at == 5.0
    assert log.data == b"."


def test_very_long_line_is_log_and_is_not_kept():
    watch, log, herald = watching(r"frame=\d+")
    watch.feed(b"frame=1" * LINE_BYTES_MAX)
    assert len(log.data) == 7 * LINE_BYTES_MAX
    assert herald.lines == []


def test_progress_line_is_text_without_control_characters():
    watch, _, herald = watching(r"frame=\d+")
    watch.feed(b"\x1b[Kframe=1\0 \xff\n")
    assert herald.lines == ["frame=1 \ufffd"]


def test_herald_tells_the_first_at_once_and_then_in_intervals(clock, monkeypatch):
    herald, told = Herald("/nowhere", "a1"), []
    monkeypatch.setattr(module.os, "open", lambda path, flags: told.append(clock[-1]) or _fail())
    for now in (0.0, 0.05, 0.1, 0.3):
        clock.append(now)
        herald.say("x")
    assert told == [0.0, 0.3]


def test_herald_says_when_it_wants_to_tell_the_last(clock):
    herald = Herald("/nowhere", "a1")
    herald.say("one")
    assert herald.due is None
    herald.say("two")
    assert herald.due == pytest.approx(0.2)
    herald.flush(last=True)
    assert herald.due is None


def _fail():
    raise OSError


def test_what_is_noticed_is_bounded_and_the_first_of_it(clock):
    log, herald = Log(), Said()
    watch = Watch(log, None, herald, "^Error")
    for number in range(2 * module.NOTICED_MAX):
        watch.feed(f"Error {number} {'x' * 2 * module.NOTICED_CHARS_MAX}\n".encode())
    assert [line.split()[1] for line in watch.noticed] == [
        str(n) for n in range(module.NOTICED_MAX)
    ]
    assert {len(line) for line in watch.noticed} == {module.NOTICED_CHARS_MAX}


def test_line_that_comes_again_and_again_hides_no_other(clock):
    watch = Watch(Log(), None, Said(), "^Error")
    watch.feed(b"Error: no texture\n" * 2 * module.NOTICED_MAX + b"Error: no licence\n")
    assert watch.noticed == ["Error: no texture", "Error: no licence"]


def test_only_the_beginning_of_a_line_is_searched(clock):
    watch = Watch(Log(), None, Said(), "(a*)*b")
    watch.feed(b"." * module.SEARCHED_CHARS_MAX + b"a" * 1000 + b"\n")
    assert watch.noticed == []


def test_output_moves_a_command_that_only_has_lines_to_notice(clock):
    watch = Watch(Log(), None, Said(), "^Error")
    clock.append(7.0)
    watch.feed(b"no end of line")
    assert watch.moved_at == 7.0


def test_line_that_is_progress_may_be_noticed_too(clock):
    log, herald = Log(), Said()
    watch = Watch(log, "frame", herald, "late")
    watch.feed(b"frame 1 late\n")
    assert (watch.noticed, herald.lines, log.data) == (["frame 1 late"], ["frame 1 late"], b"")
