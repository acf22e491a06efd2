"""How many tasks a second go all the way through the durable machinery, with no work in them.

`python -m tests.bench.lifecycles` prints JSON: tasks go from the ledger on disk through reconcile,
the inproc engine and an agent without subprocesses (64 instances), and are settled.  Each count of
tasks runs in a process of its own, in turn, so that its memory can be read; `--repeats` takes the
median.  Ends with 1 if a bar is missed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator.agent.launcher import Launcher
from orchestrator.agent.spool import Spool
from orchestrator.agent.table import AgentTable
from orchestrator.api import (
    Accept,
    Command,
    Kind,
    Review,
    Segment,
    Service,
    Target,
    Task,
    hookimpl,
    task_id,
)
from orchestrator.cli.build import SENDS_AT_ONCE, Frame, assemble
from orchestrator.controller.storage import Storage
from orchestrator.controller.submit import submit
from orchestrator.engine.dask.engine import InprocEngine
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.node import Identity, Spec
from orchestrator.model.work import Batch, Ending, Job, Outcome
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins
from tests.bench.kit import peak_mib

INSTANCES = 64
COUNTS = (1_000, 10_000)
WARM_UP = 100
RATE_BAR = 300.0
RATIO_BAR = 0.8
RSS_BAR_MIB = 200.0


class Nothing:
    """A processor whose every task is one frame of no work."""

    name = "nothing"
    service = Service.RENDER
    schema = types.MappingProxyType({"type": "object"})
    setting_schema = None

    def review(self, job):
        return Review()

    def probe(self, job):
        return None

    def plan(self, job, facts, room):
        segments = tuple(Segment(n, n, n + 1) for n in range(job.asks["tasks"]))
        tasks = tuple(
            Task(
                id=task_id(job.id, Kind.RENDER, "frames", segment.index),
                job=job,
                kind=Kind.RENDER,
                target="frames",
                segment=segment,
                weight=1.0,
            )
            for segment in segments
        )
        return (Target(name="frames", tasks=tasks, segments=segments),)

    def command(self, task, where, done):
        return Command(("true", task.id, where.attempt), limit_s=60)

    def progress(self, task, line):
        return None

    def check(self, task, outcome):
        return outcome.exit_fault or Accept()


class Done:
    """Implements `agent.launcher.Run`: over at once, with its exit record in the spool."""

    def __init__(self, spool: Spool, spec: Spec) -> None:
        self._spool, self._spec = spool, spec

    def wait(self) -> Outcome:
        outcome = Outcome(attempt=self._spec.attempt, ending=Ending.EXITED, exit_code=0)
        self._spool.settle(outcome)
        return outcome

    def kill(self, grace_s: float) -> None:
        pass


class NoLauncher(Launcher):
    """Starts nothing, and says that it went well."""

    def open(self, spool, heard):
        self._spool = spool

    def start(self, spec):
        return Done(self._spool, spec)

    def adopt(self, spec):
        return None

    def close(self):
        pass


def run(folder: Path, count: int) -> dict[str, object]:
    """Take `count` tasks through everything; return the figures."""
    module = types.ModuleType("nothing")
    module.orchestrator_processors = hookimpl(lambda: (Nothing(),))
    caller = Caller(Plugins.given(nothing=module))
    identity = Identity(
        version="0",
        python=sys.executable,
        cores=os.cpu_count() or 1,
        memory_bytes=0,
        instances={"render": INSTANCES},
    )
    table = AgentTable("here", identity, folder / "spool", NoLauncher())
    engine = InprocEngine([table], folder / "scratch")
    storage = Storage.at(folder / "storage")
    with (
        SqliteLedger(folder / "ledger.db") as ledger,
        ThreadPoolExecutor(SENDS_AT_ONCE, "courier") as pool,
    ):
        frame = Frame(
            cluster="here", ledger=ledger, engine=engine, caller=caller, storage=storage, pool=pool
        )
        controller, _ = assemble(frame)
        engine.open(controller.wake)
        through(controller, ledger, caller, WARM_UP)  # the engine is ready when this is done
        began, cpu = time.perf_counter(), time.process_time()
        batch, looks = through(controller, ledger, caller, count)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        engine.close()
        table.close()
        done = sum(record.accepted for record in ledger.attempts(batch))
    if done != count:
        raise AssertionError(f"{done} of {count} tasks were done")
    peak = peak_mib()
    return {
        "tasks": count,
        "wall_s": round(wall, 3),
        "per_s": round(count / wall, 1),
        "cpu_ms_each": round(1000 * cpu / count, 3),
        "looks": looks,
        "peak_rss_mib": round(peak, 1),
    }


def through(controller, ledger, caller, count: int) -> tuple[str, int]:
    """Submit a batch of so many tasks and see it to its end; return its id and the looks taken."""
    job = Job(id="", name="j", processor="nothing", asks={"tasks": count})
    looks = 0
    batch = submit(ledger, caller, Batch(id="b", name="b", jobs=(job,)), time.time()).batch

    def over(view):
        nonlocal looks
        looks += 1
        state = ledger.state(batch)
        return state is not None and state.is_final

    controller.run(over, lambda view: None)
    return batch, looks


def measure(count: int, folder: str | None) -> dict[str, object]:
    """Run in a process of its own."""
    words = [sys.executable, os.path.abspath(__file__), "--tasks", str(count)]
    done = subprocess.run(
        words + (["--folder", folder] if folder else []), check=True, capture_output=True
    )
    return dict(json.loads(done.stdout))


def main() -> int:
    wants = argparse.ArgumentParser(description=__doc__)
    wants.add_argument("--tasks", type=int, help="so many once, in this process")
    wants.add_argument("--repeats", type=int, default=3)
    wants.add_argument("--folder", help="where the ledger is made; default: the temporary folder")
    wanted = wants.parse_args()
    if wanted.tasks:
        with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
            print(json.dumps(run(Path(folder), wanted.tasks)))
        return 0
    rounds = [[measure(n, wanted.folder) for n in COUNTS] for _ in range(wanted.repeats)]
    small, large = ([round[n] for round in rounds] for n in range(len(COUNTS)))
    rate = [statistics.median(float(each["per_s"]) for each in runs) for runs in (small, large)]
    peak = max(float(each["peak_rss_mib"]) for each in large)
    ratio = rate[1] / rate[0]
    bars = {
        f"lifecycles_per_s >= {RATE_BAR:g}": min(rate) >= RATE_BAR,
        f"rate at {COUNTS[1]} / rate at {COUNTS[0]} >= {RATIO_BAR}": ratio >= RATIO_BAR,
        f"peak_rss_mib <= {RSS_BAR_MIB:g}": peak <= RSS_BAR_MIB,
    }
    figures = {
        "lifecycles_per_s": dict(zip(map(str, COUNTS), rate, strict=True)),
        "ratio": round(ratio, 3),
        "peak_rss_mib": peak,
        "runs": [*small, *large],
        "bars": bars,
    }
    print(json.dumps(figures, indent=2))
    return 0 if all(bars.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
