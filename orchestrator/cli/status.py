"""`orchestrator status`: batches, or one with its jobs and targets, once or again and again."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from orchestrator.cli import screens
from orchestrator.cli.board import Data
from orchestrator.cli.options import Layout, layout, output_option, state_option
from orchestrator.cli.reading import NOTHING_YET, check_id, one, reading, several
from orchestrator.cli.show import emit
from orchestrator.errors import Refusal
from orchestrator.ledger.protocol import Ledger
from orchestrator.manifest.accepted import manifest_text
from orchestrator.model.work import State

ENDED_SHOWN = 10
"""So many batches that have ended are shown without --all."""

FINAL = {state.value for state in State if state.is_final}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user wants to see, and how often."""

    id: str | None
    everything: bool
    every: float | None
    timeout: float | None
    output: str


@click.command(name="status")
@click.argument("id", required=False)
@click.option("--all", "everything", is_flag=True, help="Every batch, not the active and last 10.")
@click.option("--manifest", is_flag=True, help="Print the manifest of batch ID as accepted.")
@click.option("--every", type=click.FloatRange(min=0.1), help="Show it every so many SECONDS.")
@click.option("--timeout", type=float, help="With --every: after so many SECONDS stop, exit 1.")
@state_option
@output_option
def command(state: Path | None, manifest: bool, **asked: Any) -> int:  # Any: click's own
    """Show batches; with ID one batch, job, target or task, and what is below it.

    With --every it goes on until what is shown has ended; with -o json it is then one object a
    line.
    """
    where, wish = layout(state), Asked(**asked)
    if wish.id is None and manifest:
        raise Refusal("--manifest: no batch was named; orchestrator status BATCH --manifest")
    if wish.id is None and not where.ledger.exists():
        emit([], wish.output, lambda: NOTHING_YET)
        return 0
    with reading(where) as ledger:
        if wish.id is not None:
            check_id(ledger, wish.id)
        if wish.id is not None and manifest:
            batch = ledger.batch(wish.id.partition("/")[0])
            click.echo(manifest_text(batch) if batch else "", nl=False)
            return 0
        return _watch(ledger, where, wish)


def _watch(ledger: Ledger, where: Layout, asked: Asked) -> int:
    """Show it once, or until it has ended; 1 if the time was over before."""
    until = None if asked.timeout is None else time.monotonic() + asked.timeout
    while True:
        statuses = _show(ledger, where, asked)
        if asked.every is None or statuses <= FINAL:
            return 0
        if until is not None and time.monotonic() + asked.every > until:
            return 1
        time.sleep(asked.every)


def _show(ledger: Ledger, where: Layout, asked: Asked) -> set[object]:
    """Print what was asked for as it stands; return the states that are in it."""
    if asked.id is not None:
        data: list[Data] = [one(ledger, where, asked.id)]
        whole: object = data[0]
        picture = screens.part(data[0])
    else:
        data, hidden = several(ledger, where, None if asked.everything else ENDED_SHOWN)
        whole, picture = data, screens.batches(data, hidden) if data else NOTHING_YET
    if asked.every and asked.output == "json":
        for each in data:
            click.echo(json.dumps(each, ensure_ascii=False))
    else:
        emit(whole, asked.output, lambda: picture)
    return {each["status"] for each in data}
