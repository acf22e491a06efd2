"""One `run` at work: its turn at the ledger, its batch, its display, and Ctrl-C."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from orchestrator.cli.build import ThisComputer
from orchestrator.cli.options import Layout
from orchestrator.cli.progress import display
from orchestrator.cli.show import plain
from orchestrator.cli.watcher import Watcher
from orchestrator.controller.builds import BuildRecord
from orchestrator.controller.submit import Arrival, Submission, submit, unfinished
from orchestrator.decide.reconcile import View
from orchestrator.ledger.lock import Lock
from orchestrator.ledger.protocol import Ledger
from orchestrator.manifest.batch import digest
from orchestrator.model.node import Identity
from orchestrator.model.work import Batch, State


def accept(cluster: ThisComputer, where: Layout, batch: Batch, who: Identity) -> Submission:
    """Store the batch, or find the one that it is already; mark that nobody was told its end."""
    ledger, caller = cluster.ledger, cluster.caller
    newest = ledger.newest(digest(batch))
    if newest and newest[1] is State.SUCCESSFUL and where.untold(newest[0]).exists():
        return Submission(newest[0], Arrival.RESUMED)  # its `run` was killed after the last step
    record = BuildRecord(where.builds, ledger, caller)
    found = unfinished(ledger, batch)
    anew = record.renew(who, found[0] if found else None)
    arrived = submit(ledger, caller, batch, cluster.controller.clock(), anew)
    record.begin(arrived.batch, who)
    where.untold(arrived.batch).parent.mkdir(exist_ok=True)
    where.untold(arrived.batch).touch()
    return arrived


def work(cluster: ThisComputer, batch: str, quiet: bool) -> bool:
    """Turn until the batch is over; False if the user stopped it before."""
    controller = cluster.controller
    watcher = Watcher(cluster.ledger, cluster.caller, batch)

    def over(view: View) -> bool:
        if controller.draining and not cluster.ledger.open_attempts():
            return True
        return is_closed(cluster, batch)

    with _interrupts(cluster), display(watcher, quiet) as shown:
        controller.run(over, shown.each)
    return is_closed(cluster, batch)


def is_closed(cluster: ThisComputer, batch: str) -> bool:
    """Whether the batch has come to its end."""
    state = cluster.ledger.state(batch)
    return state is not None and state.is_final


@contextmanager
def _interrupts(cluster: ThisComputer) -> Iterator[None]:
    """Ctrl-C once: running work ends, nothing new starts; twice: everything is ended."""

    def asked(number: int, frame: FrameType | None) -> None:
        if cluster.controller.draining:
            cluster.table.kill_all()
            return
        cluster.controller.draining = True
        cluster.controller.wake()
        sys.stderr.write(
            "\nStopping: what runs is finished first, nothing new starts. "
            "Ctrl-C again ends it at once.\n"
        )

    before = {each: signal.signal(each, asked) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def turn(where: Layout) -> Iterator[None]:
    """Wait until no other `run` works on the same state, and say whom we wait for."""
    lock = Lock(where.root / "ledger.lock")
    if not lock.take(wait=False):
        sys.stderr.write(f"Waiting: {lock.holder()} works on {where.root}; this run is next.\n")
        lock.take(wait=True)
    try:
        yield
    finally:
        lock.release()


def announce(ledger: Ledger, arrived: Submission) -> None:
    """Say on stderr what will be worked on."""
    for other in ledger.standings():
        if not other.state.is_final and other.id != arrived.batch:
            sys.stderr.write(f"Batch {plain(other.id)}: unfinished, goes on as well.\n")
    how = {
        Arrival.NEW: "accepted",
        Arrival.RESUMED: "goes on where it stopped",
        Arrival.RETRIED: "failed before; only what is missing is done again",
    }[arrived.arrival]
    sys.stderr.write(f"Batch {plain(arrived.batch)}: {how}.\n")
