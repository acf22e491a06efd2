"""`orchestrator priority`: which batch goes first, changed while it waits or runs."""

from __future__ import annotations

from typing import Any  # click's own options

import click

from orchestrator.cli.acting import ids_argument, prioritize
from orchestrator.cli.options import cluster_option, output_option, state_option
from orchestrator.model.work import Priority


@click.command(name="priority")
@ids_argument
@click.argument("priority", type=click.Choice([each.value for each in Priority]))
@cluster_option
@state_option
@output_option
def command(ids: tuple[str, ...], priority: str, output: str, **options: Any) -> int:
    """Let batches go before others (high), behind them (low), or between (medium) from now on.

    What runs goes on: the next free instance takes a task of the highest priority that has one.
    """
    return prioritize(Priority(priority), ids, output, options)
