"""`orchestrator cancel`: batches, jobs or targets are not wanted any more."""

from __future__ import annotations

from typing import Any

import click

from orchestrator.cli.acting import Wish, carry_out, ids_argument
from orchestrator.cli.options import cluster_option, output_option, state_option
from orchestrator.model.talk import Verb


@click.command(name="cancel")
@ids_argument
@cluster_option
@state_option
@output_option
def command(ids: tuple[str, ...], output: str, **options: Any) -> int:  # Any: click's own
    """Cancel batches, jobs, targets or segments: what runs of them is ended, nothing is published."""
    return carry_out(Wish(verb=Verb.CANCEL), ids, output, options)
