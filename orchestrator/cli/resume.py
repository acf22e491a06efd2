"""`orchestrator resume`: what was paused goes on."""

from __future__ import annotations

from typing import Any

import click

from orchestrator.cli.acting import Wish, carry_out, ids_argument
from orchestrator.cli.options import cluster_option, output_option, state_option
from orchestrator.model.talk import Verb


@click.command(name="resume")
@ids_argument
@cluster_option
@state_option
@output_option
def command(ids: tuple[str, ...], output: str, **options: Any) -> int:  # Any: click's own
    """Let batches, parts of them, or nodes go on that were paused."""
    return carry_out(Wish(verb=Verb.RESUME), ids, output, options)
