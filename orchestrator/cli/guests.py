"""A cluster's dealings with free nodes, made of what its controller has (F-MAN-4)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator import __version__
from orchestrator.cli.options import FREE
from orchestrator.controller.access import Access
from orchestrator.controller.demand import Wanting
from orchestrator.controller.enlist import Ground, heartbeat_s, settings
from orchestrator.controller.fleet import Fleet
from orchestrator.controller.unmanaged import Dealings, Signer, Unmanaged
from orchestrator.discovery.addresses import places
from orchestrator.discovery.claim import Claimant, Lock
from orchestrator.discovery.find import Finder
from orchestrator.discovery.protocol import NODE_TYPE, Finding, Notice, Silent
from orchestrator.engine.protocol import Engine
from orchestrator.errors import OrchestratorError
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.cluster import Cluster, Network, Node
from orchestrator.model.node import AgentSettings
from orchestrator.model.work import Service

log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Who takes guests in, and with what."""

    ledger: Ledger
    engine: Engine
    fleet: Fleet
    ground: Ground
    signer: Signer
    access: Access
    state: Path  #: the folder of all clusters, where the keys of free nodes that we made are


def unmanaged(house: House, cluster: Cluster) -> Unmanaged:
    """Return the dealings of a cluster, not yet open.  Refusal for addresses that are none."""
    return Unmanaged(
        Dealings(
            claimant=Claimant(cluster.name, house.ground.cluster_id),
            version=__version__,
            finding=_finding(cluster.network),
            places=places(cluster.network.addresses),
            key_of=lambda notice, lock: key_of(house, notice, lock),
            signer=house.signer,
            settings_of=_settings_of(house, cluster),
            demand=Wanting(house.ledger, house.fleet.views).demand,
            members=house.fleet.members,
            dismiss=house.engine.dismiss,
            managed=lambda: house.fleet.gate().wanted or frozenset(),
            hosting=house.fleet,
        )
    )


def key_of(house: House, notice: Notice, lock: Lock) -> bytes | None:
    """Return the key that a free node wants to see, None where we have none.

    What it says of itself is anybody's word: its name leads to no other file.
    """
    if lock is Lock.SERVICE:
        return house.access.service_key(notice.name) or house.access.service_key()
    if not _NAME.fullmatch(notice.name):
        return None
    try:
        text = (house.state / FREE / f"{notice.name}.key").read_text("ascii")
        return bytes.fromhex(text.strip())
    except (OSError, ValueError):
        return None


def _settings_of(house: House, cluster: Cluster) -> Callable[[str, str], AgentSettings]:
    """Return what a guest is started with, by its name here and its address: all that it offers."""

    def told(name: str, address: str) -> AgentSettings:
        stands = house.ledger.applied()
        now = stands.cluster if stands else cluster
        node = Node(name=name, host=address, instances=dict.fromkeys(Service))
        return settings(now, node, house.ground, heartbeat_s(len(house.fleet.views()) + 1))

    return told


def _finding(network: Network) -> Finding:
    """Return who listens on the subnet; where that cannot be, those given by hand are found."""
    if not network.discovery:
        return Silent()
    try:
        return Finder(NODE_TYPE, network.interface)
    except OrchestratorError as error:
        log.warning("free nodes: nobody is found: %s", error, extra={"action": "not_finding"})
        return Silent()
