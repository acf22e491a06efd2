"""`orchestrator controller recover`: a damaged ledger gives way to the best whole copy of it.

What was done since that copy was made, and lies on cluster storage with proof, is taken up again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.agent.spool import epoch_seen
from orchestrator.cli import offers
from orchestrator.cli.options import CLUSTER, Layout, layout, output_option, state_option
from orchestrator.cli.reading import storage_of
from orchestrator.cli.salvage import Salvage, Shelf
from orchestrator.cli.show import emit, plain
from orchestrator.controller.mark import noted
from orchestrator.controller.storage import Storage
from orchestrator.errors import Refusal
from orchestrator.ledger.backups import Backups
from orchestrator.ledger.checking import Fault
from orchestrator.ledger.lock import Lock
from orchestrator.ledger.recovering import Copy, Recovered, best, inspect, reckon
from orchestrator.ledger.recovering import recover as put_back
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.plugin.caller import Caller

RULES_OF_A_LEDGER = 3
"""So many of its faults are shown."""

TASKS_SHOWN = 20


@click.command(name="recover")
@click.argument("cluster", default=CLUSTER)
@click.option(
    "--storage",
    type=click.Path(path_type=Path, file_okay=False),
    help="Cluster storage, where it is another than the ledger says.",
)
@click.option("--yes", is_flag=True, help="Do it without being asked.")
@state_option
@output_option
def recover(cluster: str, storage: Path | None, yes: bool, state: Path | None, output: str) -> int:
    """Put the newest whole copy of CLUSTER's ledger in its place, and say what is lost.

    The copy is the ledger itself where only its end is missing, else a backup.  What was there is
    kept beside it.  Results that the copy does not know and that cluster storage proves are taken;
    other work is done again; files that were published stay.  As data (-o) nothing is asked, and
    without --yes nothing is done.
    """
    where = layout(state, cluster)
    if not where.ledger.exists() and not Backups(where.ledger).all():
        raise Refusal(f"{where.root}: there is no ledger to recover")
    lock = Lock(where.lock)
    if not lock.take():
        raise Refusal(f"cluster {cluster!r}: {lock.holder()} works on {where.root}; stop it first")
    try:
        return _recover(_planned(where, storage), yes, output)
    finally:
        lock.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What would be done, before anything is."""

    where: Layout
    faults: tuple[Fault, ...]
    found: Recovered
    shelf: Shelf
    caller: Caller
    salvage: Salvage

    @property
    def is_nothing(self) -> bool:
        """Whether the ledger is right and knows all that lies on storage."""
        return not self.faults and not self.salvage.finds


def _planned(where: Layout, storage: Path | None) -> Planned:
    faults = inspect(where.ledger)
    copy = best(where.ledger)
    caller = Caller(offers.installed(offers.kept(where)))
    shelf, salvage = _looked_at(where, copy, storage, caller)
    return Planned(
        where=where,
        faults=faults,
        found=reckon(where.ledger, copy, shelf.names, shelf.labels),
        shelf=shelf,
        caller=caller,
        salvage=salvage,
    )


def _looked_at(
    where: Layout, copy: Copy, storage: Path | None, caller: Caller
) -> tuple[Shelf, Salvage]:
    try:
        ledger = SqliteLedger(copy.path, read_only=True)
    except Refusal:  # of an older version: what counts for it shows when it stands in its place
        return Shelf.at(_seen_to(where, storage or where.storage)), Salvage()
    with ledger:
        shelf = Shelf.at(_seen_to(where, storage or storage_of(where, ledger)))
        return shelf, shelf.salvage(ledger, caller)


def _seen_to(where: Layout, root: Path) -> Path:
    """Return the storage if it is the one that is known; Refusal while another one stands there."""
    root = root.absolute()
    storage = Storage(root, noted(where.storage_token, root), note=where.storage_token)
    if storage.token and (why := storage.trouble()):
        raise Refusal(f"{why}; what lies there tells which attempts there were")
    return root


