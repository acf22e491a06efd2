"""`orchestrator status`: batches, or one with its jobs and targets, once or again and again."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, fields
from typing import Any

import click

from orchestrator.cli import screens
from orchestrator.cli.board import Data
from orchestrator.cli.connect import Dial, is_nothing_there, looking
from orchestrator.cli.options import cluster_option, output_option, state_option
from orchestrator.cli.reading import NOTHING_YET, Source, check_id, one, several
from orchestrator.cli.show import emit
from orchestrator.errors import Refusal
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
    mine: bool
    every: float | None
    timeout: float | None
    output: str


@click.command(name="status")
@click.argument("id", required=False)
@click.option("--all", "everything", is_flag=True, help="Every batch, not the active and last 10.")
@click.option("--manifest", is_flag=True, help="Print the manifest of batch ID as accepted.")
@click.option("--every", type=click.FloatRange(min=0.1), help="Show it every so many SECONDS.")
@click.option("--timeout", type=float, help="With --every: after so many SECONDS stop, exit 1.")
@click.option("--mine", is_flag=True, help="With --cluster: the batches sent from here.")
@cluster_option
@state_option
@output_option
def command(manifest: bool, **options: Any) -> int:  # Any: click's own
    """Show batches; with ID one batch, job, target or task, and what is below it.

    With --every it goes on until what is shown has ended; with -o json it is then one object a
    line.
    """
    there = Dial.of(options)
    wish = Asked(**{each.name: options[each.name] for each in fields(Asked)})
    if wish.id is None and manifest:
        raise Refusal("--manifest: no batch was named; orchestrator status BATCH --manifest")
    if wish.id is None and is_nothing_there(there):
        emit([], wish.output, lambda: NOTHING_YET)
        return 0
    with looking(there, mine=wish.mine) as source:
        if wish.id is not None:
            check_id(source.records, wish.id)
        if wish.id is not None and manifest:
            batch = source.records.batch(wish.id.partition("/")[0])
            click.echo(manifest_text(batch) if batch else "", nl=False)
            return 0
        return _watch(source, wish)


def _watch(source: Source, asked: Asked) -> int:
    """Show it once, or until it has ended; 1 if the time was over before."""
    until = None if asked.timeout is None else time.monotonic() + asked.timeout
    while True:
        statuses = _show(source, asked)
        if asked.every is None or statuses <= FINAL:
            return 0
        if until is not None and time.monotonic() + asked.every > until:
            return 1
        time.sleep(asked.every)


def _show(source: Source, asked: Asked) -> set[object]:
    """Print what was asked for as it stands; return the states that are in it."""
    if asked.id is not None:
        data: list[Data] = [one(source, asked.id)]
        whole: object = data[0]
        picture = screens.part(data[0])
    else:
        data, hidden = several(source, None if asked.everything else ENDED_SHOWN)
        whole, picture = data, screens.batches(data, hidden) if data else NOTHING_YET
    if asked.every and asked.output == "json":
        for each in data:
            click.echo(json.dumps(each, ensure_ascii=False))
    else:
        emit(whole, asked.output, lambda: picture)
    return {each["status"] for each in data}
