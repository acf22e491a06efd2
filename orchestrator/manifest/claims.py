"""Several documents that want one name or one machine: who has it is said by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchestrator.manifest.finding import Document, Finding, Path
from orchestrator.manifest.rules import SPEC, node_places

SSH_PORT = 22

_Machine = tuple[str, str, str]  # where SSH leads: host, port, user


@dataclass(frozen=True, slots=True)
class _Claim:
    """A document that makes a machine a node."""

    document: Document
    root: Path  # where it says so
    who: str


def claims_faults(documents: Iterable[Document]) -> list[Finding]:
    """Return a fault for each Cluster or Node that wants what another one has (F-MAN-2, F-MAN-10).

    A machine belongs to one cluster at a time, so it is a node of one cluster, or free.
    """
    found = list(documents)
    return [*_names(found), *_machines(found)]


def _names(documents: list[Document]) -> Iterator[Finding]:
    """Yield documents of one kind and name in two files; within a file it was told already."""
    first: dict[tuple[object, str], Document] = {}
    for document in documents:
        kind, name = document.get("kind"), document.get("metadata", "name")
        if kind not in ("Cluster", "Node") or not isinstance(name, str):
            continue
        other = first.setdefault((kind, name), document)
        if other.file != document.file:
            at = f"{other.file}:{other.places[()].line}"
            what = f"{kind} {name!r} stands in {at} already; remove one"
            yield document.fault(("metadata", "name"), what)


def _machines(documents: list[Document]) -> Iterator[Finding]:
    first: dict[_Machine, _Claim] = {}
    for document in documents:
        for root, machine in _claimed(document):
            claim = _Claim(document, root, _who(document, root))
            owner = first.setdefault(machine, claim)
            if owner.who != claim.who:  # else one name stands twice, and that is told already
                yield document.fault(root, _says(machine[0], owner, document.file))


def _says(host: str, owner: _Claim, file: str) -> str:
    line = owner.document.places[owner.root].line
    where = f"line {line}" if owner.document.file == file else f"{owner.document.file}:{line}"
    what = f"the machine {host!r} belongs to {owner.who} already ({where})"
    return f"{what}; remove one of the two"


def _claimed(document: Document) -> Iterator[tuple[Path, _Machine]]:
    """Yield each machine that a document makes a node of."""
    if document.get("kind") == "Node":
        yield from _machine(document, SPEC, document.get("metadata", "name"))
    elif document.get(*SPEC, "kind") == "quick":
        yield from _machine(document, (*SPEC, "controller"), None)
    elif document.get("kind") == "Cluster":
        for root in node_places(document):
            yield from _machine(document, root, document.get(*root, "name"))


def _machine(document: Document, root: Path, name: object) -> Iterator[tuple[Path, _Machine]]:
    """Yield the machine below `root`, unless nothing says which it is."""
    host = document.get(*root, "host") or name
    user = document.get(*root, "ssh", "user") or document.get(*SPEC, "user")
    port = document.get(*root, "ssh", "port") or SSH_PORT
    if isinstance(host, str):
        yield root, (host.lower().rstrip("."), str(port), str(user or ""))


def _who(document: Document, root: Path) -> str:
    """Say who a claim is made by, as ``node 'n1' of cluster 'studio'``."""
    name = document.get("metadata", "name")
    if document.get("kind") == "Node":
        return f"the free node {name!r}"
    node = document.get(*root, "name")
    return f"node {node!r} of cluster {name!r}" if node else f"quick cluster {name!r}"
