"""`orchestrator run`: a job manifest in, verified files out, on this computer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from orchestrator.cli import dryrun, offers, outcome, plus, session
from orchestrator.cli.build import Wishes, counts, identity, open_ledger, this_computer
from orchestrator.cli.options import CLUSTER, layout, made, output_option, state_option
from orchestrator.cli.telling import telling
from orchestrator.controller.history import let_go
from orchestrator.controller.submit import check_able
from orchestrator.decide.history import KEPT_S
from orchestrator.errors import Refusal
from orchestrator.ledger.sqlite import now_utc
from orchestrator.manifest.batch import BatchFile, read_batch
from orchestrator.model.cluster import PluginRules
from orchestrator.model.schedule import ALWAYS
from orchestrator.model.work import Batch
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins


@click.command(name="run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show targets, segments and commands; do nothing.")
@click.option(
    "--storage",
    type=click.Path(path_type=Path, file_okay=False),
    help="Cluster storage, for all that is temporary; kept for later runs. "
    "Default: in the state folder.",
)
@click.option(
    "--plus",
    is_flag=True,
    help="Take free nodes of the network, too, for this batch (the same: `plus: true` in it).",
)
@click.option("--report", is_flag=True, help="At the end, show every check of the outputs.")
@state_option
@output_option
def command(file: Path, output: str, **options: Any) -> int:  # click's own mapping
    """Run the job manifest FILE on this computer, and wait for the result.

    Ends with 0 if all went well, 1 if something failed, 2 if it was refused.  Run again, it goes
    on where it stopped: what was accepted is not done twice.
    """
    plugins = offers.installed(offers.rules(file))
    manifest = read_batch(
        file, plugins.processors, plugins.settings_folders(), extras=plugins.extras()
    )
    return work_on(manifest, plugins, Wish(**options), output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user wants of a `run` beside its result."""

    dry_run: bool
    report: bool
    storage: Path | None
    state: Path | None
    plus: bool = False


def work_on(manifest: BatchFile, plugins: Plugins, wish: Wish, output: str) -> int:
    """Do a batch on this computer, and say how it ended; return the exit code."""
    _refuse_later(manifest.batch)
    if (wish.plus or manifest.batch.plus) and not wish.dry_run:
        there = plus.Plus(storage=wish.storage, state=wish.state, output=output)
        return plus.work_on(manifest, plugins, there)
    where, wishes = made(layout(wish.state)), _wishes(manifest, wish.storage)
    caller = Caller(plugins)
    offers.keep(where, manifest.node.plugins if manifest.node else PluginRules())
    who = identity(where, plugins, wishes)
    check_able(caller, manifest.batch, [who])
    if wish.dry_run:
        return dryrun.show(manifest.batch, caller, who, output)
    at = now_utc().isoformat(timespec="milliseconds")
    with (
        session.turn(where),
        open_ledger(where) as ledger,
        telling(where, ledger, plugins),
    ):
        asked = session.Asked(batch=manifest.batch, identity=who, at=at)
        with this_computer(where, ledger, caller, who, wishes) as cluster:
            arrived = session.accept(cluster, where, asked)
            quiet = output != "table"
            if not quiet:
                session.announce(ledger, arrived)
            over = list(session.all_of_it(cluster, where, arrived.batch, quiet))
            root = cluster.storage.root
        code = 0
        for batch, ended in over:
            told = outcome.Ended(batch, root, not ended, wish.state)
            code = max(code, outcome.report(ledger, told, output, gates=wish.report))
            if ended:
                where.untold(batch).unlink(missing_ok=True)
        let_go(ledger, KEPT_S)
        return code


def _wishes(manifest: BatchFile, storage: Path | None) -> Wishes:
    node = manifest.node
    return Wishes(
        programs=node.programs if node else {},
        instances=counts(node.instances) if node else {},
        storage=storage,
        schedule=node.schedule if node else ALWAYS,
    )


def _refuse_later(batch: Batch) -> None:
    """Refuse what only a cluster can do; better said than ignored."""
    if batch.cluster != CLUSTER:
        raise Refusal(
            f"batch {batch.name!r}: it asks for cluster {batch.cluster!r}, and `run` works on this "
            f"computer; type: orchestrator submit FILE, or write `cluster: {CLUSTER}`"
        )
