"""What a command leaves behind is read with care: it may be anything."""

import errno
import os

import pytest

from orchestrator.agent import exits
from orchestrator.agent.exits import RESULT_BYTES_MAX, read_result, unready, was_full


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 8000, "is not JSON"),
        ('{"a": NaN}', "is not JSON"),
        ("\udcff", "is not JSON"),
        ("[1]", "no JSON object"),
        ('{"a": "' + "x" * RESULT_BYTES_MAX + '"}', "more than 8192 bytes"),
    ],
)
def test_result_that_cannot_be_used_is_named(tmp_path, text, fault):
    (tmp_path / "result.json").write_bytes(text.encode(errors="surrogateescape"))
    values, why = read_result(str(tmp_path))
    assert values == {}
    assert fault in why


def test_result_need_not_exist(tmp_path):
    assert read_result(str(tmp_path)) == ({}, "")


def test_result_is_one_object(tmp_path):
    (tmp_path / "result.json").write_text('{"a": [1, null]}')
    assert read_result(str(tmp_path)) == ({"a": [1, None]}, "")


def test_result_is_no_link_and_no_pipe(tmp_path):
    (tmp_path / "secret").write_text('{"a": 1}')
    (tmp_path / "result.json").symlink_to(tmp_path / "secret")
    assert read_result(str(tmp_path))[0] == {}
    (tmp_path / "result.json").unlink()
    os.mkfifo(tmp_path / "result.json")
    assert read_result(str(tmp_path)) == ({}, "result.json: it is no regular file")


def test_result_may_be_a_folder_without_harm(tmp_path):
    (tmp_path / "result.json").mkdir()
    assert read_result(str(tmp_path))[0] == {}


def test_words_about_a_full_disk_are_believed_where_there_is_little_room(tmp_path, monkeypatch):
    words = "av_interleaved_write_frame(): No space left on device\n"
    monkeypatch.setattr(exits, "NARROW_BYTES", 1 << 60)
    assert was_full(str(tmp_path), words)
    assert was_full(str(tmp_path), "all is well") is None
    monkeypatch.setattr(exits, "NARROW_BYTES", 0)
    monkeypatch.setattr(exits, "NARROW_PART", 0)
    assert was_full(str(tmp_path), words) is None
    assert list(tmp_path.iterdir()) == []


def test_storage_that_fails_is_told_from_other_errors():
    assert "is full: /s" in unready("/s", OSError(errno.EDQUOT, "quota"))
    assert "cannot be used: /s: stale" in unready("/s", OSError(errno.ESTALE, "stale"))
    assert unready("/s", OSError(errno.EACCES, "no")) is None
