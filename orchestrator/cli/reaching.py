"""The controller of a cluster that is to be applied: found, or started where it should be."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from orchestrator.cli import hosting, starting
from orchestrator.cli.about import about
from orchestrator.cli.connect import Dial, at_socket, connected
from orchestrator.cli.options import layout
from orchestrator.cli.reading import is_worked_on
from orchestrator.cli.show import plain, tell
from orchestrator.client.client import Client
from orchestrator.client.known import KnownClusters
from orchestrator.errors import NodeError, OrchestratorError
from orchestrator.manifest.applied import parse_sheets
from orchestrator.model.cluster import Cluster
from orchestrator.model.talk import Preview, Role, Wanted

NAMES_OF_HERE = frozenset({"", "localhost", "127.0.0.1", "::1"})


@contextmanager
def controller(cluster: Cluster, state: Path | None) -> Iterator[Client]:
    """Lend the administrator's client of a cluster; its controller is started if it does not run.

    Raises Refusal where it cannot be started, OrchestratorError where it does not answer.
    """
    where = layout(state, cluster.name)
    if is_ours(cluster):
        if about(where) is None:
            tell(f"Cluster {cluster.name}: starting its controller on this computer.")
            starting.start(where)
        with at_socket(where) as client:
            yield client
            hosting.remember_here(cluster, client)
        return
    with ExitStack() as stack:
        try:
            client = stack.enter_context(hosting.controller(cluster, state))
        except NodeError as error:
            client = stack.enter_context(_without_ssh(cluster, state, error))
            yield client
        else:
            yield client
            hosting.remember(cluster, client, state)


@contextmanager
def _without_ssh(cluster: Cluster, state: Path | None, error: NodeError) -> Iterator[Client]:
    """Lend the client of a cluster that is known, whose controller's host SSH does not reach."""
    if KnownClusters().get(cluster.name) is None:
        raise error
    tell(plain(f"{error}; it is asked as it stands"))
    with connected(Dial(cluster=cluster.name, state=state), Role.ADMIN) as client:
        yield client


def stands(wanted: Wanted, state: Path | None) -> Preview | None:
    """Return what a running controller says `apply` would do; None where none was ever started.

    Raises OrchestratorError where there should be one and it does not answer: no plan is better
    than one that says all is new.
    """
    if not wanted.cluster:
        return None
    cluster = parse_sheets(wanted.sheets).cluster(wanted.cluster)
    where = layout(state, cluster.name)
    if not is_ours(cluster):
        return _stands_there(cluster, wanted, state)
    if about(where) is not None:
        with at_socket(where) as client:
            return client.preview(wanted)
    if not where.ledger.exists():
        return None
    what = "is starting" if is_worked_on(where) else "does not run"
    raise OrchestratorError(
        f"cluster {cluster.name!r}: its controller {what}; "
        f"type: orchestrator controller start {cluster.name}"
    )


def _stands_there(cluster: Cluster, wanted: Wanted, state: Path | None) -> Preview | None:
    with ExitStack() as stack:
        host = stack.enter_context(hosting.opened(cluster, state))
        try:
            found = host.stands()
        except NodeError as error:
            return stack.enter_context(_without_ssh(cluster, state, error)).preview(wanted)
        if found.runs:
            return stack.enter_context(host.client()).preview(wanted)
        if not found.ran:
            return None
    raise OrchestratorError(
        f"cluster {cluster.name!r}: its controller on {host.address} does not run; `apply` starts it"
    )


def is_ours(cluster: Cluster) -> bool:
    """Whether a cluster's controller runs on this computer as this user, so that no SSH is needed."""
    ssh = cluster.controller_ssh
    is_us = ssh.user in {"", getpass.getuser()}
    return is_us and not ssh.port and not ssh.proxy_jump and is_here(cluster.controller_host)


def is_here(host: str) -> bool:
    """Whether a controller's host is this computer: by name, or by an address that we have."""
    if host.lower() in {*NAMES_OF_HERE, socket.gethostname().lower(), socket.getfqdn().lower()}:
        return True
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    return any(_is_ours(family, place) for family, _, _, _, place in found)


def _is_ours(family: int, place: Any) -> bool:  # Any: each family has its own
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(place)
        except OSError:
            return False
    return True
