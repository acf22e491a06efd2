"""What of an applied cluster everything else stands on: where it listens, where it stores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.cli.options import Layout
from orchestrator.cli.reaching import is_here
from orchestrator.engine.dask.door import own_address
from orchestrator.model.cluster import Cluster, Network, PluginRules

LOOPBACK = "127.0.0.1"

EVERYWHERE = "0.0.0.0"  # TLS with an authority of our own is behind it


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """When this changes, scheduler, engine and API are made anew; what nodes run goes on."""

    host: str  #: the address to listen at; empty: all
    ports: tuple[int, int]  #: first and count; (0, 1): the system picks
    storage: Path
    plugins: PluginRules  #: they are loaded anew
    search: Network | None = None  #: where free nodes are looked for; None: none is taken

    @property
    def api_host(self) -> str:
        """Where the API listens."""
        return self.host or EVERYWHERE

    @property
    def api_ports(self) -> range:
        """The ports for the API: the second half is the agents', the first is the scheduler's."""
        first, count = self.ports
        return range(first + 1, first + max(2, count)) if first else range(1)


def footing(where: Layout, cluster: Cluster) -> Footing:
    """Return what an applied cluster stands on; a cluster of this computer alone stays in it.

    Raises OrchestratorError for an interface without an address.
    """
    network = cluster.network
    host = own_address(network.interface, "") if network.interface else ""
    if not host and is_alone(cluster):
        host = LOOPBACK
    ports = (network.port_from, max(1, network.port_count)) if network.port_from else (0, 1)
    storage = Path(cluster.storage) if cluster.storage else where.storage
    search = network if cluster.accept_unmanaged else None
    return Footing(host=host, ports=ports, storage=storage, plugins=cluster.plugins, search=search)


def is_alone(cluster: Cluster) -> bool:
    """Whether no other computer has to do with a cluster, so that nothing listens for one."""
    others = [node for node in cluster.nodes if not is_here(node.address) or node.extended]
    return not others and not cluster.accept_unmanaged and not cluster.controller_host
