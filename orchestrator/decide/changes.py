"""What `apply` would change: two clusters compared, and the machines as they were found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from orchestrator.decide.differs import differences
from orchestrator.decide.remarks import drift, free_remarks, remarks
from orchestrator.model.cluster import Cluster, Node
from orchestrator.model.talk import Change, ChangeKind, NodeView

_DRAINED = ("services.", "programs.", "network.", "log.", "host", "ssh.", "recovery.")
"""What an agent is started with: it is drained and started again."""


def changes(
    old: Cluster | None,
    new: Cluster | None,
    found: Mapping[str, NodeView],
    version: str = "",
    strangers: Sequence[str] = (),
) -> tuple[Change, ...]:
    """Return a line for the cluster and for each node, then drift, then notes; each by name.

    :param old: what stands; None: nothing
    :param new: what is wanted; None: it is to be deleted
    :param found: its nodes as the controller knows them, by name
    :param version: of our orchestrator; empty: not compared
    :param strangers: distributions of plugins that its controller has and that are not ours
    """
    stands = {node.name: node for node in old.nodes} if old else {}
    wanted = {node.name: node for node in new.nodes} if new else {}
    return (
        *_cluster(old, new),
        *_nodes(stands, wanted, "node"),
        *drift(new, old, found, version),
        *(remarks(new, found, strangers) if new else ()),
    )


def free_changes(
    old: Sequence[Node], new: Sequence[Node], found: Mapping[str, NodeView]
) -> tuple[Change, ...]:
    """Return the same for the nodes of Node documents, which belong to no cluster."""
    stands, wanted = ({node.name: node for node in nodes} for nodes in (old, new))
    return (*_nodes(stands, wanted, "free node"), *free_remarks(new, found))


def is_replaced(old: Cluster, new: Cluster) -> bool:
    """Whether the controller moves: the cluster is deleted and made anew (F-ADM-4)."""
    return old.controller_host != new.controller_host or old.name != new.name


def _cluster(old: Cluster | None, new: Cluster | None) -> Iterator[Change]:
    if new is None:
        if old:
            what = "drained first; what was put on its nodes is removed"
            yield Change(kind=ChangeKind.REMOVE, subject=f"cluster {old.name}", details=(what,))
        return
    subject = f"cluster {new.name}"
    where = f"controller: {new.controller_host or 'this computer'}"
    if old is None:
        about = (f"kind: {new.kind.value}", where)
        yield Change(kind=ChangeKind.CREATE, subject=subject, details=about)
    elif is_replaced(old, new):
        yield from _replacement(old, new)
    else:
        details = differences(old, new)
        kind = ChangeKind.CHANGE if details else ChangeKind.UNCHANGED
        yield Change(kind=kind, subject=subject, details=details)


def _replacement(old: Cluster, new: Cluster) -> Iterator[Change]:
    why = "another controller is another cluster; refused while a batch is unfinished"
    yield Change(
        kind=ChangeKind.REMOVE,
        subject=f"cluster {old.name}",
        details=(f"controller: {old.controller_host or 'this computer'}", why),
    )
    yield Change(
        kind=ChangeKind.CREATE,
        subject=f"cluster {new.name}",
        details=(f"controller: {new.controller_host or 'this computer'}", *differences(old, new)),
    )


def _nodes(stands: Mapping[str, Node], wanted: Mapping[str, Node], noun: str) -> Iterator[Change]:
    for name in sorted({*stands, *wanted}):
        old, new = stands.get(name), wanted.get(name)
        yield Change(
            kind=_kind(old, new),
            subject=f"{noun} {name}",
            details=_details(old, new),
        )


def _kind(old: Node | None, new: Node | None) -> ChangeKind:
    if old is None:
        return ChangeKind.CREATE
    if new is None:
        return ChangeKind.REMOVE
    return ChangeKind.CHANGE if differences(old, new) else ChangeKind.UNCHANGED


def _details(old: Node | None, new: Node | None) -> tuple[str, ...]:
    if new is None:
        return ("drained first, then free again",)
    if old is None:
        return (f"host: {new.address}", f"services: {_offers(new)}", "installed and started")
    details = differences(old, new)
    return (*details, *_effects(details))


def _effects(details: Iterable[str]) -> tuple[str, ...]:
    restarts = any(detail.startswith(_DRAINED) for detail in details)
    return ("drained first, then started again",) if restarts else ()


def _offers(node: Node) -> str:
    counts = (
        f"{service.value} {'auto' if count is None else count}"
        for service, count in node.instances.items()
    )
    bare = f"extended {len(node.extended)}" if node.extended else ""
    return ", ".join(filter(None, (*sorted(counts), bare))) or "none"
