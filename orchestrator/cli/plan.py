"""`orchestrator plan`: what `apply` would do, compared with what stands; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from orchestrator.cli import freenodes
from orchestrator.cli.options import output_option, state_option
from orchestrator.cli.preview import has_changes, preview_data, preview_screen
from orchestrator.cli.show import emit, plain
from orchestrator.decide.changes import changes, free_changes
from orchestrator.errors import OrchestratorError
from orchestrator.manifest.applied import Applicable, read_clusters
from orchestrator.manifest.cluster import revision
from orchestrator.model.talk import Preview, Wanted

FAILED, CHANGES = 1, 2
"""Exit codes with ``--exit-code``: a refusal must not look like changes (F-CLI-14)."""

Stands = Callable[[Wanted, Path | None], Preview | None]
"""Asks the controller of what is wanted; None: no controller stands.  Its cluster is empty for the
free nodes alone.  Raises Unreachable where there should be one and it does not answer."""


class Plan(click.Command):
    """With ``--exit-code``, wrong arguments end with 1 too: 2 means changes there."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> click.Context:
        """Read the arguments."""
        coded = "--exit-code" in args
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            if not coded:
                raise
            error.show()
            raise click.exceptions.Exit(FAILED) from error


@click.command(name="plan", cls=Plan)
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES/FOLDERS..."
)
@click.option("--cluster", help="Only this one of the clusters that the files describe.")
@click.option(
    "--exit-code", is_flag=True, help="End with 0: nothing to change, 2: changes, 1: it failed."
)
@state_option
@output_option
def command(
    paths: tuple[Path, ...], cluster: str | None, exit_code: bool, output: str, state: Path | None
) -> int:
    """Show what `apply` would change, for Cluster and Node documents; change nothing.

    Each line is something to create (+), to change (~) or to remove (-), what stays (=), what
    differs on a machine from what was applied (!), or what you should know (i).
    """
    try:
        previews = dict(previewed(read_clusters(paths), cluster, state, freenodes.stands))
    except OrchestratorError as error:
        if not exit_code:
            raise
        click.echo(plain(str(error)), err=True)
        return FAILED
    data = [preview_data(name, each) for name, each in previews.items()]
    emit(data, output, lambda: "\n\n".join(preview_screen(*each) for each in previews.items()))
    return CHANGES if exit_code and any(map(has_changes, previews.values())) else 0


def previewed(
    found: Applicable, cluster: str | None, state: Path | None, stands: Stands | None = None
) -> Iterator[tuple[str, Preview]]:
    """Yield each cluster's name and what would change; with no name: the free nodes.

    :param cluster: only this one; None: all, and the free nodes
    :param stands: who is asked; None: nobody, everything is new
    """
    chosen = [found.cluster(cluster)] if cluster else found.clusters
    for each in chosen:
        wanted = Wanted(sheets=found.sheets_of(each.name), cluster=each.name)
        told = stands(wanted, state) if stands else None
        new = changes(None, each, {})
        yield each.name, told or Preview(changes=new, revision="", next_revision=revision(each))
    if found.nodes and not cluster:
        wanted = Wanted(sheets=found.sheets_of(""), cluster="")
        told = stands(wanted, state) if stands else None
        new = free_changes((), found.nodes, {})
        after = revision(None, found.nodes)
        yield "", told or Preview(changes=new, revision="", next_revision=after)
