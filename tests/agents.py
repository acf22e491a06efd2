"""Tables without processes: attempts begin and end when a test says so."""

import sys
import threading
import time

from orchestrator.agent.table import AgentTable
from orchestrator.engine.fake import well
from orchestrator.model.node import Identity, Spec
from orchestrator.model.work import Ending, Outcome

IDENTITY = Identity(
    version="1",
    python=sys.executable,
    cores=2,
    memory_bytes=8 << 30,
    instances={"compressor": 2, "render": 1},
)


def spec(attempt, *argv, **more):
    given = {"cluster": "c", "epoch": 1, "lease": 1, "task": "b/j/encode", "service": "compressor"}
    given |= {"folder": f"/nowhere/{attempt}", "argv": argv or ("true",)}
    return Spec(**{**given, **more, "attempt": attempt})


def until(holds, woken=None, limit_s=10.0):
    """Wait until `holds()`, asked again whenever `woken` is set."""
    woken = woken or threading.Event()
    deadline = time.monotonic() + limit_s
    while not (answer := holds()):
        assert time.monotonic() < deadline, "it never came to hold"
        woken.wait(0.01)
        woken.clear()
    return answer


class ScriptedLauncher:
    """Starts nothing; its runs outlive tables, as real runners do."""

    def __init__(self):
        self.started = []
        self.runs = {}

    def open(self, spool, heard):
        self._spool, self.heard = spool, heard

    def start(self, spec):
        self.started.append(spec.attempt)
        run = self.runs[spec.attempt] = ScriptedRun(spec.attempt)
        return run

    def adopt(self, spec):
        return self.runs.get(spec.attempt)

    def close(self):
        """Leave what runs alone."""

    def finish(self, attempt, outcome=None):
        outcome = outcome or well(attempt)
        self._spool.settle(outcome)
        self.runs.pop(attempt).end(outcome)


class ScriptedRun:
    def __init__(self, attempt):
        self.attempt = attempt
        self._over = threading.Event()

    def wait(self):
        self._over.wait()
        return self._outcome

    def kill(self, grace_s):
        self.end(Outcome(attempt=self.attempt, ending=Ending.KILLED, why="ended on request"))

    def end(self, outcome):
        self._outcome = outcome
        self._over.set()


class NoLauncher(ScriptedLauncher):
    """Every attempt is over as soon as it begins: what remains is the cost of the way."""

    def start(self, spec):
        run = ScriptedRun(spec.attempt)
        run.end(well(spec.attempt))
        return run


def table(node, folder, launcher=None, identity=IDENTITY):
    return AgentTable(node, identity, folder / f"spool-{node}", launcher)
