"""`orchestrator run` killed at every step it takes to the outside, then run again (F01, P2, P4)."""

import itertools
from collections import Counter
from contextlib import closing
from pathlib import Path

import fused
import pytest

from orchestrator.ledger.sqlite import SqliteLedger

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

pytestmark = [pytest.mark.timeout(600), pytest.mark.fault("F01")]


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
        first = fused.run(folder, steps)
        if first is not None:
            break  # the fuse outlived the story: every step has been tried
        written = list((folder / "out").iterdir())
        assert all(file.read_text() == _whole() for file in written if file.name == "OUT.txt")
        assert fused.run(folder, 0) == 0, (folder / "output").read_text()
        assert (folder / "out/OUT.txt").read_text() == _whole()
        assert sorted(file.name for file in (folder / "out").iterdir()) == ["OUT.txt"]
        assert set(accepted(folder).values()) == {1}, f"killed at step {steps}"
        assert set(starts(folder).values()) == {1}, f"killed at step {steps}"
    assert first == 0
    assert steps > 60


def _whole() -> str:
    return TEXT.upper() + "~" * 8
