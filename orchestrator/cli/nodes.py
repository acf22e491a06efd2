"""`orchestrator nodes`: how the nodes of a cluster stand, and what a person decides about them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click

from orchestrator.cli import screens, week
from orchestrator.cli.connect import Dial, connected
from orchestrator.cli.options import cluster_option, dial_option, output_option, state_option
from orchestrator.cli.show import emit
from orchestrator.errors import NotThere
from orchestrator.model.codec import dump
from orchestrator.model.talk import NodeView

COLUMNS = ("node", "phase", "services", "host", "address")
FOUND = ("program", "version", "where, or why not")

NODES_NAMED_MAX = 4

NONE_YET = "no node yet; write some into the Cluster and type: orchestrator apply"


@click.group(name="nodes", invoke_without_command=True)
@click.option("--every", type=click.FloatRange(min=0.1), help="Show them every so many SECONDS.")
@click.option("--schedule", is_flag=True, help="Draw when each node is open in the next week.")
@cluster_option
@state_option
@output_option
@click.pass_context
def command(
    ctx: click.Context, /, every: float | None, schedule: bool, output: str, **options: Any
) -> int:
    """Show the nodes of a cluster: what each does, or what holds it up."""
    if ctx.invoked_subcommand is not None:
        ctx.obj = options
        return 0
    return listed(every, output, options, week.drawn if schedule else table)


@command.command(name="list")
@click.option("--every", type=click.FloatRange(min=0.1), help="Show them every so many SECONDS.")
@cluster_option
@state_option
@output_option
@click.pass_context
def list_(ctx: click.Context, /, every: float | None, output: str, **options: Any) -> int:
    """Show the nodes: phase, services with how many instances are busy, and why it waits."""
    return listed(every, output, _named(ctx, options))


@command.command(name="show")
@click.argument("name")
@cluster_option
@state_option
@output_option
@click.pass_context
def show(ctx: click.Context, /, name: str, output: str, **options: Any) -> int:
    """Show node NAME with its programs: version and path of each, or why it does not have it."""
    with connected(Dial.of(_named(ctx, options))) as client:
        views = {view.name: view for view in client.nodes()}
    if name not in views:
        known = ", ".join(sorted(views)) or "none"
        raise NotThere(f"node {name!r}: no such node; there are: {known}")
    emit(dump(views[name]), output, lambda: one(views[name]))
    return 0


@command.command(name="trust")
@click.argument("name")
@click.option(
    "--fingerprint",
    required=True,
    metavar="SHA256:…",
    help="Of the node's host key, as it shows it.",
)
@dial_option
@state_option
@output_option
@click.pass_context
def trust(ctx: click.Context, /, name: str, fingerprint: str, output: str, **options: Any) -> int:
    """Take a host key for node NAME's; compare it on the node before: ssh-keygen -lf FILE.pub."""
    with connected(Dial.of(_named(ctx, options))) as client:
        return _show(client.node_trust(name, fingerprint), output)


@command.command(name="lost")
@click.argument("name")
@cluster_option
@state_option
@output_option
@click.pass_context
def lost(ctx: click.Context, /, name: str, output: str, **options: Any) -> int:
    """Say that node NAME will not come back: what it worked on is done elsewhere at once."""
    with connected(Dial.of(_named(ctx, options))) as client:
        return _show(client.node_lost(name), output)


@command.command(name="log")
@click.argument("name")
@cluster_option
@state_option
@click.pass_context
def log(ctx: click.Context, /, name: str, **options: Any) -> int:
    """Print the end of the log of node NAME's agent; `controller` is the controller's own."""
    with connected(Dial.of(_named(ctx, options))) as client:
        for line in client.node_log(name).splitlines():
            click.echo(screens.text(line))
    return 0


def listed(
    every: float | None,
    output: str,
    options: dict[str, Any],
    shown: Callable[[Sequence[NodeView]], str] | None = None,
) -> int:
    """Print the nodes, once or again and again; `shown`: how people see them, None: as a table."""
    with connected(Dial.of(options)) as client:
        while True:
            views = client.nodes()
            if every and output == "json":
                for view in views:
                    click.echo(json.dumps(dump(view), ensure_ascii=False))
            else:
                emit(dump(list(views)), output, partial(_shown, shown or table, views))
            if every is None:
                return 0
            time.sleep(every)


def _shown(shown: Callable[[Sequence[NodeView]], str], views: Sequence[NodeView]) -> str:
    return shown(views) if views else NONE_YET


def table(views: Sequence[NodeView], *, programs: bool = True) -> str:
    """Return a row a node; what holds one up, and what a person must type, stands below.

    `programs`: then comes which of them is where.
    """
    if not views:
        return NONE_YET
    rows: list[dict[str, object]] = [
        {
            "node": view.name + (f" ({view.display_name})" if view.display_name else ""),
            "phase": view.phase.value + ("" if view.is_managed else " (free)"),
            "services": [
                f"{name} {seats.busy}/{seats.instances}"
                for name, seats in sorted(view.services.items())
            ],
            "host": view.host,
            "address": view.address,
        }
        for view in views
    ]
    below = [*map(_remark, views), _programs(views) if programs else ""]
    return "\n".join((screens.listed(COLUMNS, rows), *filter(None, below)))


def one(view: NodeView) -> str:
    """Return a node, and a row for each program and capability that plugins look for."""
    rows: list[dict[str, object]] = [
        dict(zip(FOUND, (each.name, each.version, each.path or each.why), strict=True))
        for each in view.looked_for
    ]
    found = screens.listed(FOUND, rows) if rows else ""
    return "\n\n".join(filter(None, (table([view], programs=False), found)))


def _programs(views: Sequence[NodeView]) -> str:
    """Return which program is on which nodes, a line each; empty: none is anywhere."""
    on: dict[tuple[str, str], list[str]] = {}
    for view in views:
        for name, version in view.programs.items():
            on.setdefault((name, version), []).append(view.name)
    lines = [
        f"  {screens.text(' '.join(filter(None, key)))}: {_where(nodes, views)}"
        for key, nodes in sorted(on.items())
    ]
    return "\n".join(("programs:", *lines)) if lines else ""


def _where(nodes: Sequence[str], views: Sequence[NodeView]) -> str:
    if len(nodes) == len(views) > 1:
        return "on every node"
    more = f" and {len(nodes) - NODES_NAMED_MAX} more" if len(nodes) > NODES_NAMED_MAX else ""
    return screens.text(", ".join(nodes[:NODES_NAMED_MAX]) + more)


def _remark(view: NodeView) -> str:
    """Return what holds a node up and what to type, in one line; empty: nothing."""
    todo = f"type: {view.todo}" if view.todo else ""
    said = "; ".join(each for each in (view.why, *view.notes, todo) if each)
    return screens.text(f"{view.name}: {said}") if said else ""


def _show(view: NodeView, output: str) -> int:
    emit(dump(view), output, lambda: table([view]))
    return 0


def _named(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a subcommand; what was said before its name counts where it has none."""
    before: dict[str, Any] = ctx.obj or {}
    return {**before, **{key: value for key, value in options.items() if value is not None}}
