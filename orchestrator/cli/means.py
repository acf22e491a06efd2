"""What a fleet works with: keys and certificates, shells on machines, what is installed there."""

from __future__ import annotations

import getpass
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from orchestrator import __version__
from orchestrator.cli.options import Layout
from orchestrator.cli.reaching import is_here
from orchestrator.controller.authority import Authority
from orchestrator.controller.enlist import BY_WAY, Ground
from orchestrator.controller.fleetmeans import Means
from orchestrator.controller.gather import Tell
from orchestrator.controller.hours import OpeningHours
from orchestrator.controller.storage import Storage
from orchestrator.decide.fleet import Ours
from orchestrator.errors import Refusal
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.cluster import Node
from orchestrator.plugin.manager import Plugins
from orchestrator.remote import connect, wheels
from orchestrator.remote.hosts import host_of
from orchestrator.remote.local import LocalRemote
from orchestrator.remote.machine import FOLDER
from orchestrator.remote.protocol import Remote, Runtime
from orchestrator.remote.ssh import SshRemote
from orchestrator.remote.wrap import looks, wrap


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What the means of a fleet are made from."""

    where: Layout
    ledger: Ledger
    authority: Authority
    plugins: Plugins
    storage: Storage
    scheduler: str  #: as ``tls://10.0.0.1:50000``
    host: str  #: the one address that all listens at; empty: every address we have


def means(shop: Shop, hours: OpeningHours) -> Means:
    """Return the means of the real world."""
    id = shop.authority.id
    return Means(
        ours=ours(shop.plugins),
        ground=Ground(
            cluster_id=id,
            scheduler=shop.scheduler,
            facing=None if shop.host else facing,
            storage=str(shop.storage.root),
            token=shop.storage.token,
            checks=shop.plugins.checks(),
            wrap=wrap,
            looks=looks,
        ),
        signer=shop.authority,
        remote_of=lambda node: remote_of(node, shop.where, id),
        runtime_of=lambda platform, tell: runtime_of(shop, platform, tell),
        load_paused=shop.ledger.paused_nodes,
        load_leaving=shop.ledger.leaving_nodes,
        left=shop.ledger.node_left,
        trust=lambda node, fingerprint: trust(node, shop.where, fingerprint),
        hours=hours,
    )


def ours(plugins: Plugins) -> Ours:
    """Return what every node must have as we have it (F-ROLE-6)."""
    return Ours(
        version=__version__,
        python_minor=f"{sys.version_info.major}.{sys.version_info.minor}",
        plugins=plugins.distributions(),
        shut=plugins.denied(),
    )


def remote_of(node: Node, where: Layout, cluster_id: str) -> Remote:
    """Return the shell on a node's machine: SSH, but for this computer itself.

    For an extended node that is the machine before it, where its agent has a folder of its own.
    """
    way = node.name.partition(BY_WAY)[2]
    folder = f"{FOLDER}{BY_WAY}{way}" if way else FOLDER
    if is_this(node):
        return Here(node.name, cluster_id, folder=folder)
    host = host_of(node.name, node.address, node.ssh)
    return SshRemote(host, where.known_hosts, cluster_id, folder)


def facing(node: Node) -> str:
    """Return which of our addresses leads to a node, or to its first jump; empty: not known."""
    if is_this(node):
        return ""
    host = host_of(node.name, node.address, node.ssh)
    first = host.jumps[0] if host.jumps else host
    try:
        (family, *_, address), *_ = socket.getaddrinfo(
            first.address, first.port, type=socket.SOCK_DGRAM
        )
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)  # sends nothing
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def is_this(node: Node) -> bool:
    """Whether a node is this computer and this user, so that no SSH is needed."""
    is_us = node.ssh.user in {"", getpass.getuser()}
    return is_us and not node.ssh.port and not node.ssh.proxy_jump and is_here(node.address)


class Here(LocalRemote):
    """This computer: its runtime is the one we run in, whatever others are given."""

    def install(self, runtime: Runtime, tell: Callable[[str], None]) -> None:
        """Take our own interpreter."""
        super().install(replace(runtime, wheels=()), tell)


def runtime_of(shop: Shop, platform: str, tell: Tell) -> Runtime:
    """Return what is installed on machines of a platform.

    A cluster of this computer alone needs no wheels: it is what we run in.
    """
    stands = shop.ledger.applied()
    if stands is not None and all(is_this(node) for node in stands.cluster.nodes):
        return wheels.own_runtime()
    return wheels.fill(shop.where.wheels, platform, tell=tell, shut=shop.plugins.denied())


def trust(node: Node, where: Layout, fingerprint: str) -> None:
    """Take the host key with this fingerprint for a node's, if it shows that one."""
    if is_this(node):
        raise Refusal(f"node {node.name!r}: it is this computer, which has no host key")
    host = host_of(node.name, node.address, node.ssh)
    connect.trust(host, where.known_hosts, fingerprint)
