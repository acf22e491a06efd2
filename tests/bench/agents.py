"""What an idle agent costs, and how fast one scheduler serves fifty of them; JSON.

The agents of the second figure are connections over TLS and tables with a spool, in one process
with the controller's side; no command is started, so that what remains is the cost of the way.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil

from orchestrator.engine.dask.tls import TlsEngine
from orchestrator.model.node import Member
from tests.bench.kit import helper, report

agents = helper("agents")
clusters = helper("clusters")

IDLE_S = 30.0
SETTLE_S = 5.0
RSS_BYTES_MAX = 60e6
CPU_PERCENT_MAX = 0.5

AGENTS = 50
TASKS = 5000
AT_ONCE = 100
STARTS_PER_S_MIN = 250


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[object, TlsEngine]]:
    """Run a scheduler process and the controller's side of the engine."""
    centre = clusters.Centre(folder)
    centre.child.start()
    engine = TlsEngine(centre.child.address, centre.own, folder / "engine")
    engine.open(lambda: None)
    try:
        yield centre, engine
    finally:
        engine.close()
        centre.close()


def idle(folder: Path) -> dict[str, float]:
    """Return memory and CPU of an agent process that has nothing to do."""
    with cluster(folder) as (centre, engine):
        agent = clusters.Agent(centre).start()
        agents.until(engine.look, limit_s=30)
        time.sleep(SETTLE_S)
        process = psutil.Process(agent.process.pid)
        before, began = process.cpu_times(), time.monotonic()
        time.sleep(IDLE_S)
        after, took_s = process.cpu_times(), time.monotonic() - began
        used_s = after.user + after.system - before.user - before.system
        rss = process.memory_info().rss
        agent.close()
    return {"idle_rss_mb": round(rss / 1e6, 1), "idle_cpu_percent": round(100 * used_s / took_s, 2)}


def many(folder: Path) -> dict[str, float]:
    """Return how many attempts a second begin on fifty agents, each sent by itself."""
    with cluster(folder) as (centre, engine):
        launchers = [agents.NoLauncher() for _ in range(AGENTS)]
        tables = [
            agents.table(f"n{number}", folder, launcher)
            for number, launcher in enumerate(launchers)
        ]
        began = time.monotonic()
        site = clusters.Site(centre, tables)
        agents.until(lambda: len(engine.look()) == AGENTS, limit_s=120)
        joined_s = time.monotonic() - began
        members = list(engine.look())
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            taken = list(pool.map(lambda number: _one(engine, members, number), range(TASKS)))
        took_s = time.monotonic() - began
        site.close()
        for table in tables:
            table.close()
    if not all(taken):
        raise RuntimeError(f"{taken.count(False)} of {TASKS} were not taken")
    return {
        "agents": AGENTS,
        "all_joined_s": round(joined_s, 2),
        "starts_per_s": round(TASKS / took_s),
    }


def _one(engine: TlsEngine, members: list[Member], number: int) -> bool:
    """Send an attempt, and commit it: what an agent holds stays small."""
    to, attempt = members[number % AGENTS], f"a{number}"
    taken = engine.send(to, agents.spec(attempt))
    engine.ack(to, [attempt])
    return taken


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        figures = {**idle(Path(folder) / "idle"), **many(Path(folder) / "many")}
    bars = {
        "idle_rss_60_mb": figures["idle_rss_mb"] * 1e6 <= RSS_BYTES_MAX,
        "idle_cpu_half_a_percent": figures["idle_cpu_percent"] <= CPU_PERCENT_MAX,
        "starts_250_a_second": figures["starts_per_s"] >= STARTS_PER_S_MIN,
    }
    sys.exit(report(figures, bars))
