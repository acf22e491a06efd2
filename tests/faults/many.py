"""A controller with much to do: ``… FOLDER SEGMENTS BATCHES ENDS killed|stopped``.

So many batches of one segment without work, and one of many; through ledger, reconcile, engine and
agent.  Stops when so many tasks have ended since it began, or when all have; ``killed``: without a
word.  Else says as JSON when it first looked, how long looks took, and how large it grew.
"""

import itertools
import json
import os
import signal
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator.agent.table import AgentTable
from orchestrator.api import hookimpl
from orchestrator.cli.build import SENDS_AT_ONCE, Frame, assemble
from orchestrator.controller.storage import Storage
from orchestrator.controller.submit import submit
from orchestrator.engine.dask.engine import InprocEngine
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.node import Identity
from orchestrator.model.work import Batch, Job
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins
from tests.bench.kit import peak_mib
from tests.bench.lifecycles import INSTANCES, NoLauncher, Nothing


class Counted(Nothing):
    """Knows how many of its tasks have ended, and kills this process in the middle of them."""

    def __init__(self, ends, is_killed):
        self.left, self.is_killed = ends, is_killed

    def check(self, task, outcome):
        self.left -= 1
        if self.left <= 0 and self.is_killed:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().check(task, outcome)


def run(folder, segments, batches, ends, is_killed):
    """Go on with all that there is; return the figures."""
    began = time.perf_counter()
    module = types.ModuleType("nothing")
    counted = Counted(ends, is_killed)
    module.orchestrator_processors = hookimpl(lambda: (counted,))
    caller = Caller(Plugins.given(nothing=module))
    identity = Identity(
        version="0", python=sys.executable, cores=2, memory_bytes=0, instances={"render": INSTANCES}
    )
    table = AgentTable("here", identity, folder / "spool", NoLauncher())
    engine = InprocEngine([table], folder / "scratch")
    storage = Storage.at(folder / "storage")
    with (
        SqliteLedger(folder / "ledger.db") as ledger,
        ThreadPoolExecutor(SENDS_AT_ONCE, "courier") as pool,
    ):
        figures = {}
        if not ledger.standings():
            for number in range(batches):
                give(ledger, caller, f"b{number}", 1)
            give(ledger, caller, "large", segments)
        frame = Frame(
            cluster="here", ledger=ledger, engine=engine, caller=caller, storage=storage, pool=pool
        )
        controller, _ = assemble(frame)
        engine.open(controller.wake)
        looks = [time.perf_counter()]

        def over(view):
            looks.append(time.perf_counter())
            figures.setdefault("ready_s", looks[-1] - began)
            return counted.left <= 0 or (len(looks) % 100 == 0 and all_over(ledger))

        controller.run(over, lambda view: None)
        engine.close()
        table.close()
    gaps = sorted(late - early for early, late in itertools.pairwise(looks))
    return figures | {
        "peak_mib": peak_mib(),
        "look_p99_s": gaps[int(len(gaps) * 0.99)],
        "looks": len(gaps),
    }


def all_over(ledger):
    return all(each.state.is_final for each in ledger.standings())


def give(ledger, caller, name, count):
    job = Job(id="", name="j", processor="nothing", asks={"tasks": count})
    submit(ledger, caller, Batch(id=name, name=name, jobs=(job,)), time.time())


if __name__ == "__main__":
    folder, *numbers, killed = sys.argv[1:]
    print(json.dumps(run(Path(folder), *map(int, numbers), is_killed=killed == "killed")))
