"""`orchestrator controller recover`: a damaged ledger gives way to the best whole copy of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.agent.spool import epoch_seen
from orchestrator.cli.check import attempt_folders
from orchestrator.cli.options import CLUSTER, Layout, layout, state_option
from orchestrator.cli.show import plain
from orchestrator.errors import Refusal
from orchestrator.ledger.checking import Fault
from orchestrator.ledger.lock import Lock
from orchestrator.ledger.recovering import Recovered, best, inspect
from orchestrator.ledger.recovering import recover as put_back
from orchestrator.ledger.sqlite import SqliteLedger

RULES_OF_A_LEDGER = 3
"""So many of its faults are shown."""


@click.command(name="recover")
@click.argument("cluster", default=CLUSTER)
@click.option(
    "--storage",
    type=click.Path(path_type=Path, file_okay=False),
    help="Cluster storage, where it is another than the state folder's: no attempt's number that "
    "stands there is used again.",
)
@click.option("--yes", is_flag=True, help="Do it without being asked.")
@state_option
def recover(cluster: str, storage: Path | None, yes: bool, state: Path | None) -> int:
    """Put the newest whole copy of CLUSTER's ledger in its place, and say what is lost.

    The copy is the ledger itself where only its end is missing, else a backup.  What was there is
    kept beside it.  Work that the copy does not know is done again; files that were published stay.
    """
    where = layout(state, cluster)
    if not where.ledger.exists():
        raise Refusal(f"{where.root}: there is no ledger to recover")
    lock = Lock(where.lock)
    if not lock.take():
        raise Refusal(f"cluster {cluster!r}: {lock.holder()} works on {where.root}; stop it first")
    try:
        faults = inspect(where.ledger)
        if not faults:
            click.echo(f"Ledger {plain(str(where.ledger))}: it is right; nothing to recover.")
            return 0
        return _recover(where, faults, storage, yes)
    finally:
        lock.release()


def _recover(where: Layout, faults: tuple[Fault, ...], storage: Path | None, yes: bool) -> int:
    found = best(where.ledger, attempt_folders(storage or where.storage))
    for fault in faults[:RULES_OF_A_LEDGER]:
        click.echo(f"{fault.rule:<8} {plain(fault.said)}")
    click.echo(plain(_offer(where, found)))
    if not yes and not click.confirm("Recover?"):
        return 1
    kept = put_back(where.ledger, found, datetime.now(UTC))
    with SqliteLedger(where.ledger, epoch_seen=epoch_seen(where.spool)) as ledger:
        ledger.note(
            "recovered",
            ledger.id,
            {"from": found.copy.path.name, "seq": found.copy.mark.seq, "lost": found.lost},
        )
    click.echo(f"Recovered; what was there is in {plain(str(kept))}.")
    return 0


def _offer(where: Layout, found: Recovered) -> str:
    """Return what would be put back and what is lost by it."""
    copy = found.copy
    is_itself = copy.path == where.ledger
    what = "the ledger itself" if is_itself else f"the backup {copy.path.name}"
    return (
        f"The newest whole copy is {what}: it ends with event {copy.mark.seq} of {copy.at}; "
        f"after it {_lost(found)}.\n"
        "Batches that were accepted after that are to be submitted again; results that were "
        "accepted after that are made again."
    )


def _lost(found: Recovered) -> str:
    if found.lost is None:
        return "events are lost, and nobody can say how many"
    return "1 event is lost" if found.lost == 1 else f"{found.lost} events are lost"
