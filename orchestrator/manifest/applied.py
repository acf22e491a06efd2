"""What `apply` is given: the Clusters and free Nodes of files, and their texts for the controller.

The controller reads the texts by the same code as the client the files, and trusts neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import NotThere, Refusal
from orchestrator.manifest import advice, cluster, files, node
from orchestrator.manifest.claims import claims_faults
from orchestrator.manifest.finding import Document, Finding, Place, refuse
from orchestrator.manifest.text import decode, load
from orchestrator.manifest.validate import yaml_files
from orchestrator.model.cluster import Cluster, Node
from orchestrator.model.talk import Sheet

APPLIED = ("Cluster", "Node")
"""The kinds of document that are applied; the others are submitted, or named by those."""

_Read = tuple[Sheet, tuple[Document, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicable:
    """What files say should be; all of it is valid."""

    clusters: tuple[Cluster, ...]
    nodes: tuple[Node, ...]  #: free ones, of Node documents
    sheets: tuple[Sheet, ...]  #: the files that it stands in, in their order
    places: Mapping[str, str] = field(default_factory=dict)  #: cluster -> name of its sheet
    free: frozenset[str] = frozenset()  #: names of the sheets that describe free nodes

    def sheets_of(self, cluster: str) -> tuple[Sheet, ...]:
        """Return what the controller of a cluster needs; with an empty name: of the free nodes."""
        names = self.free if not cluster else {self.places[cluster]}
        return tuple(sheet for sheet in self.sheets if sheet.name in names)

    def cluster(self, name: str = "") -> Cluster:
        """Return the cluster of that name; without one, the only one.

        Raises NotThere for a name that there is not, Refusal where a name must be given.
        """
        names = [each.name for each in self.clusters]
        if not name and len(names) != 1:
            what = f"--cluster: name one of {', '.join(names)}" if names else "no Cluster document"
            raise Refusal(f"{what}; there are {len(names)} in these files")
        for each in self.clusters:
            if each.name == (name or names[0]):
                return each
        raise NotThere(f"cluster {name!r}: none of these files has it; {advice.meant(name, names)}")


def read_clusters(paths: Iterable[Path]) -> Applicable:
    """Return what the files say, and the YAML files in folders and their folders.

    A file of a folder that has jobs and Settings only is passed over.  Raises ManifestError naming
    every fault of every file as ``file:line:column: path: what; what to do``.
    """
    found: dict[str, _Read] = {}
    faults: list[Finding] = []
    order: list[str] = []
    for path in paths:
        inside, more = yaml_files(path)
        faults += more
        for file in inside:
            text, unread = load(file)
            sheet = Sheet(name=str(file), text=text)
            order.append(sheet.name)
            documents, told = files.parse(sheet.name, text) if text else ((), [])
            faults += unread + told
            if not path.is_dir() or told or any(map(_is_applied, documents)):
                found.setdefault(sheet.name, (sheet, documents))
    return _applicable(list(found.values()), faults, order)


def parse_sheets(sheets: Sequence[Sheet]) -> Applicable:
    """Return what the texts say.

    Raises ManifestError naming every fault of every text, at the place in the file it came from.
    """
    found: list[_Read] = []
    faults: list[Finding] = []
    for sheet in sheets:
        text, unread = decode(sheet.name, sheet.text.encode("utf-8", "surrogatepass"))
        documents, told = files.parse(sheet.name, text) if text else ((), [])
        faults += unread + told
        found.append((sheet, documents))
    return _applicable(found, faults, [sheet.name for sheet in sheets])


def _applicable(found: Sequence[_Read], faults: list[Finding], order: Sequence[str]) -> Applicable:
    """Return what the documents say; faults are told in the `order` of the files."""
    documents = [document for _, inside in found for document in inside]
    kinds = {kind: [each for each in documents if each.get("kind") == kind] for kind in APPLIED}
    clusters = [(each, cluster.parse(each)) for each in kinds["Cluster"]]
    nodes = [(each, node.parse(each)) for each in kinds["Node"]]
    told = [fault for _, (_, more) in clusters for fault in more]
    told += [fault for _, (_, more) in nodes for fault in more]
    told += [_other(each) for each in documents if not _is_applied(each)]
    if not faults and not any(map(_is_applied, documents)):
        names = ", ".join(sheet.name for sheet, _ in found) or "document"
        what = "document: no Cluster or Node here to be applied; name another file or folder"
        told.append(Finding(names, Place(), what))
    told += [*faults, *claims_faults(documents)]
    refuse(sorted(told, key=lambda fault: order.index(fault.file) if fault.file in order else -1))
    return Applicable(
        clusters=tuple(each for _, (each, _) in clusters if each),
        nodes=tuple(each for _, (each, _) in nodes if each),
        sheets=tuple(sheet for sheet, _ in found),
        places={each.name: document.file for document, (each, _) in clusters if each},
        free=frozenset(document.file for document, (each, _) in nodes if each),
    )


def _is_applied(document: Document) -> bool:
    return document.get("kind") in APPLIED


def _other(document: Document) -> Finding:
    kind = document.get("kind")
    what = f"a {kind} is not applied, but submitted; put it into a file of its own"
    return document.fault(("kind",), what)
