"""What each node of a manifest is started with: Cluster and Node to AgentSettings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from orchestrator.decide.fleet import LOST_BEATS
from orchestrator.model.cluster import Cluster, Extended, Network, Node, Recovery
from orchestrator.model.node import AgentSettings, mapped
from orchestrator.model.work import Service

HEARTBEATS = ((10, 0.5), (49, 1.0), (199, 2.0))
"""Up to so many nodes beat every so many seconds; more of them every n/200 + 1 s."""

BY_WAY = "+"
"""Between the name of a node and that of an extended node behind it: ``gate+old-01``."""

NAME_MAX = 63
_ODD = re.compile(r"[^A-Za-z0-9._-]")

Words = tuple[str, ...]
Wrap = Callable[[Node, Extended, Recovery], Words]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every agent of a cluster is told alike."""

    cluster_id: str
    scheduler: str  #: as ``tls://10.0.0.1:50000``
    facing: Callable[[Node], str] | None = None
    #: which of our addresses a node reaches; None: the one in `scheduler`
    storage: str = ""  #: cluster storage as manifests name it; empty: it is not checked
    token: str = ""  #: what ``.orchestrator-storage`` there holds
    checks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: of the programs hook
    wrap: Wrap | None = None
    #: words before each command for an extended node; None: extended nodes are left alone
    looks: Callable[[Words], Words] | None = None
    #: by those words, the ones that check the storage there; None: it is not checked


def heartbeat_s(nodes: int) -> float:
    """Return how often each of so many nodes says that it is here."""
    return next((seconds for most, seconds in HEARTBEATS if nodes <= most), nodes / 200 + 1)


def agents(cluster: Cluster, wrap: Wrap | None) -> Iterator[tuple[Node, Words]]:
    """Yield each agent that a cluster wants, as a node, with the words before its commands.

    An extended node is one more agent on the node that it is reached through (F-EXT-1).
    """
    for node in cluster.nodes:
        yield node, ()
        hosts = [each.host for each in node.extended]
        for each in node.extended if wrap else ():
            assert wrap is not None
            port = f"-{each.ssh.port or 22}" if hosts.count(each.host) > 1 else ""
            behind = replace(
                node,
                name=_behind(node.name, each.host + port),
                display_name="",
                host=node.address,
                instances={Service.RENDER: each.instances},
                programs=dict(each.programs),
                extended=(),
            )
            yield behind, wrap(behind, each, cluster.recovery)


def _behind(node: str, host: str) -> str:
    """Return the name of an extended node: it is a folder's, and stands in a certificate."""
    name = f"{node}{BY_WAY}{_ODD.sub('-', host)}"
    if len(name) <= NAME_MAX:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{node[: NAME_MAX // 2]}{BY_WAY}{_ODD.sub('-', host)}"[: NAME_MAX - 9] + f"-{mark}"


def manifest_name(agent: Node) -> str:
    """Return the name of the node in the manifest that an agent is of."""
    return agent.name.partition(BY_WAY)[0]


def settings(
    cluster: Cluster, node: Node, ground: Ground, beat_s: float, wrap: Words = ()
) -> AgentSettings:
    """Return what the node's agent is started with."""
    recovery = cluster.recovery
    return AgentSettings(
        node=node.name,
        cluster=cluster.name,
        cluster_id=ground.cluster_id,
        scheduler=_scheduler(ground, node),
        host=node.network.interface or cluster.network.interface,
        ports=_ports(node.network) or _ports(cluster.network),
        instances={service.value: node.instances.get(service, 0) for service in Service},
        programs=dict(node.programs),
        checks=ground.checks,
        storage=mapped(ground.storage, node.paths),
        token=ground.token,
        lost_after_s=max(recovery.lost_after_s, LOST_BEATS * beat_s),
        orphan_stop_after_s=recovery.orphan_stop_after_s,
        heartbeat_s=beat_s,
        wrap=wrap,
        look=ground.looks(wrap) if wrap and ground.looks else (),
        log_level=node.log_level,
        log_bytes_max=node.log_bytes_max,
    )


def _scheduler(ground: Ground, node: Node) -> str:
    """Return where this node finds the scheduler: two networks may see us by two addresses."""
    if ground.facing is None or not (host := ground.facing(node)):
        return ground.scheduler
    port = ground.scheduler.rpartition(":")[2]
    return f"tls://[{host}]:{port}" if ":" in host else f"tls://{host}:{port}"


def _ports(network: Network) -> str:
    """Return the range for agents: its first two are for the scheduler and the API."""
    if not network.port_from:
        return ""
    last = network.port_from + max(1, network.port_count) - 1
    return f"{min(network.port_from + 2, last)}:{last}"
