"""The controller of a cluster on another host: installed and started over SSH, reached through it."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.version import Version

from orchestrator import __version__
from orchestrator.cli import offers
from orchestrator.cli.connect import is_enough
from orchestrator.cli.options import layout, made
from orchestrator.cli.show import plain, tell
from orchestrator.client.client import Client
from orchestrator.client.known import Known, KnownClusters
from orchestrator.client.tokens import Tokens
from orchestrator.errors import NodeError, OrchestratorError, Refusal
from orchestrator.model.cluster import Cluster, PluginRules, Ssh
from orchestrator.model.talk import Role
from orchestrator.remote.hosted import Hosted, Stands
from orchestrator.remote.hosts import host_of
from orchestrator.remote.wheels import fill_whole

LISTENS_WITHIN_S = 15.0
"""After an `apply`: the API for other computers stands on what was applied."""

GONE_WITHIN_S = 30.0
LOOK_S = 0.2


class Host:
    """The computer of a cluster's controller, as we get there over SSH."""

    def __init__(
        self,
        cluster: str,
        address: str,
        ssh: Ssh,
        state: Path | None,
        plugins: PluginRules | None = None,
    ) -> None:
        """Raises Rejected for what ``~/.ssh/config`` makes impossible; nothing is connected."""
        self.cluster = cluster
        self._plugins = plugins or PluginRules()
        self._where = layout(state, cluster)
        way = host_of(address, address, ssh)
        self.address = way.address
        self._hosted = Hosted(cluster, way, self._where.known_hosts)

    def close(self) -> None:
        """Let go of the connection."""
        self._hosted.close()

    def stands(self) -> Stands:
        """Look how the controller stands there; NodeError where SSH does not get there."""
        return self._hosted.stands()

    def serve(self, stands: Stands) -> None:
        """Have the controller run there as we are: our versions, our plugins as far as they are let in.

        Refusal where a newer one runs: to put an older one there would be a mistake.
        """
        _check_version(self.cluster, self.address, stands)
        platform = self._hosted.ask().platform
        shut = offers.denied(self._plugins)
        runtime = fill_whole(made(self._where).wheels, platform, tell=self._tell, shut=shut)
        if stands.runs and stands.runtime == runtime.digest:
            return
        self._hosted.install(runtime, self._tell)
        self._tell("starting another version" if stands.runs else "starting")
        self._hosted.serve(runtime.digest, __version__)

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Lend the client of the controller there, as its administrator."""
        with self._hosted.relayed() as socket:
            whom = f"of {self.cluster} on {self.address}"
            with Client.local(socket, getpass.getuser(), whom) as client:
                yield client

    def retire(self) -> None:
        """Remove what the controller ran with, when it has ended."""
        until = time.monotonic() + GONE_WITHIN_S
        while self._hosted.stands().runs:
            if time.monotonic() >= until:
                raise OrchestratorError(
                    f"cluster {self.cluster!r}: its controller on {self.address} still runs; "
                    f"type: orchestrator delete {self.cluster}"
                )
            time.sleep(LOOK_S)
        self._hosted.retire()

    def _tell(self, line: str) -> None:
        tell(plain(f"  controller on {self.address}: {line}"))


@contextmanager
def opened(cluster: Cluster, state: Path | None) -> Iterator[Host]:
    """Lend the host that a cluster's manifest names."""
    where, ssh = cluster.controller_host, cluster.controller_ssh
    host = Host(cluster.name, where, ssh, state, cluster.plugins)
    try:
        yield host
    finally:
        host.close()


@contextmanager
def known(cluster: str, state: Path | None) -> Iterator[Host | None]:
    """Lend the host on which `apply` started a cluster's controller; None: not from here."""
    found = KnownClusters().get(cluster)
    if found is None or not found.host:
        yield None
        return
    host = Host(cluster, found.host, found.ssh, state)
    try:
        yield host
    finally:
        host.close()


@contextmanager
def controller(cluster: Cluster, state: Path | None) -> Iterator[Client]:
    """Lend the administrator's client of a cluster; its controller runs then, as we are.

    Raises NodeError where its host cannot be reached, Refusal where it cannot be made to run.
    """
    with opened(cluster, state) as host:
        stands = host.stands()
        if not stands.runs:
            tell(f"Cluster {cluster.name}: its controller is started on {host.address}.")
        host.serve(stands)
        with host.client() as client:
            yield client


def remember(cluster: Cluster, client: Client, state: Path | None) -> None:
    """Write down how clients of this computer reach a cluster, and an administrator's token."""
    with opened(cluster, state) as host:
        port = _listening(client).rpartition(":")[2]
        if not port:
            raise OrchestratorError(
                f"cluster {cluster.name!r}: its controller does not listen for other computers; "
                f"see on {host.address}: orchestrator controller status {cluster.name}"
            )
        name = f"[{host.address}]" if ":" in host.address else host.address
        entry = Known(
            name=cluster.name,
            address=f"{name}:{port}",
            authority=client.authority(),
            host=cluster.controller_host,
            ssh=cluster.controller_ssh,
        )
    KnownClusters().keep(entry, replace=True)
    tokens = Tokens()
    token, why = tokens.get(cluster.name), ""
    try:
        is_valid = token is not None and is_enough(entry, token, Role.ADMIN)
    except NodeError as error:
        is_valid, why = True, str(error)
    if not is_valid:
        tokens.keep(cluster.name, client.token(getpass.getuser()))
    if why:
        tell(plain(f"Cluster {cluster.name}: from here only `apply` gets there: {why}"))


def remember_here(cluster: Cluster, client: Client) -> None:
    """Write down where a cluster of this computer is reached, if it listens yet."""
    address = client.info().address
    if address.partition(":")[0]:
        entry = Known(name=cluster.name, address=address, authority=client.authority())
        KnownClusters().keep(entry, replace=True)


def _listening(client: Client) -> str:
    """Return the address of the API, which it has a moment after the first `apply`."""
    until = time.monotonic() + LISTENS_WITHIN_S
    while not (address := client.info().address) and time.monotonic() < until:
        time.sleep(LOOK_S)
    return address


def _check_version(cluster: str, address: str, stands: Stands) -> None:
    if stands.version and Version(stands.version) > Version(__version__):
        raise Refusal(
            f"cluster {cluster!r}: its controller on {address} is of version {stands.version}, "
            f"newer than {__version__} here; install that version here, and apply again"
        )
