"""`orchestrator pause`: batches, jobs, targets or nodes begin nothing new."""

from __future__ import annotations

from typing import Any

import click

from orchestrator.cli.acting import DURATION, Wish, carry_out, ids_argument
from orchestrator.cli.options import cluster_option, output_option, state_option
from orchestrator.model.talk import Leaving, Verb


@click.command(name="pause")
@ids_argument
@click.option("--now", is_flag=True, help="Stop what runs, too; it starts over, no try is counted.")
@click.option("--deadline", type=DURATION, help="Of a node: stop what still runs after so long.")
@cluster_option
@state_option
@output_option
def command(
    ids: tuple[str, ...], now: bool, deadline: float | None, output: str, **options: Any
) -> int:  # Any: click's own
    """Pause batches, jobs, targets, segments (ID as `status` shows it) or nodes.

    What runs is finished, nothing new starts; whole segments are kept (F-MON-11).  A node drains
    and takes no work until `resume` (F-ADM-3).
    """
    return carry_out(
        Wish(verb=Verb.PAUSE, now=now, leaving=Leaving(deadline_s=deadline, now=now)),
        ids,
        output,
        options,
    )
