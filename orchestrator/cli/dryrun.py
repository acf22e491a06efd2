"""`run --dry-run`: what would be done, found out by the probes alone, in a throw-away folder."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from orchestrator.cli import screens
from orchestrator.cli.build import ThisComputer, Wishes, this_computer
from orchestrator.cli.forecast import forecast, is_over
from orchestrator.cli.options import CLUSTER, Layout
from orchestrator.cli.show import emit
from orchestrator.controller.submit import submit
from orchestrator.errors import OrchestratorError
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.node import Identity
from orchestrator.model.work import Batch, Kind
from orchestrator.plugin.caller import Caller

ENDED_WITHIN_S = 10.0
LOOK_S = 0.05


def show(batch: Batch, caller: Caller, identity: Identity, output: str) -> int:
    """Print targets, segments and every command of a batch; return 0, or 1 if a job cannot be done.

    Only probes run, and nothing is left behind.  A job that comes after others may have its
    source from them: that it is not there yet is told, but is no failure.
    """
    with _ended_alike(), _throw_away(caller, identity) as cluster:
        data = _probed(cluster, batch, identity)
    emit(data, output, lambda: screens.plans(data))
    early = {job.name for job in batch.jobs if job.after}
    return int(any(_is_failure(job, early) for job in screens.rows(data["jobs"])))


@contextmanager
def _ended_alike() -> Iterator[None]:
    """Let a polite kill end us as Ctrl-C does: by an exception, so that we clear up."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _throw_away(caller: Caller, identity: Identity) -> Iterator[ThisComputer]:
    """Lend a whole cluster that gives out probes only; end what still runs, then remove it."""
    with tempfile.TemporaryDirectory(prefix="orchestrator-dry-run-") as folder:
        where = Layout(Path(folder) / CLUSTER)
        wishes = Wishes(programs={}, instances={})
        with (
            SqliteLedger(where.ledger) as ledger,
            this_computer(where, ledger, caller, identity, wishes) as cluster,
        ):
            cluster.controller.lookout.only = frozenset({Kind.PROBE})
            try:
                yield cluster
            finally:
                _end(cluster)


def _probed(cluster: ThisComputer, batch: Batch, identity: Identity) -> screens.Data:
    """Accept the batch as if it could start now, run its probes, and say what came of it."""
    jobs = tuple(replace(job, after=()) for job in batch.jobs)
    now = replace(batch, jobs=jobs, not_before=None, delay_s=None)
    id = submit(cluster.ledger, cluster.caller, now, cluster.controller.clock()).batch
    cluster.controller.run(
        lambda view: not view.attempts and is_over(cluster.ledger, id), lambda view: None
    )
    accepted = cluster.ledger.batch(id)
    if accepted is None:
        raise OrchestratorError(f"batch {id!r}: it is not in its own ledger; please report this")
    return forecast(cluster.ledger, cluster.briefing, identity, accepted)


def _end(cluster: ThisComputer) -> None:
    """Kill what runs (the user gave up) and wait, so that nothing writes when all is removed."""
    cluster.table.kill_all()
    until = time.monotonic() + ENDED_WITHIN_S
    while time.monotonic() < until:
        phases = [phase for phase, _ in cluster.table.report().attempts.values()]
        if not any(phase.is_live for phase in phases):
            return
        time.sleep(LOOK_S)


def _is_failure(job: screens.Data, early: set[str]) -> bool:
    name = str(job["jobid"]).partition("/")[2]
    is_too_early = name in early and (job["isSourceMissing"] or not job["isProbed"])
    return bool(job["reason"]) and not is_too_early
