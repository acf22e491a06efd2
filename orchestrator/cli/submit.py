"""`orchestrator submit`: batches to a cluster; it answers as soon as they are on its disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from orchestrator.cli import awaiting, offers, run, sheets
from orchestrator.cli.connect import Dial, connected
from orchestrator.cli.options import CLUSTER, cluster_option, output_option, state_option
from orchestrator.cli.show import emit, plain, tell
from orchestrator.manifest.accepted import manifest_text
from orchestrator.manifest.batch import BatchFile
from orchestrator.model.talk import Sheet, Submitted
from orchestrator.model.work import Batch
from orchestrator.plugin.manager import Plugins


@click.command(name="submit")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--source", "sources", multiple=True, metavar="PATH", help="A source; with it:")
@click.option("--setting", "settings", multiple=True, metavar="NAME", help="The setting for it.")
@click.option("--destination", "destinations", multiple=True, metavar="PATH", help="Its file.")
@click.option("--name", help="What the batch is called, whatever the file says.")
@click.option("--priority", type=click.Choice(["high", "medium", "low"]), help="The same.")
@click.option("--wait", is_flag=True, help="Show progress, and end with the result: 0 or 1.")
@click.option("--timeout", type=float, help="With --wait: after so many SECONDS stop, exit 1.")
@click.option("--dry-run", is_flag=True, help="Show targets, segments and commands; do nothing.")
@cluster_option
@state_option
@output_option
def command(files: tuple[Path, ...], output: str, **options: Any) -> int:  # Any: click's own
    """Submit job files (- is standard input) to a cluster: theirs, or --cluster.

    Instead of files, one or more times: --source PATH --setting NAME --destination PATH.  Prints
    the ids of batches and jobs, and ends with 0 as soon as they are stored.  To `this-computer` it
    behaves as `run`.
    """
    plugins = offers.installed(offers.rules(*files))
    triples = sheets.Triples(
        sources=options["sources"],
        settings=options["settings"],
        destinations=options["destinations"],
    )
    found = sheets.read(files, triples, plugins, options["name"])
    worst = 0
    for manifest in found:
        cluster = options["cluster"] or manifest.batch.cluster
        asked = sheets.as_asked(manifest.batch, options["name"], options["priority"], cluster)
        worst = max(worst, _one(manifest, asked, plugins, output, options))
    return worst


def _one(
    manifest: BatchFile, asked: Batch, plugins: Plugins, output: str, options: dict[str, Any]
) -> int:
    if asked.cluster == CLUSTER or options["dry_run"]:
        here = sheets.as_asked(asked, None, None, CLUSTER)
        wish = run.Wish(
            dry_run=options["dry_run"], report=False, storage=None, state=options["state"]
        )
        return run.work_on(sheets.with_batch(manifest, here), plugins, wish, output)
    there = Dial.of({**options, "cluster": asked.cluster})
    with connected(there) as client:
        text = manifest_text(_named_there(asked, client.info().name))
        key = uuid4().hex
        came = client.submit([Sheet(name=f"{asked.name}.yaml", text=text)], key)
        _say(came, asked, output, quiet=options["wait"])
        if not options["wait"]:
            return 0
        return awaiting.result(client, came.batch, there, options["timeout"], output)


def _named_there(batch: Batch, cluster: str) -> Batch:
    """Return the batch for the cluster as it calls itself: we may have said HOST:PORT."""
    return sheets.as_asked(batch, None, None, cluster)


def _say(came: Submitted, batch: Batch, output: str, *, quiet: bool) -> None:
    """Print the ids (F-CLI-8); with --wait the data come at the end, and they are said aside."""
    for note in came.notes:
        tell(plain(f"note: {note}"))
    jobs = [f"{came.batch}/{job.name}" for job in batch.jobs]
    data = {"batchid": came.batch, "arrival": came.arrival, "jobs": jobs}
    if quiet:
        tell(plain(f"Batch {came.batch}: {HOW.get(came.arrival, came.arrival)}."))
    else:
        emit(data, output, lambda: _ids(came.batch, jobs))


HOW = {
    "new": "accepted",
    "resumed": "goes on where it stopped",
    "retried": "failed before; only what is missing is done again",
}


def _ids(batch: str, jobs: Sequence[str]) -> str:
    return "\n".join(plain(each) for each in (batch, *jobs))
