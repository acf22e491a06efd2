"""Logs that are bounded, readable while they grow, and harmless to a terminal."""

import os

import pytest

from orchestrator.agent.logs import (
    HEAD_BYTES,
    PIECE_BYTES,
    TAIL_BYTES,
    LogWriter,
    clean,
    copy_log,
    read_log,
    tail_text,
)


def written(folder, *parts):
    writer = LogWriter(str(folder))
    for part in parts:
        writer.write(part)
    writer.close()
    return str(folder)


def whole(folder):
    return read_log(folder, 0, 1 << 30)


def test_short_log_is_kept_whole(tmp_path):
    assert whole(written(tmp_path, b"one\n", b"two\n")) == b"one\ntwo\n"


def test_missing_log_is_empty(tmp_path):
    assert whole(str(tmp_path)) == whole(str(tmp_path / "nowhere")) == b""


@pytest.mark.parametrize(
    "size", [HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1, HEAD_BYTES + TAIL_BYTES]
)
def test_nothing_is_dropped_up_to_the_limit(tmp_path, size):
    data = os.urandom(size)
    assert whole(written(tmp_path, data)) == data


def test_middle_of_a_long_log_is_dropped_and_counted(tmp_path):
    data = os.urandom(HEAD_BYTES + TAIL_BYTES + 5 * PIECE_BYTES + 7)
    log = whole(written(tmp_path, data[:100], data[100:]))
    line = f"\n[{len(data) - HEAD_BYTES - TAIL_BYTES} bytes of output were dropped here]\n".encode()
    assert log == data[:HEAD_BYTES] + line + data[-TAIL_BYTES:]


def test_spool_stays_bounded(tmp_path):
    folder = written(tmp_path, *[b"x" * (1 << 20)] * 40)
    size = sum(entry.stat().st_size for entry in os.scandir(folder))
    assert size <= HEAD_BYTES + TAIL_BYTES + PIECE_BYTES


@pytest.mark.parametrize("offset", [0, 1, HEAD_BYTES - 1, HEAD_BYTES + 3, HEAD_BYTES + (6 << 20)])
def test_part_of_a_log_is_the_same_as_in_the_whole(tmp_path, offset):
    folder = written(tmp_path, os.urandom(20 << 20))
    assert read_log(folder, offset, 1 << 16) == whole(folder)[offset : offset + (1 << 16)]


def test_copy_is_what_is_read(tmp_path):
    folder = written(tmp_path, os.urandom(20 << 20))
    copy_log(folder, str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == whole(folder)


def test_disk_that_takes_no_more_is_no_fault(tmp_path):
    writer = LogWriter(str(tmp_path / "nowhere"))
    writer.write(b"x" * (10 << 20))
    writer.close()


def test_tail_has_at_most_so_many_bytes_and_whole_characters(tmp_path):
    folder = written(tmp_path, "ü".encode() * 5000)
    assert tail_text(folder, 4095) == "ü" * 2047


def test_tail_spans_two_files(tmp_path):
    folder = written(tmp_path, b"x" * (HEAD_BYTES - 3) + b"abcdef")
    assert tail_text(folder, 6) == "abcdef"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07x", "x"),
        (b"a\0b\x08c\x9bd", "abc\ufffdd"),
        (b"10%\r20%\r\n", "10%\n20%\n"),
        (b"\xff\tx\n", "\ufffd\tx\n"),
        (b"end\x1b", "end"),
    ],
)
def test_text_for_people_steers_no_terminal(data, text):
    assert clean(data) == text
