"""The nodes as the office sees them, whether a fleet stands yet or is just made anew."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from orchestrator.controller.fleet import Fleet
from orchestrator.errors import Refusal
from orchestrator.model.cluster import Cluster, Node
from orchestrator.model.talk import Leaving, NodePhase, NodeView

SHOWN_WITHIN_S = 3.0
"""So long a cluster that ends waits for `delete` to see what became of its nodes."""


@dataclass(slots=True)
class Roster:
    """Implements `counter.Nodes`: the present fleet's, or names that wait for one."""

    changed: Callable[[], None]  #: hears that something else may be wanted: look into the ledger
    end: Callable[[], None]  #: what a cluster without nodes does when it leaves
    is_other: Callable[[Cluster], bool]  #: whether for this one the fleet is to be made anew
    is_leaving: bool = False  #: somebody wants the cluster to end
    _gone_s: float | None = None  #: since when all have left; None: they have not
    _was_shown: bool = False  #: how they stood then
    _fleet: Fleet | None = None
    _free: Callable[[], Sequence[NodeView]] = tuple  #: free nodes that are seen
    _why: str = ""  #: why no fleet stands; empty: it will in a moment
    _cluster: Cluster | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stand(self, fleet: Fleet | None, free: Callable[[], Sequence[NodeView]] = tuple) -> None:
        """Ask this fleet from now on, and who knows of free nodes; None: none stands."""
        with self._lock:
            self._fleet, self._free, self._why = fleet, free, ""

    def forget(self) -> None:
        """Show no nodes: the cluster has none any more."""
        with self._lock:
            self._fleet = self._cluster = None

    def fail(self, why: str) -> None:
        """Say why no fleet can stand."""
        with self._lock:
            self._fleet, self._why = None, why

    @property
    def cluster(self) -> Cluster | None:
        """Return what is wanted; None: nothing was applied, or the cluster has ended."""
        return self._cluster

    def views(self) -> Sequence[NodeView]:
        """Return the nodes as they stand."""
        with self._lock:
            fleet, free, cluster = self._fleet, self._free, self._cluster
            self._was_shown = self._gone_s is not None
        if fleet is not None:
            return (*fleet.views(), *free())
        return [_unmade(cluster, node, self._why) for node in cluster.nodes] if cluster else []

    def want(self, cluster: Cluster) -> None:
        """Make these the nodes; where the fleet must be made anew for it, that comes first."""
        with self._lock:
            if self._fleet is not None and self.is_other(cluster):
                self._fleet = None
            self._cluster, fleet, self.is_leaving = cluster, self._fleet, False
            self._gone_s = None
        if fleet is not None:
            fleet.want(cluster)
        self.changed()

    def pause(self, name: str, leaving: Leaving) -> None:
        """Give a node no new work."""
        if fleet := self._fleet:
            fleet.pause(name, leaving)

    def resume(self, name: str) -> None:
        """Give it work again."""
        if fleet := self._fleet:
            fleet.resume(name)

    def lost(self, name: str) -> None:
        """Take a silent node's work back at once."""
        self._standing().lost(name)

    def trust(self, name: str, fingerprint: str) -> None:
        """Take a host key for a node's."""
        self._standing().trust(name, fingerprint)

    def leave(self, leaving: Leaving) -> None:
        """Drain and clear every node, then end the controller."""
        if fleet := self._fleet:
            fleet.leave(leaving)
            self.is_leaving = True
        else:
            self.end()

    def may_end(self, now_s: float) -> bool:
        """Whether somebody saw how the nodes stood when all had left, or had time enough to."""
        with self._lock:
            if self._gone_s is None:
                self._gone_s, self._was_shown = now_s, False
            return self._was_shown or now_s - self._gone_s >= SHOWN_WITHIN_S

    def log(self, name: str) -> str:
        """Return the end of an agent's log."""
        return self._standing().log(name)

    def _standing(self) -> Fleet:
        if (fleet := self._fleet) is None:
            why = self._why or "the controller is just taking them over; try again in a second"
            raise Refusal(f"nodes: {why}")
        return fleet


def _unmade(cluster: Cluster, node: Node, why: str) -> NodeView:
    return NodeView(
        name=node.name,
        display_name=node.display_name,
        host=node.address,
        phase=NodePhase.UNFIT if why else NodePhase.WAITING,
        why=why,
        cluster=cluster.name,
    )
