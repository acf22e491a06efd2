"""`orchestrator delete`: a cluster ends: its nodes drain, what was put on them is removed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from orchestrator.cli import freenodes, hosting
from orchestrator.cli.acting import DURATION
from orchestrator.cli.connect import Dial, connected
from orchestrator.cli.options import layout, output_option, state_option
from orchestrator.cli.settling import follow
from orchestrator.cli.show import emit, plain, tell
from orchestrator.client.client import Client
from orchestrator.client.known import KnownClusters
from orchestrator.client.tokens import Tokens
from orchestrator.errors import OrchestratorError
from orchestrator.manifest.applied import read_clusters
from orchestrator.model.talk import Leaving, Role

ADVICE = "when it is there again, `apply` the cluster and `delete` it"


@click.command(name="delete")
@click.argument("names", nargs=-1, required=True, metavar="CLUSTER|FILES...")
@click.option("--deadline", type=DURATION, help="What still runs after so long is stopped.")
@click.option("--now", is_flag=True, help="Wait for nothing that runs.")
@click.option("--wait/--no-wait", default=True, help="Until the last node is free again.")
@click.option("--timeout", type=float, help="With --wait: after so many SECONDS stop, exit 1.")
@state_option
@output_option
def command(names: tuple[str, ...], output: str, **options: Any) -> int:  # Any: click's own
    """End clusters, by name or by the files that describe them.

    Nodes finish what they run (sooner with --deadline or --now), everything that was put on them
    is removed, then the controller stops.  Batches and their results stay readable.
    """
    leaving = Leaving(deadline_s=options["deadline"], now=options["now"])
    shown = Shown(
        wait=options["wait"],
        until=None if options["timeout"] is None else time.monotonic() + options["timeout"],
        quiet=output != "table",
    )
    done, worst = list[dict[str, object]](), 0
    clusters, free = _named(names, options["state"])
    if free and not freenodes.remove(free, options["state"], shown.until, shown.say):
        worst = 1
    for name in clusters:
        try:
            ended, left = _one(Dial(cluster=name, state=options["state"]), leaving, shown)
            done.append({"cluster": name, "ended": ended, "leftBehind": left})
            worst = max(worst, int(not ended or bool(left)))
        except OrchestratorError as error:
            tell(plain(str(error)))
            worst = max(worst, error.exit_code)
    if done or output != "table":
        emit(done, output, lambda: _sentences(done))
    return worst


def _named(names: Sequence[str], state: Path | None) -> tuple[list[str], list[str]]:
    """Return the names of clusters and of free nodes.

    A file or folder stands for those that it describes; a name is a free node's if one was made
    from here and no cluster of that name was.
    """
    known = freenodes.Maker(state).known()
    clusters: dict[str, None] = {}
    free: dict[str, None] = {}
    for name in names:
        if Path(name).exists() or name.endswith((".yaml", ".yml")):
            found = read_clusters([Path(name)])
            clusters |= dict.fromkeys(each.name for each in found.clusters)
            free |= dict.fromkeys(each.name for each in found.nodes if each.name in known)
        elif name in known and not layout(state, name).ledger.exists():
            free[name] = None
        else:
            clusters[name] = None
    return list(clusters), list(free)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How the end is waited for."""

    wait: bool
    until: float | None  #: monotonic seconds; None: as long as it takes
    quiet: bool

    def say(self, line: str) -> None:
        """Tell a person, unless only data is wanted."""
        if not self.quiet:
            tell(plain(line))


def _one(dial: Dial, leaving: Leaving, shown: Shown) -> tuple[bool, list[str]]:
    """End one cluster; return whether it has gone, and the nodes that could not be cleaned.

    Without --wait it is taken as gone, and what it ran with stays on its controller's host.
    """
    name = str(dial.cluster)
    with hosting.known(name, dial.state) as host:
        with _administered(dial, host) as client:
            client.leave(leaving)
            if not shown.wait:
                return True, []
            end = follow(client, shown.until, quiet=shown.quiet)
        if not end.is_over:
            return False, []
        if host is not None:
            host.retire()
    KnownClusters().forget(name)
    Tokens().forget(name)
    for view in end.left_behind:
        why = f" ({view.why})" if view.why else ""
        tell(plain(f"node {view.name!r}: it was not cleaned{why}; {ADVICE}"))
    return True, [view.name for view in end.left_behind]


@contextmanager
def _administered(dial: Dial, host: hosting.Host | None) -> Iterator[Client]:
    """Lend the administrator's client: over SSH where that is how its controller was started."""
    if host is None:
        with connected(dial, Role.ADMIN) as client:
            yield client
        return
    if not host.stands().runs:
        raise OrchestratorError(
            f"cluster {host.cluster!r}: its controller on {host.address} does not run; `apply` "
            "starts it, then delete the cluster"
        )
    with host.client() as client:
        yield client


def _sentences(done: Sequence[dict[str, object]]) -> str:
    return "\n".join(
        plain(f"Cluster {each['cluster']}: {'ended' if each['ended'] else 'still leaving'}.")
        for each in done
    )
