"""What is wrong between the keys of a Cluster or Node though each is right by itself."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.manifest.finding import Document, Finding, Path
from orchestrator.manifest.hours import schedule_faults
from orchestrator.manifest.machines import (
    PORTS_CLUSTER,
    PORTS_FREE,
    PORTS_NODE,
    access_faults,
    extended_places,
    machine_faults,
    network_faults,
    programs_faults,
    ssh_faults,
    user_faults,
)
from orchestrator.manifest.notify_rules import notify_faults, range_faults
from orchestrator.manifest.times import seconds

LOST_AFTER_S = (10, 3600)  # under 10 s a busy node looks lost; over 1 h nobody waits
SPEC: Path = ("spec",)


def node_faults(document: Document) -> list[Finding]:
    """Return the faults between the keys of a Node that is the computer which reads it."""
    where = (*SPEC, "network")
    return [*network_faults(document, where, PORTS_FREE), *schedule_faults(document, SPEC)]


def free_node_faults(document: Document) -> list[Finding]:
    """Return the faults between the keys of a Node that is to be found by clusters."""
    return [
        *machine_faults(document, SPEC, PORTS_FREE),
        *_extended(document, [SPEC]),
        *_plugins(document),
    ]


def _plugins(document: Document) -> Iterator[Finding]:
    if document.get(*SPEC, "plugins") is not None:
        what = (
            "a free node reads no jobs; write plugins in the Cluster, or in the Node of a job file"
        )
        yield document.fault((*SPEC, "plugins"), what, at_key=True)


def cluster_faults(document: Document) -> list[Finding]:
    """Return the faults between the keys of a Cluster, its nodes' included."""
    roots = node_places(document)
    faults = [*_kind(document), *_nodes(document), *_recovery(document)]
    faults += network_faults(document, (*SPEC, "network"), PORTS_CLUSTER)
    faults += schedule_faults(document, SPEC)
    faults += programs_faults(document, (*SPEC, "programs"))
    faults += access_faults(document, (*SPEC, "access"))
    faults += notify_faults(document, (*SPEC, "notify"))
    faults += range_faults(document, (*SPEC, "access", "webhooks"))
    faults += _users(document)
    for root in roots:
        faults += machine_faults(document, root, PORTS_NODE)
    faults += _extended(document, [SPEC, *roots])
    return faults


def node_places(document: Document) -> list[Path]:
    """Return where the nodes of a Cluster stand."""
    listed = document.get(*SPEC, "nodes")
    return [
        (*SPEC, "nodes", index) for index in range(len(listed) if isinstance(listed, list) else 0)
    ]


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
    first: dict[str, Path] = {}
    for root in node_places(document):
        name = document.get(*root, "name")
        if isinstance(name, str) and (other := first.setdefault(name, root)) != root:
            line = document.places[other].line
            what = f"node {name!r} stands in line {line} already; give it another name"
            yield document.fault((*root, "name"), what)


def _users(document: Document) -> Iterator[Finding]:
    """Yield where work would run as another user than the manifest says."""
    controller = (*SPEC, "controller")
    yield from ssh_faults(document, (*controller, "ssh"))
    yield from user_faults(document, (*controller, "user"), (*controller, "ssh", "user"))
    for root in node_places(document):
        wanted, user = document.get(*SPEC, "user"), document.get(*root, "ssh", "user")
        if isinstance(wanted, str) and isinstance(user, str) and wanted != user:
            what = f"user of the cluster is {wanted!r}, and work runs as who logs in"
            yield document.fault((*root, "ssh", "user"), f"{what}; leave one of the two out")


def _extended(document: Document, roots: list[Path]) -> Iterator[Finding]:
    """Yield each machine that two nodes, or one node twice, would run commands on."""
    first: dict[tuple[str, str], Path] = {}
    for where in (each for root in roots for each in extended_places(document, root)):
        host = document.get(*where, "host")
        if not isinstance(host, str):
            continue
        key = (host.lower(), str(document.get(*where, "ssh", "port") or 22))
        if (other := first.setdefault(key, where)) != where:
            line = document.places[other].line
            what = f"extended node {host!r} stands in line {line} already"
            yield document.fault((*where, "host"), f"{what}; add to its instances, and remove this")


def _recovery(document: Document) -> Iterator[Finding]:
    where = ("spec", "recovery", "lostAfter")
    lost_after = document.get(*where)
    least, most = LOST_AFTER_S
    if isinstance(lost_after, str) and not least <= seconds(lost_after) <= most:
        yield document.fault(where, f"{lost_after!r} is out of bounds; write {least}s to 1h")
