"""Finished files to their destinations: whole or not at all, and twice is once (R2, F-SUB-15)."""

import json
import os
import subprocess
import sys

import pytest

from orchestrator.agent.placing import place
from orchestrator.api import IfExists, Places, publishing


@pytest.fixture
def made(tmp_path, monkeypatch):
    folder = tmp_path / "a-1"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "made").write_text("new")
    return folder / "made"


def run(files, if_exists):
    """Do what `publishing` asks for, as a node does."""
    where = Places(attempt=os.getcwd(), programs={"python": sys.executable}, paths={"/mnt": "/x"})
    command = publishing(where, files, if_exists)
    with open("input.json", "w") as file:
        json.dump(command.input, file)
    done = subprocess.run(command.words(), capture_output=True, text=True, check=False)
    with open("result.json") as file:
        return done.returncode, json.load(file)


def test_files_are_whole_at_their_destinations_and_nothing_is_beside(made, tmp_path):
    out = tmp_path / "out" / "deep"
    files = [(str(made), str(out / "a")), (str(made), str(out / "b"))]
    for _ in range(2):  # an attempt may be lost after its work
        assert run(files, IfExists.FAIL) == (0, {"files": 2, "size": 6})
    assert {path.name: path.read_text() for path in out.iterdir()} == {"a": "new", "b": "new"}


def test_nothing_is_placed_where_one_would_replace_another_file(made, tmp_path):
    (tmp_path / "b").write_text("old")
    files = [(str(made), str(tmp_path / "a")), (str(made), str(tmp_path / "b"))]
    code, result = run(files, IfExists.FAIL)
    assert (code, result["final"]) == (1, True)
    assert result["error"].startswith(f"{tmp_path}/b: exists; choose another name")
    assert not (tmp_path / "a").exists()


def test_it_replaces_or_numbers_where_it_is_told_to(made, tmp_path):
    there = tmp_path / "a.txt"
    there.write_text("old")
    assert place(str(made), str(there), "number") == (str(tmp_path / "a-2.txt"), 3)
    assert place(str(made), str(there), "number") == (str(tmp_path / "a-2.txt"), 3)
    assert there.read_text() == "old"
    assert place(str(made), str(there), "replace") == (str(there), 3)
    assert there.read_text() == "new"


def test_file_that_is_gone_is_made_again(made, tmp_path):
    code, result = run([(str(tmp_path / "gone"), str(tmp_path / "a"))], IfExists.FAIL)
    assert (code, result["cause"]) == (1, "failed")
    assert "gone: is missing; it is made again" in result["error"]


def test_destination_is_as_the_node_calls_it():
    where = Places(attempt="/a", programs={"python": "py"}, paths={"/mnt": "/Volumes"})
    command = publishing(where, [("/s/x", "/mnt/x")], IfExists.REPLACE)
    assert command.input == {
        "files": [{"made": "/s/x", "destination": "/Volumes/x"}],
        "ifExists": "replace",
    }
