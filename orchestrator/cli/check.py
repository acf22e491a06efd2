"""`orchestrator controller check`: whether a ledger is right, and what it stands for is there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from orchestrator.cli.options import CLUSTER, Layout, layout, output_option, state_option
from orchestrator.cli.reading import is_worked_on, storage_of
from orchestrator.cli.show import emit, plain
from orchestrator.errors import Refusal
from orchestrator.ledger.checking import Fault
from orchestrator.ledger.connection import recovery
from orchestrator.ledger.recovering import inspect
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.work import Kind, State
from orchestrator.volume import ATTEMPTS

NAMED_MAX = 20


@click.command(name="check")
@click.argument("cluster", default=CLUSTER)
@click.option("--files", is_flag=True, help="Also read every published file: it may take long.")
@state_option
@output_option
def check(cluster: str, files: bool, state: Path | None, output: str) -> int:
    """Check the ledger of CLUSTER (default: this computer's), working or not; 1 if it is wrong.

    Its pages, chain, witness and rows, that rows and events tell the same, and that each attempt's
    folder on cluster storage is one that it knows.  Nothing is changed.
    """
    where = layout(state, cluster)
    if not where.ledger.exists():
        raise Refusal(f"{where.root}: there is no ledger yet; nothing has been run or applied")
    faults = list(inspect(where.ledger))
    if not faults:
        with SqliteLedger(where.ledger, read_only=True) as ledger:
            faults += unknown_folders(ledger, storage_of(where, ledger))
            faults += changed_files(ledger, storage_of(where, ledger)) if files else ()
    data = {
        "cluster": cluster,
        "ledger": str(where.ledger),
        "right": not faults,
        "faults": [{"rule": fault.rule, "said": fault.said} for fault in faults],
    }
    emit(data, output, lambda: _pictured(where, faults))
    return int(bool(faults))


def attempt_folders(storage: Path) -> list[str]:
    """Return the names of the attempts' folders; where there is no storage there are none."""
    try:
        return sorted(each.name for each in (storage / ATTEMPTS).iterdir())
    except OSError:
        return []


def unknown_folders(ledger: SqliteLedger, storage: Path) -> Iterator[Fault]:
    """Yield the folders that belong to no attempt of the ledger (I5)."""
    names = attempt_folders(storage)  # before the ledger is asked: what is made meanwhile is known
    found = [name for name in names if ledger.attempt(name) is None]
    for name in found[:NAMED_MAX]:
        yield Fault("I5", f"{storage / ATTEMPTS / name} belongs to no attempt of the ledger")
    if len(found) > NAMED_MAX:
        yield Fault("I5", f"and {len(found) - NAMED_MAX} more of this kind")


def changed_files(ledger: SqliteLedger, storage: Path) -> Iterator[Fault]:
    """Yield the published files that are others than were published last (I6)."""
    last: dict[str, str] = {}
    for standing in ledger.standings():
        tasks = ledger.tasks(standing.id)
        done = [t.id for t in tasks if t.kind is Kind.PUBLISH and t.state is State.SUCCESSFUL]
        for result in ledger.results(done).values():
            values = result.values
            if "sha256" in values and "destination" in values:
                last[str(values["destination"])] = str(values["sha256"])
            last |= _listed(storage / ATTEMPTS / result.attempt, values)
    for path, wanted in last.items():
        try:
            with open(path, "rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            continue  # whoever ordered it may have moved it
        if found != wanted:
            yield Fault("I6", f"{path} is another file than was published")


def _listed(folder: Path, values: Mapping[str, object]) -> dict[str, str]:
    """Return path and hash of each file that an attempt put in place, if it left a list of them."""
    name, digest = values.get("list"), values.get("list_sha256")
    if not name or not digest:
        return {}
    try:
        data = (folder / Path(str(name)).name).read_bytes()
    except OSError:
        return {}  # deleted with its batch's other files
    if hashlib.sha256(data).hexdigest() != digest:
        return {}
    there = Path(str(values.get("destination", ""))).parent
    return {str(there / name): str(facts["sha256"]) for name, facts in json.loads(data).items()}


def _pictured(where: Layout, faults: list[Fault]) -> str:
    if not faults:
        return f"Ledger {plain(str(where.ledger))}: it is right."
    lines = [f"{fault.rule:<8} {plain(fault.said)}" for fault in faults]
    advice = (
        "Its controller runs: stop it first."
        if is_worked_on(where)
        else f"{len(faults)} faults; {recovery(where.cluster)}"
    )
    return "\n".join([*lines, advice])
