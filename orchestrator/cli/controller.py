"""`orchestrator controller`: the one durable process of a cluster on this computer."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import click

from orchestrator.cli import daemon, screens, starting, units
from orchestrator.cli.about import about, local_clusters
from orchestrator.cli.check import check
from orchestrator.cli.connect import at_socket
from orchestrator.cli.options import Layout, layout, made, output_option, state_option
from orchestrator.cli.reading import is_worked_on
from orchestrator.cli.recover import recover
from orchestrator.cli.show import emit, plain
from orchestrator.client.known import fingerprint
from orchestrator.errors import OrchestratorError
from orchestrator.remote.wheels import fill

COLUMNS = ("cluster", "state", "pid", "since", "address", "nodes", "batches", "certificates")


@click.group(name="controller")
def command() -> None:
    """Run, start, stop and ask the controllers of this computer; `apply` starts what it needs."""


command.add_command(check)
command.add_command(recover)


@command.command(name="run")
@click.argument("cluster")
@state_option
def run(cluster: str, state: Path | None) -> int:
    """Be the controller of CLUSTER until SIGTERM or Ctrl-C; nodes and what they run go on.

    Ends with 2 if another one runs on the same state, 1 if the ledger cannot be written.
    """
    return daemon.serve(made(layout(state, cluster)))


@command.command(name="start")
@click.argument("cluster")
@state_option
def start(cluster: str, state: Path | None) -> int:
    """Start the controller of CLUSTER as a process of its own, and wait until it answers."""
    where = made(layout(state, cluster))
    if (there := about(where)) is not None:
        click.echo(f"Cluster {cluster}: its controller runs already (process {there.pid}).")
        return 0
    said = starting.start(where)
    click.echo(f"Cluster {cluster}: its controller runs (process {said.pid}).")
    return 0


@command.command(name="stop")
@click.argument("cluster")
@click.option("--timeout", type=float, default=60.0, show_default=True, help="SECONDS to wait.")
@state_option
def stop(cluster: str, timeout: float, state: Path | None) -> int:
    """Stop the controller of CLUSTER; nodes finish what they run, and wait for it to come back."""
    where = layout(state, cluster)
    if not is_worked_on(where):
        click.echo(f"Cluster {cluster}: no controller runs.")
        return 0
    starting.stop(where, timeout)
    click.echo(f"Cluster {cluster}: its controller has stopped; nodes go on with what they run.")
    return 0


@command.command(name="status")
@click.argument("cluster", required=False)
@state_option
@output_option
def status(cluster: str | None, state: Path | None, output: str) -> int:
    """Show the controllers of this computer, or that of CLUSTER; 1 if it does not run."""
    root = layout(state).root.parent
    found = [layout(state, cluster)] if cluster else _managed(local_clusters(root))
    data = [described(each) for each in found]
    emit(data, output, lambda: _pictured(data))
    return int(any(each["state"] != "running" for each in data) and cluster is not None)


@command.command(name="token")
@click.argument("cluster")
@state_option
def token(cluster: str, state: Path | None) -> int:
    """Print, as JSON, what another computer needs to administer CLUSTER, a new token among it.

    The token is shown this once: give it on by a pipe, and let it stand nowhere.
    """
    with at_socket(layout(state, cluster)) as client:
        pem = client.authority()
        data = {
            "address": client.info().address,
            "fingerprint": fingerprint(pem),
            "authority": pem,
            "token": client.token(getpass.getuser()),
        }
    click.echo(json.dumps(data))
    return 0


@command.command(name="wheels")
@click.argument("cluster")
@click.option(
    "--for", "platforms", multiple=True, metavar="PLATFORM", help="As linux-x86_64; several times."
)
@state_option
def wheels(cluster: str, platforms: tuple[str, ...], state: Path | None) -> int:
    """Fill the wheelhouse of CLUSTER from the package index: nodes need no internet then."""
    where = made(layout(state, cluster))
    for each in platforms or ("",):
        runtime = fill(where.wheels, each, tell=lambda line: click.echo(plain(line)))
        size = sum(wheel.stat().st_size for wheel in runtime.wheels)
        click.echo(f"{each or 'this kind'}: {len(runtime.wheels)} wheels, {size / 1e6:.0f} MB")
    return 0


@command.command(name="unit")
@click.argument("cluster")
@click.option(
    "--agent",
    type=click.Path(path_type=PurePath),
    metavar="FOLDER",
    help="For a node's agent, not for the controller: its folder on that node, "
    "as ~/.local/state/orchestrator/node there, written whole.",
)
@click.option("--user", help="Who it runs as. Default: you.")
@click.option(
    "--write",
    "writes",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A folder that it may write to, beside its own: cluster storage, destinations.",
)
@click.option(
    "--for",
    "system",
    type=click.Choice(["systemd", "launchd"]),
    default="launchd" if sys.platform == "darwin" else "systemd",
    show_default=True,
)
@state_option
def unit(cluster: str, system: str, state: Path | None, **options: Any) -> int:
    """Print what starts CLUSTER's controller at boot: a systemd unit, or a launchd plist.

    Its rights end at its own folders and those named by --write.
    """
    where, user = layout(state, cluster), options["user"] or getpass.getuser()
    writes = [path.expanduser().absolute() for path in options["writes"]]
    boot = (
        units.agent(options["agent"], user, writes)
        if options["agent"]
        else units.controller(where, user, writes)
    )
    click.echo(units.systemd(boot) if system == "systemd" else units.launchd(boot), nl=False)
    return 0


def described(where: Layout) -> dict[str, object]:
    """Return how a controller stands, as data."""
    data: dict[str, object] = {"cluster": where.cluster, "state": "stopped"}
    if not is_worked_on(where):
        return data
    if (said := about(where)) is None:
        return {**data, "state": "starting"}
    data |= {
        "state": "running",
        "pid": said.pid,
        "since": said.started,
        "address": said.address,
        "fingerprint": said.fingerprint,
        "scheduler": said.scheduler,
        "version": said.version,
    }
    try:
        with at_socket(where) as client:
            info = client.info()
    except OrchestratorError as error:
        return {**data, "state": "silent", "why": str(error)}
    return data | {
        "revision": info.revision,
        "commit": info.commit,
        "nodes": info.nodes,
        "ready": info.ready,
        "batches": info.batches,
        "certificates": info.expires,
        "alarms": list(info.alarms),
        "storage": info.storage,
    }


def _managed(found: Sequence[Layout]) -> list[Layout]:
    """Return the clusters that have a controller of their own: `run` needs none."""
    return [each for each in found if each.about.exists() or each.authority.exists()]


def _pictured(data: Sequence[dict[str, object]]) -> str:
    if not data:
        return "no controller on this computer yet; start with: orchestrator apply FILE"
    if len(data) == 1:
        width = max(map(len, data[0]))
        return "\n".join(f"{key:<{width}}  {screens.cell(value)}" for key, value in data[0].items())
    empty = dict.fromkeys(COLUMNS, "")
    return screens.listed(COLUMNS, [{**empty, **each} for each in data])
