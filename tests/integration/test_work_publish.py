"""publish: a destination holds a whole, verified file or what it held before (R2)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from media import sha256
from pipeline import Done, Pipeline

pytestmark = pytest.mark.timeout(300)
ANOTHER = Path("/dev/shm")


@pytest.fixture
def line(tmp_path: Path) -> Pipeline:
    source = tmp_path / "source"
    source.write_bytes(b"source")
    line = Pipeline(tmp_path / "attempts", source, ("-c:v", "copy"))
    line.facts = {"fingerprint": {}}
    return line


@pytest.fixture
def final(tmp_path: Path) -> Done:
    return made(tmp_path / "assembled", b"the finished file")


@pytest.fixture
def elsewhere():
    """A folder on another file system, where nothing can be linked."""
    if not ANOTHER.is_dir() or ANOTHER.stat().st_dev == Path.cwd().stat().st_dev:
        pytest.skip("there is no other file system here")
    folder = ANOTHER / f"orchestrator-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def made(folder: Path, data: bytes) -> Done:
    folder.mkdir()
    path = folder / "final.mov"
    path.write_bytes(data)
    result = {"file": "final.mov", "sha256": sha256(path)}
    return Done(folder, 0, result, "", "")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_missing_folders_are_made_and_nothing_else_is_left(tmp_path, line, final):
    destination = tmp_path / "new/deep/out.mov"
    done = line.publish(final, destination)
    assert done.result == {
        "destination": str(destination),
        "size": 17,
        "sha256": final.result["sha256"],
    }
    assert names(destination.parent) == ["out.mov"]
    assert (final.folder / "final.mov").exists()


def test_on_another_file_system_it_is_copied(line, final, elsewhere):
    line.publish(final, elsewhere / "out.mov")
    assert (elsewhere / "out.mov").read_bytes() == b"the finished file"
    assert names(elsewhere) == ["out.mov"]


def test_done_twice_it_is_done_once(tmp_path, line, final):
    first = line.publish(final, tmp_path / "out.mov")
    inode = (tmp_path / "out.mov").stat().st_ino
    assert line.publish(final, tmp_path / "out.mov").result == first.result
    assert (tmp_path / "out.mov").stat().st_ino == inode


def test_another_file_is_not_replaced_unless_asked(tmp_path, line, final):
    destination = tmp_path / "out.mov"
    destination.write_bytes(b"somebody's")
    done = line.publish(final, destination, code=1)
    assert done.result == {
        "error": f"{destination}: exists; choose another name, or ifExists: replace | number",
        "cause": "failed",
        "final": True,
    }
    assert destination.read_bytes() == b"somebody's"


def test_replace_replaces(tmp_path, line, final):
    destination = tmp_path / "out.mov"
    destination.write_bytes(b"somebody's")
    line.publish(final, destination, ifExists="replace")
    assert destination.read_bytes() == b"the finished file"


def test_number_takes_the_first_free_name(tmp_path, line, final):
    for name in ("out.mov", "out-2.mov"):
        (tmp_path / name).write_bytes(b"somebody's")
    done = line.publish(final, tmp_path / "out.mov", ifExists="number")
    assert done.result["destination"] == str(tmp_path / "out-3.mov")
    again = line.publish(final, tmp_path / "out.mov", ifExists="number")
    assert again.result == done.result


def test_equal_file_of_an_older_batch_keeps_its_name(tmp_path, line, final):
    older = tmp_path / "out.mov"
    older.write_bytes(b"the finished file")
    os.utime(older, (1, 1))
    done = line.publish(final, older, ifExists="number")
    assert done.result["destination"] == str(tmp_path / "out-2.mov")


def test_file_that_is_not_the_ledgers_is_not_published(tmp_path, line, final):
    (final.folder / "final.mov").write_bytes(b"another, forged")
    done = line.publish(final, tmp_path / "out/out.mov", code=1)
    assert "its hash is" in done.result["error"]
    assert names(tmp_path / "out") == []


def test_part_of_an_earlier_attempt_is_swept_and_a_strangers_stays(tmp_path, line, final):
    out = tmp_path / "out"
    out.mkdir()
    for name in (".out.mov.7f3a01-000000.part", ".out.mov.aaaaaa-000001.part"):
        (out / name).write_bytes(b"half")
    line.publish(final, out / "out.mov")
    assert names(out) == [".out.mov.aaaaaa-000001.part", "out.mov"]


def test_stale_part_of_the_same_attempt_is_no_hindrance(tmp_path, line, final):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.out.mov.7f3a01-000001.part").write_bytes(b"half")
    line.publish(final, tmp_path / "out/out.mov")
    assert names(tmp_path / "out") == ["out.mov"]


def test_longest_name_can_be_published(tmp_path, line, final):
    name = "n" * 251 + ".mov"
    line.publish(final, tmp_path / "out" / name)
    assert names(tmp_path / "out") == [name]


def test_full_destination_waits(line, final, elsewhere):
    folder = line.root / "full"
    folder.mkdir(parents=True)
    code = (
        "import errno, os, shutil\n"
        "from orchestrator_compressor.work import publish\n"
        "def full(*_):\n    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
        "shutil.copyfileobj = full\n"
        "from orchestrator_compressor.work.__main__ import main\n"
        "raise SystemExit(main(['publish']))\n"
    )
    result = run_in(folder, code, final, elsewhere / "new.mov")
    assert result["cause"] == "unready"
    assert result["error"] == (
        f"storage {elsewhere} is full; free some space, it goes on by itself"
    )
    assert names(elsewhere) == []


@pytest.mark.parametrize("step", ["link", "fsync", "replace", "unlink", "open"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_killed_at_any_step_the_destination_is_whole(tmp_path, line, final, step, nth):
    destination = tmp_path / "out.mov"
    destination.write_bytes(b"the old file")
    folder = tmp_path / "killed"
    folder.mkdir()
    code = (
        "import os, signal, sys\n"
        "left = [int(sys.argv[2])]\n"
        "def hook(event, args):\n"
        "    if event == sys.argv[1] and str(args[0]).startswith(sys.argv[3]):\n"
        "        left[0] -= 1\n"
        "        if not left[0]:\n            os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(hook)\n"
        "from orchestrator_compressor.work.__main__ import main\n"
        "raise SystemExit(main(['publish']))\n"
    )
    events = {"link": "os.link", "replace": "os.rename", "unlink": "os.remove"}
    words = (events.get(step, step), str(nth), str(tmp_path))
    run_in(folder, code, final, destination, *words, ifExists="replace")
    assert destination.read_bytes() in {b"the old file", b"the finished file"}
    line.publish(final, destination, ifExists="replace")
    assert destination.read_bytes() == b"the finished file"


def run_in(folder: Path, code: str, final: Done, destination: Path, *words: str, **more: str):
    """Publish in a process that runs `code`; its result, {} if it was killed."""
    data = {
        "file": str(final.folder / "final.mov"),
        "sha256": final.result["sha256"],
        "destination": str(destination),
        "attempt": "7f3a01-000009",
        **more,
    }
    (folder / "input.json").write_text(json.dumps(data))
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=folder, check=False)
    assert done.returncode in {0, 1, -signal.SIGKILL}
    result = folder / "result.json"
    return json.loads(result.read_text()) if result.exists() else {}


def told(tmp_path: Path, destination: Path) -> list[dict[str, str]]:
    """A report that stands beside the output: what publish is told of it."""
    page = tmp_path / "report.html"
    page.write_bytes(b"<p>")
    place = destination.with_suffix(".report.html")
    return [{"file": str(page), "sha256": sha256(page), "destination": str(place)}]


def test_a_report_comes_with_it_and_twice_is_once(tmp_path, line, final):
    destination = tmp_path / "out.mov"
    reports = told(tmp_path, destination)
    for _ in range(2):
        done = line.publish(final, destination, reports=reports)
        assert done.result["reports"][0]["destination"] == reports[0]["destination"]
        assert Path(reports[0]["destination"]).read_bytes() == b"<p>"
        assert destination.read_bytes() == b"the finished file"


def test_nothing_is_published_where_a_report_would_replace_a_file(tmp_path, line, final):
    destination = tmp_path / "out.mov"
    reports = told(tmp_path, destination)
    Path(reports[0]["destination"]).write_text("mine")
    done = line.publish(final, destination, code=1, reports=reports)
    assert "out.report.html: exists" in done.result["error"]
    assert not destination.exists()
    assert Path(reports[0]["destination"]).read_text() == "mine"
    line.publish(final, destination, reports=reports, ifExists="number")
    assert (tmp_path / "out.report-2.html").read_bytes() == b"<p>"