def _recover(planned: Planned, yes: bool, output: str) -> int:
    if planned.is_nothing:
        ledger = plain(str(planned.where.ledger))
        emit(_data(planned), output, lambda: f"Ledger {ledger}: it is right; nothing to recover.")
        return 0
    if output == "table":
        click.echo(plain("\n".join(_offer(planned))))
        yes = yes or click.confirm("Recover?")
    if not yes:
        emit(_data(planned), output, lambda: "Nothing was changed.")
        return 1
    kept, taken = _do(planned)
    data = {**_data(planned), "done": True, "kept": str(kept or ""), "taken": taken}
    emit(data, output, lambda: _ended(kept, taken))
    return 0


def _do(planned: Planned) -> tuple[Path | None, int]:
    """Put the copy back and take what is proven; killed between, the same command goes on."""
    where, found = planned.where, planned.found
    told: dict[str, object] = {"from": found.copy.path.name, "seq": found.copy.mark.seq}
    kept = None
    if planned.faults:
        kept = put_back(where.ledger, found, datetime.now(UTC))
        told |= {"lost": found.lost, "epoch": found.epoch}
    with SqliteLedger(where.ledger, epoch_seen=epoch_seen(where.spool)) as ledger:
        salvage = planned.shelf.salvage(ledger, planned.caller)
        taken = ledger.salvage([(each.label, each.outcome) for each in salvage.finds], told)
    return kept, taken


def _ended(kept: Path | None, taken: int) -> str:
    results = "1 result was" if taken == 1 else f"{taken} results were"
    was = f"; what was there is in {plain(str(kept))}" if kept else ""
    return f"Recovered: {results} taken from cluster storage{was}."


def _data(planned: Planned) -> dict[str, object]:
    found = planned.found
    return {
        "cluster": planned.where.cluster,
        "ledger": str(planned.where.ledger),
        "right": not planned.faults,
        "faults": [{"rule": fault.rule, "said": fault.said} for fault in planned.faults],
        "copy": {"path": str(found.copy.path), "seq": found.copy.mark.seq, "at": found.copy.at},
        "lost": found.lost if planned.faults else 0,
        "storage": str(planned.shelf.root),
        "results": [
            {"task": each.label.task, "attempt": each.label.attempt, "node": each.label.node}
            for each in planned.salvage.finds
        ],
        "left": [{"attempt": id, "why": why} for id, why in planned.salvage.left.items()],
        "done": False,
    }


def _offer(planned: Planned) -> list[str]:
    """Return in lines what would be put back, what is taken from storage, and what is lost."""
    faults = planned.faults[:RULES_OF_A_LEDGER]
    lines = [f"{fault.rule:<8} {fault.said}" for fault in faults]
    if planned.faults:
        lines.append(_of_copy(planned.where, planned.found))
    finds, left = planned.salvage.finds, planned.salvage.left
    if finds:
        lines.append(f"Cluster storage {planned.shelf.root} has results that it does not know:")
        lines += [f"  {each.label.task} ({each.label.attempt})" for each in finds[:TASKS_SHOWN]]
        if len(finds) > TASKS_SHOWN:
            lines.append(f"  and {len(finds) - TASKS_SHOWN} more")
    if left:
        lines.append(f"Of {len(left)} attempts there nothing counts; their files go in time.")
    if planned.faults:
        lines.append(
            "Batches that were accepted after that are to be submitted again; other results that "
            "were accepted after that are made again."
        )
    return lines


def _of_copy(where: Layout, found: Recovered) -> str:
    copy = found.copy
    is_itself = copy.path == where.ledger
    what = "the ledger itself" if is_itself else f"the backup {copy.path.name}"
    return (
        f"The newest whole copy is {what}: it ends with event {copy.mark.seq} of {copy.at}; "
        f"after it {_lost(found)}."
    )


def _lost(found: Recovered) -> str:
    if found.lost is None:
        return "events are lost, and nobody can say how many"
    return "1 event is lost" if found.lost == 1 else f"{found.lost} events are lost"
