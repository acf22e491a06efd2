"""`orchestrator run` killed at every step it takes to the outside, then run again (F01, P2, P4)."""

import itertools
import os
import signal
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
import scripted_plugin

from orchestrator.cli import build
from orchestrator.cli import run as run_module
from orchestrator.engine.dask.engine import InprocEngine
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.plugin.manager import Plugins

TEXT = "all that is gold does not glitter\n" * 3
JOB = """\
apiVersion: orchestrator/v1
kind: Batch
metadata: {name: loud}
spec:
  jobs:
    - name: text
      processor: scripted
      with: {source: in.txt, destination: out/OUT.txt, starts: starts}
"""

pytestmark = pytest.mark.timeout(600)


class Fuse:
    """Kills this process, as `kill -9` would, when it has burnt down."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def guarded(kind: type, fuse: Fuse, names: tuple[str, ...]) -> type:
    """Return a subclass of `kind` whose named methods burn the fuse before and after."""

    def burning(name):
        def call(self, *args, **kwargs):
            fuse.burn()
            answer = getattr(kind, name)(self, *args, **kwargs)
            fuse.burn()
            return answer

        return call

    return type(f"Guarded{kind.__name__}", (kind,), {name: burning(name) for name in names})


WRITES = ("accept", "plan", "lease", "settle", "close_part", "sent")
ENGINE = ("open", "send", "ack", "close")


def run_in_child(folder: Path, steps: int) -> int | None:
    """Run the job in a forked process; its exit code, or None if the fuse killed it."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.dup2(os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
            os.dup2(1, 2)
            code = _run(folder, steps)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    return os.WEXITSTATUS(status)


def _run(folder: Path, steps: int) -> int:
    fuse = Fuse(steps)
    run_module.SqliteLedger = guarded(SqliteLedger, fuse, WRITES)
    build.InprocEngine = guarded(InprocEngine, fuse, ENGINE)
    run_module.Plugins.installed = lambda: Plugins.given(scripted=scripted_plugin)
    arguments = [str(folder / "job.yaml"), "--state", str(folder / "state")]
    return int(run_module.command.main(arguments, standalone_mode=False))


@pytest.fixture
def job(tmp_path):
    """Return a function that makes a fresh folder with the job and its source."""
    numbers = itertools.count()

    def make() -> Path:
        folder = tmp_path / str(next(numbers))
        (folder / "out").mkdir(parents=True)
        (folder / "in.txt").write_text(TEXT)
        (folder / "job.yaml").write_text(JOB)
        return folder

    return make


def accepted(folder: Path) -> Counter:
    with closing(SqliteLedger(folder / "state/this-computer/ledger.db", read_only=True)) as ledger:
        return Counter(
            event.subject for event in ledger.events(0, 10_000) if event.kind == "accepted"
        )


def starts(folder: Path) -> Counter:
    return Counter(line.split()[0] for line in (folder / "starts").read_text().splitlines())


def test_killed_at_any_step_it_comes_to_the_same_end(job):
    for steps in itertools.count(1):
        folder = job()
        first = run_in_child(folder, steps)
        if first is not None:
            break  # the fuse outlived the story: every step has been tried
        written = list((folder / "out").iterdir())
        assert all(file.read_text() == _whole() for file in written if file.name == "OUT.txt")
        assert run_in_child(folder, 0) == 0, (folder / "output").read_text()
        assert (folder / "out/OUT.txt").read_text() == _whole()
        assert sorted(file.name for file in (folder / "out").iterdir()) == ["OUT.txt"]
        assert set(accepted(folder).values()) == {1}, f"killed at step {steps}"
        assert set(starts(folder).values()) == {1}, f"killed at step {steps}"
    assert first == 0
    assert steps > 60


def _whole() -> str:
    return TEXT.upper() + "~" * 8
