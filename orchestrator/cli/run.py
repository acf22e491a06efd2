"""`orchestrator run`: a job manifest in, verified files out, on this computer."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from orchestrator.cli import dryrun, outcome
from orchestrator.cli.build import ThisComputer, Wishes, identity, this_computer
from orchestrator.cli.options import CLUSTER, Layout, layout, output_option, state_option
from orchestrator.cli.progress import display
from orchestrator.cli.show import plain
from orchestrator.cli.watcher import Watcher
from orchestrator.controller.builds import BuildRecord
from orchestrator.controller.submit import (
    Arrival,
    Submission,
    check_able,
    submit,
    unfinished,
)
from orchestrator.decide.reconcile import View
from orchestrator.errors import Refusal
from orchestrator.ledger.lock import Lock
from orchestrator.ledger.protocol import Ledger
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.manifest.batch import BatchFile, digest, read_batch
from orchestrator.model.node import Identity
from orchestrator.model.work import Batch, State
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins

INTERRUPTED = 130


@click.command(name="run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show targets, segments and commands; do nothing.")
@click.option(
    "--storage",
    type=click.Path(path_type=Path, file_okay=False),
    help="Cluster storage, for all that is temporary; kept for later runs. "
    "Default: in the state folder.",
)
@click.option("--report", is_flag=True, help="At the end, show every check of the outputs.")
@state_option
@output_option
def command(file: Path, output: str, report: bool, **options: Any) -> int:  # click's own mapping
    """Run the job manifest FILE on this computer, and wait for the result.

    Ends with 0 if all went well, 1 if something failed, 2 if it was refused.  Run again, it goes
    on where it stopped: what was accepted is not done twice.
    """
    plugins = Plugins.installed()
    manifest = read_batch(file, plugins.processors, plugins.settings_folders())
    _refuse_later(manifest.batch)
    where, wishes = layout(options["state"]), _wishes(manifest, options["storage"])
    caller = Caller(plugins)
    who = identity(where, plugins, wishes)
    check_able(caller, manifest.batch, [who])
    if options["dry_run"]:
        return dryrun.show(manifest.batch, caller, who, output)
    with _turn(where), SqliteLedger(where.ledger) as ledger:
        with this_computer(where, ledger, caller, who, wishes) as cluster:
            arrived = _submit(cluster, where, manifest.batch, who)
            quiet = output != "table"
            _announce(ledger, arrived, quiet)
            ended = _work(cluster, arrived.batch, quiet)
            root = cluster.storage.root
        over = outcome.Ended(arrived.batch, root, interrupted=not ended)
        code = outcome.report(ledger, over, output, gates=report)
        where.untold(arrived.batch).unlink(missing_ok=True)
        return code


def _submit(cluster: ThisComputer, where: Layout, batch: Batch, who: Identity) -> Submission:
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


def _work(cluster: ThisComputer, batch: str, quiet: bool) -> bool:
    """Turn until the batch is over; False if the user stopped it before."""
    controller = cluster.controller
    watcher = Watcher(cluster.ledger, cluster.caller, batch)

    def over(view: View) -> bool:
        if controller.draining and not cluster.ledger.open_attempts():
            return True
        return _closed(cluster, batch)

    with _interrupts(cluster), display(watcher, quiet) as shown:
        controller.run(over, shown.each)
    return _closed(cluster, batch)


def _closed(cluster: ThisComputer, batch: str) -> bool:
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
def _turn(where: Layout) -> Iterator[None]:
    """Wait until no other `run` works on the same state, and say whom we wait for."""
    try:
        where.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Refusal(
            f"state folder {where.root}: {error.strerror}; name another with --state"
        ) from error
    lock = Lock(where.root / "ledger.lock")
    if not lock.take(wait=False):
        sys.stderr.write(f"Waiting: {lock.holder()} works on {where.root}; this run is next.\n")
        lock.take(wait=True)
    try:
        yield
    finally:
        lock.release()


def _announce(ledger: Ledger, arrived: Submission, quiet: bool) -> None:
    if quiet:
        return
    for other in ledger.standings():
        if not other.state.is_final and other.id != arrived.batch:
            sys.stderr.write(f"Batch {plain(other.id)}: unfinished, goes on as well.\n")
    how = {
        Arrival.NEW: "accepted",
        Arrival.RESUMED: "goes on where it stopped",
        Arrival.RETRIED: "failed before; only what is missing is done again",
    }[arrived.arrival]
    sys.stderr.write(f"Batch {plain(arrived.batch)}: {how}.\n")


def _wishes(manifest: BatchFile, storage: Path | None) -> Wishes:
    node = manifest.node
    return Wishes(
        programs=node.programs if node else {},
        instances=node.instances if node else {},
        storage=storage,
    )


def _refuse_later(batch: Batch) -> None:
    """Refuse what only a cluster can do; better said than ignored."""
    if batch.cluster != CLUSTER:
        raise Refusal(
            f"batch {batch.name!r}: it asks for cluster {batch.cluster!r}, and `run` works on this "
            f"computer; leave `cluster` out, or write `cluster: {CLUSTER}`"
        )
    if batch.plus:
        raise Refusal(
            f"batch {batch.name!r}: `plus: true` takes other computers, which this version cannot; "
            "leave it out"
        )
    if batch.notify:
        raise Refusal(
            f"batch {batch.name!r}: `notify` sends mail, which this version cannot; leave it out"
        )
