"""What a first pass left, brought beside the second."""

import hashlib
from pathlib import Path

import pytest

from orchestrator_compressor.work import statistics
from orchestrator_compressor.work.trouble import Trouble

NAME = "stats-0.log"


def left(folder: Path) -> dict[str, object]:
    attempt = folder / "a10360-000007"
    attempt.mkdir()
    (attempt / NAME).write_bytes(b"#options: 160x120")
    digest = hashlib.sha256(b"#options: 160x120").hexdigest()
    return {"path": str(attempt / NAME), "file": NAME, "sha256": digest}


def test_it_stands_beside_the_second_pass_by_its_own_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (copy,) = statistics.bring([left(tmp_path)])
    assert copy == Path(NAME)
    assert copy.read_bytes() == b"#options: 160x120"


@pytest.mark.parametrize("harm", [lambda path: path.write_bytes(b"#"), Path.unlink])
def test_what_was_changed_is_made_again(tmp_path, monkeypatch, harm):  # T21
    monkeypatch.chdir(tmp_path)
    named = left(tmp_path)
    harm(Path(str(named["path"])))
    with pytest.raises(Trouble, match="has changed since it was accepted") as told:
        statistics.bring([named])
    assert told.value.spoiled == ["a10360-000007"]


def test_a_storage_that_is_gone_is_no_change(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = {"path": str(tmp_path / "gone" / NAME), "file": NAME, "sha256": "5a"}
    with pytest.raises(FileNotFoundError):
        statistics.bring([named])
