"""`orchestrator apply`: make the clusters so that manifests describe, and show each node's way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from orchestrator.cli import freenodes, reaching, secrets, settling
from orchestrator.cli.options import output_option, state_option
from orchestrator.cli.plan import previewed
from orchestrator.cli.preview import has_changes, preview_data, preview_screen
from orchestrator.cli.show import emit, plain, tell
from orchestrator.client.client import Client
from orchestrator.controller.enlist import agents
from orchestrator.errors import OrchestratorError, Refusal
from orchestrator.manifest.applied import Applicable, read_clusters
from orchestrator.manifest.commit import commit_of
from orchestrator.model.cluster import Cluster, Node
from orchestrator.model.codec import dump
from orchestrator.model.talk import Applied, ChangeKind, Preview, Wanted
from orchestrator.remote.wrap import wrap

READY_WITHIN_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user wants beside the manifests."""

    expect: str
    commit: str
    wait: bool
    timeout: float
    state: Path | None
    output: str

    @property
    def is_quiet(self) -> bool:
        """Whether nothing but data may be printed."""
        return self.output != "table"


@click.command(name="apply")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES/FOLDERS..."
)
@click.option("--cluster", help="Only this one of the clusters that the files describe.")
@click.option(
    "--expect", default="", metavar="REVISION", help="Refuse if another revision stands by now."
)
@click.option("--commit", metavar="SHA", help="Where the files come from. Default: .git/HEAD.")
@click.option("--dry-run", is_flag=True, help="The same as `plan`: show what would change.")
@click.option("--wait/--no-wait", default=True, help="Until every node is ready, or says why not.")
@click.option("--timeout", type=float, default=READY_WITHIN_S, show_default=True, help="SECONDS.")
@state_option
@output_option
def command(
    paths: tuple[Path, ...], cluster: str | None, dry_run: bool, output: str, **options: Any
) -> int:
    """Make clusters as the files (and YAML files in folders) say; applied twice, it says unchanged.

    Starts each cluster's controller where it does not run, and shows how its nodes get ready.
    Running work is never ended.  1: a node could not be made ready, the others are applied.  2:
    refused, nothing was changed.
    """
    found = read_clusters(paths)
    if dry_run:
        return show(found, cluster, options["state"], output)
    chosen = [found.cluster(cluster)] if cluster else list(found.clusters)
    if options["expect"] and len(chosen) != 1:
        raise Refusal(f"--expect: a revision is one cluster's, and these are {len(chosen)}")
    commit = options["commit"] if options["commit"] is not None else commit_of(_folder(paths[0]))
    asked = Asked(
        expect=options["expect"],
        commit=commit,
        wait=options["wait"],
        timeout=options["timeout"],
        state=options["state"],
        output=output,
    )
    return _all(found, chosen, asked, free=not cluster)


def show(found: Applicable, cluster: str | None, state: Path | None, output: str) -> int:
    """Print what would change, as `plan` does."""
    previews = dict(previewed(found, cluster, state, freenodes.stands))
    data = [preview_data(name, each) for name, each in previews.items()]
    emit(data, output, lambda: "\n\n".join(preview_screen(*each) for each in previews.items()))
    return 0


def apply_free_nodes(nodes: Sequence[Node], asked: Asked) -> tuple[int, dict[str, object]]:
    """Make computers free nodes, as Node documents say; return the exit code, and it as data."""
    before = freenodes.preview(nodes, asked.state)
    if not asked.is_quiet:
        click.echo(preview_screen("", before))
    ended = freenodes.apply(nodes, asked.state, (lambda line: None) if asked.is_quiet else tell)
    well = sum(each.is_well for each in ended)
    if not asked.is_quiet:
        click.echo(f"Free nodes: {well} of {len(ended)} are there.")
        for each in ended:
            (click.echo if each.is_well else tell)(plain(f"  {each.name}: {each.said}"))
    data = {**preview_data("", before), "nodes": [dump(each) for each in ended]}
    return int(well < len(ended)), data


def _all(found: Applicable, chosen: Sequence[Cluster], asked: Asked, *, free: bool) -> int:
    """Apply each cluster; that one fails does not hold up the others.  Returns the exit code."""
    values = {each.name: secrets.resolved(each) for each in chosen}  # all, before the first change
    worst, data = 0, list[dict[str, object]]()
    for each in chosen:
        wanted = Wanted(
            sheets=found.sheets,
            cluster=each.name,
            secrets=values[each.name],
            commit=asked.commit,
            expect=asked.expect,
        )
        try:
            code, told = _one(each, wanted, asked)
            data.append(told)
        except OrchestratorError as error:
            tell(plain(str(error)))
            code = error.exit_code
        worst = max(worst, code)
    if free and found.nodes:
        code, told = apply_free_nodes(found.nodes, asked)
        data.append(told)
        worst = max(worst, code)
    if asked.is_quiet:
        emit(data, asked.output, lambda: "")
    return worst


def _one(cluster: Cluster, wanted: Wanted, asked: Asked) -> tuple[int, dict[str, object]]:
    with reaching.controller(cluster, asked.state) as client:
        preview = client.preview(wanted)
        if not asked.is_quiet:
            click.echo(preview_screen(cluster.name, preview))
        applied = client.apply(wanted)
        if not asked.is_quiet:
            click.echo(_said(cluster, preview, applied))
        return _settled(client, cluster, preview, applied, asked)


def _said(cluster: Cluster, preview: Preview, applied: Applied) -> str:
    if not has_changes(preview):
        return f"Cluster {cluster.name}: unchanged, revision {applied.revision}."
    commit = f" of commit {applied.commit[:12]}" if applied.commit else ""
    return plain(f"Cluster {cluster.name}: revision {applied.revision}{commit} is applied.")


def _settled(
    client: Client, cluster: Cluster, preview: Preview, applied: Applied, asked: Asked
) -> tuple[int, dict[str, object]]:
    names = [node.name for node, _ in agents(cluster, wrap)]
    data = {**preview_data(cluster.name, preview), "applied": dump(applied)}
    leaving = [
        change.subject.removeprefix("node ")
        for change in preview.changes
        if change.kind is ChangeKind.REMOVE
    ]
    if not asked.wait or not (names or leaving):
        return 0, data
    end = settling.settle(client, names, asked.timeout, quiet=asked.is_quiet, leaving=leaving)
    data["nodes"] = [dump(each) for each in end.nodes]
    if not asked.is_quiet:
        click.echo(f"Cluster {cluster.name}: {settling.tally(end, len(names))}.")
        for view in end.resting:
            click.echo(settling.sentence(view))
        for view in end.failed:
            tell(settling.sentence(view))
        if end.failed:
            tell("The others are applied; `apply` again finishes it.")
    return int(bool(end.failed) or not end.is_over), data


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent
