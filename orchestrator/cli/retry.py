"""`orchestrator retry`: what failed or was cancelled gets fresh tries."""

from __future__ import annotations

from typing import Any

import click

from orchestrator.cli.acting import Wish, carry_out, ids_argument
from orchestrator.cli.options import cluster_option, output_option, state_option
from orchestrator.model.talk import Verb


@click.command(name="retry")
@ids_argument
@cluster_option
@state_option
@output_option
def command(ids: tuple[str, ...], output: str, **options: Any) -> int:  # Any: click's own
    """Try again what failed, was cancelled or is held; what was accepted stays.

    ID is a batch, or a job, target, segment or task of one.  With a job those are tried again that it
    comes after; those that come after it are not.  With a segment goes what fell with it.
    """
    return carry_out(Wish(verb=Verb.RETRY), ids, output, options)
