import hashlib
import json
import os
import subprocess
import sys

import pytest

from orchestrator.agent import copying


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The attempt's folder, which is the current one."""
    folder = tmp_path / "attempt"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (tmp_path / "movie.mov").write_bytes(bytes(range(256)) * 9000)
    return folder


def asks(here, *names):
    files = [
        {"path": str(here.parent / name), "name": f"copy-{number:03d}"}
        for number, name in enumerate(names)
    ]
    (here / "input.json").write_text(json.dumps({"files": files}))


def told(here):
    return json.loads((here / "result.json").read_text())


def test_file_is_copied_whole_with_its_hash(here):
    data = (here.parent / "movie.mov").read_bytes()
    asks(here, "movie.mov")
    words = [sys.executable, "-m", "orchestrator.agent.copying"]
    assert subprocess.run(words, cwd=here, check=False).returncode == 0
    assert (here / "copy-000").read_bytes() == data
    digest = hashlib.sha256(data).hexdigest()
    assert told(here) == {"files": [{"file": "copy-000", "size": len(data), "sha256": digest}]}
    assert (here / "copy-000").stat().st_mode & 0o7 == 0


def test_file_that_changes_meanwhile_is_no_copy(here, monkeypatch):
    movie = here.parent / "movie.mov"

    class Slow(copying.Teller):
        def add(self, count):
            movie.write_bytes(b"another")

    monkeypatch.setattr(copying, "Teller", Slow)
    asks(here, "movie.mov")
    assert copying.main() == 1
    assert told(here)["cause"] == "source"
    assert "has changed while it was copied" in told(here)["error"]


def test_file_that_grows_is_not_followed_without_end(here, monkeypatch):
    movie, size = here.parent / "movie.mov", (here.parent / "movie.mov").stat().st_size

    class Growing(copying.Teller):
        def add(self, count):
            with movie.open("ab") as file:
                file.write(bytes(count))

    monkeypatch.setattr(copying, "Teller", Growing)
    asks(here, "movie.mov")
    assert copying.main() == 1
    assert told(here)["cause"] == "source"
    assert (here / "copy-000").stat().st_size <= size


def test_what_is_put_in_the_place_of_a_file_between_look_and_opening_is_not_read(here, monkeypatch):
    plain = os.stat(here.parent / "movie.mov")
    (here.parent / "movie.mov").unlink()
    os.mkfifo(here.parent / "movie.mov")
    real = os.stat
    monkeypatch.setattr(
        os, "stat", lambda path, **more: plain if "movie" in str(path) else real(path, **more)
    )
    asks(here, "movie.mov")
    assert copying.main() == 1
    assert "is no regular file" in told(here)["error"]


def test_copy_that_reads_otherwise_is_made_again(here, monkeypatch):
    monkeypatch.setattr(copying, "read_back", lambda name, teller: ("another", 1))
    asks(here, "movie.mov")
    assert copying.main() == 1
    assert "reads otherwise" in told(here)["error"]
    assert told(here)["cause"] == "failed"


def test_file_that_is_gone_or_no_file_costs_a_try_here(here):
    asks(here, "movie.mov", "gone.mov")
    assert copying.main() == 1
    assert told(here)["cause"] == "failed"
    assert "gone.mov: cannot be read" in told(here)["error"]
    (here.parent / "folder").mkdir()
    asks(here, "folder")
    assert copying.main() == 1
    assert "is no regular file" in told(here)["error"]


def test_without_room_nothing_is_begun_and_no_try_is_counted(here, monkeypatch):
    monkeypatch.setattr(copying, "room", lambda folder: (1000, 10**9))
    asks(here, "movie.mov")
    assert copying.main() == 1
    assert told(here)["cause"] == "unready"
    assert not os.path.exists(here / "copy-000")
