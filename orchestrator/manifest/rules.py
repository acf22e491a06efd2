"""What is wrong between the keys of a Cluster or Node though each is right by itself."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.manifest.finding import Document, Finding, Path
from orchestrator.manifest.hours import schedule_faults
from orchestrator.manifest.times import seconds

PORT_MAX = 65535
LOST_AFTER_S = (10, 3600)  # under 10 s a busy node looks lost; over 1 h nobody waits


def node_faults(document: Document) -> list[Finding]:
    """Return the faults between the keys of a Node."""
    return [*_ports(document, ("spec", "network", "ports")), *schedule_faults(document, ("spec",))]


def cluster_faults(document: Document) -> list[Finding]:
    """Return the faults between the keys of a Cluster, its nodes' included."""
    faults = [*_kind(document), *_nodes(document), *_recovery(document)]
    faults += node_faults(document)
    listed = document.get("spec", "nodes")
    for index in range(len(listed) if isinstance(listed, list) else 0):
        root: Path = ("spec", "nodes", index)
        faults += _ports(document, (*root, "network", "ports"))
        faults += schedule_faults(document, root)
    return faults


def _kind(document: Document) -> Iterator[Finding]:
    kind = document.get("spec", "kind")
    if kind == "quick":
        if document.get("spec", "nodes"):
            what = "a quick cluster is one computer; remove nodes, or write kind: managed"
            yield document.fault(("spec", "nodes"), what, at_key=True)
        return
    if kind != "managed":
        return
    for key in ("services", "schedule", "programs"):
        if document.get("spec", key) is not None:
            what = f"{key} here is for a quick cluster; write it at each of the nodes"
            yield document.fault(("spec", key), what, at_key=True)
    if not document.get("spec", "nodes") and document.get("spec", "acceptUnmanaged") is not True:
        what = "a managed cluster needs a node; add one to nodes, or write acceptUnmanaged: true"
        yield document.fault(("spec",), what)


def _nodes(document: Document) -> Iterator[Finding]:
    listed = document.get("spec", "nodes")
    first: dict[str, int] = {}
    for index in range(len(listed) if isinstance(listed, list) else 0):
        name = document.get("spec", "nodes", index, "name")
        if isinstance(name, str) and (other := first.setdefault(name, index)) != index:
            line = document.places[("spec", "nodes", other)].line
            what = f"node {name!r} stands in line {line} already; give it another name"
            yield document.fault(("spec", "nodes", index, "name"), what)


def _recovery(document: Document) -> Iterator[Finding]:
    where = ("spec", "recovery", "lostAfter")
    lost_after = document.get(*where)
    least, most = LOST_AFTER_S
    if isinstance(lost_after, str) and not least <= seconds(lost_after) <= most:
        yield document.fault(where, f"{lost_after!r} is out of bounds; write {least}s to 1h")


def _ports(document: Document, where: Path) -> Iterator[Finding]:
    start, count = document.get(*where, "from"), document.get(*where, "count")
    if not isinstance(start, int) or not isinstance(count, int):
        return
    if start <= PORT_MAX < (last := start + count - 1):
        what = f"the last port would be {last}; at most {PORT_MAX - start + 1} from {start} on"
        yield document.fault((*where, "count"), what)
