"""Ten thousand segments, a thousand batches, and a controller that is killed in them (F30)."""

import json
import signal
import subprocess
import sys
from collections import Counter

import pytest
import sample

from orchestrator.ledger.sqlite import SqliteLedger
from tests.bench.lifecycles import INSTANCES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.fault("F30")]

SEGMENTS, BATCHES = 10_000, 1000
KILLED_AT = (700, 800)
"""The first time while batches end one after another, the second among the segments of one."""
ENDS_AT = sample.times(600)
PEAK_MIB = 500


def live(root, folder, ends, how):
    """Run a controller until so many tasks have ended; return how it ended, and its figures."""
    words = [folder, SEGMENTS, BATCHES, ends, how]
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.many", *map(str, words)],
        cwd=root,
        stdout=subprocess.PIPE,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or "{}")


def test_killed_twice_among_many_it_loses_nothing_and_does_nothing_twice(root, tmp_path):
    for ends in KILLED_AT:
        assert live(root, tmp_path, ends, "killed")[0] == -signal.SIGKILL
    code, figures = live(root, tmp_path, ENDS_AT, "stopped")
    print(figures)
    assert code == 0
    assert figures["peak_mib"] < PEAK_MIB
    with SqliteLedger(tmp_path / "ledger.db", read_only=True) as ledger:
        batches = ledger.standings()
        attempts = [each for batch in batches for each in ledger.attempts(batch.id)]
        assert len(batches) == BATCHES + 1
        assert sum(len(ledger.tasks(batch.id)) for batch in batches) == BATCHES + SEGMENTS
    accepted = Counter(each.task for each in attempts if each.accepted)
    assert set(accepted.values()) == {1}
    assert len(accepted) >= min(BATCHES + SEGMENTS, sum(KILLED_AT) + ENDS_AT - INSTANCES)
    again = [each for each in attempts if each.closed and not each.accepted]
    assert {each.cause for each in again} <= {"lost"}
    assert len(again) <= INSTANCES * len(KILLED_AT)
