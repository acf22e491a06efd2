"""What a plan says beside its changes: machines that drifted, and what a person should know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from orchestrator.model.cluster import Cluster, ClusterKind, Node
from orchestrator.model.talk import Change, ChangeKind, NodePhase, NodeView

INSTANCE_BYTES = 2 * 10**9
"""Memory that one instance is given, as a rule of thumb (F-SVC-5)."""

NODES_MANY = 8
"""From so many nodes on, the controller should not be one of them (F-ROLE-4)."""

_LOCAL = ("localhost", "127.0.0.1", "::1")
_DRIFTED = frozenset(
    {NodePhase.UNFIT, NodePhase.UNREACHABLE, NodePhase.REFUSED, NodePhase.LOST, NodePhase.REMOVED}
    | {NodePhase.LEFT}
)
_ON_ITS_WAY = frozenset(
    {
        NodePhase.WAITING,
        NodePhase.CONNECTING,
        NodePhase.INSTALLING,
        NodePhase.STARTING,
        NodePhase.JOINING,
        NodePhase.DRAINING,
        NodePhase.SUSPECT,
    }
)


def drift(
    new: Cluster | None, old: Cluster | None, found: Mapping[str, NodeView], version: str
) -> Iterator[Change]:
    """Yield each machine that stands and is not as it was applied (F-ADM-8)."""
    stands = {node.name for node in old.nodes} if old else set()
    for name in sorted(stands & {node.name for node in new.nodes} if new else ()):
        if name in found and (details := _drifted(found[name], version)):
            yield Change(kind=ChangeKind.DRIFT, subject=f"node {name}", details=details)


def remarks(
    cluster: Cluster, found: Mapping[str, NodeView], strangers: Sequence[str] = ()
) -> Iterator[Change]:
    """Yield the notes on a cluster, then those on its nodes, by name."""
    for says in (*_on_cluster(cluster), *_on_plugins(cluster, strangers)):
        yield _note(f"cluster {cluster.name}", says)
    for node in sorted(cluster.nodes, key=lambda each: each.name):
        for says in _on_node(node, found.get(node.name)):
            yield _note(f"node {node.name}", says)


def free_remarks(nodes: Sequence[Node], found: Mapping[str, NodeView]) -> Iterator[Change]:
    """Yield the notes on the nodes of Node documents, by name."""
    for node in sorted(nodes, key=lambda each: each.name):
        says = [*_on_node(node, found.get(node.name)), *_on_free(node)]
        for each in says:
            yield _note(f"free node {node.name}", each)


def _drifted(view: NodeView, version: str) -> tuple[str, ...]:
    details = list(view.differs)
    if version and view.version and view.version != version:
        details.append(f"orchestrator: {view.version} -> {version}")
    if view.phase in _DRIFTED:
        details.append(": ".join(filter(None, (view.phase.value, view.why))))
        details.extend(filter(None, (view.todo,)))
    return tuple(dict.fromkeys(details))


def _on_cluster(cluster: Cluster) -> Iterator[str]:
    if cluster.access.open:
        yield "access.open: everybody on the network may submit without a password"
    if cluster.kind is ClusterKind.MANAGED and not cluster.access.executables:
        yield "access.executables is not set: jobs may run any program on the nodes"
    if len(cluster.nodes) >= NODES_MANY and any(_is_controller(cluster, n) for n in cluster.nodes):
        yield f"its controller is a node too; from {NODES_MANY} nodes on it should do nothing else"
    if not cluster.network.discovery:
        yield "network.discovery is off: clients find it by --cluster HOST:PORT only"
        if cluster.accept_unmanaged and not cluster.network.addresses:
            yield "acceptUnmanaged finds no free node: discovery is off, and addresses are not given"


def _on_plugins(cluster: Cluster, strangers: Sequence[str]) -> Iterator[str]:
    names = ", ".join(name for name in strangers if name not in cluster.plugins.deny)
    if names and cluster.plugins.allow is None:
        yield f"plugins.allow is not set: plugins of other people that are installed run: {names}"


def _on_node(node: Node, view: NodeView | None) -> Iterator[str]:
    counts = sum(count or 0 for count in node.instances.values())
    if view and view.memory_bytes and counts * INSTANCE_BYTES > view.memory_bytes:
        fits = max(1, view.memory_bytes // INSTANCE_BYTES)
        need, there = counts * INSTANCE_BYTES / 1e9, view.memory_bytes / 1e9
        yield (
            f"{counts} instances want {need:.0f} GB of memory, and there are {there:.1f}; "
            f"take {fits}, or instances: auto"
        )
    if view and view.phase in _ON_ITS_WAY:
        yield ": ".join(filter(None, (f"now {view.phase.value}", view.why)))
    if view and view.phase is NodePhase.PAUSED and node.active:
        yield f"paused by hand; orchestrator resume {node.name}"


def _on_free(node: Node) -> Iterator[str]:
    if node.access.open:
        yield "access.open: every cluster of the network may use it without a password"
    if not node.network.discovery:
        yield "network.discovery is off: clusters find it by its address only"


def _is_controller(cluster: Cluster, node: Node) -> bool:
    host = cluster.controller_host
    return node.address in ((host,) if host else _LOCAL)


def _note(subject: str, says: str) -> Change:
    return Change(kind=ChangeKind.NOTE, subject=subject, details=(says,))
