"""Any manifests, checked together: every fault of every file at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.manifest import batch, files, node, setting
from orchestrator.manifest.check import check
from orchestrator.manifest.finding import Document, Finding, Place, refuse
from orchestrator.manifest.rules import cluster_faults
from orchestrator.manifest.schema import Processor, core


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A document that is valid."""

    kind: str
    name: str
    file: str
    line: int


def validate(
    paths: Iterable[Path], processors: Mapping[str, Processor], folders: Iterable[Path] = ()
) -> tuple[Named, ...]:
    """Return every document of the files, and of the YAML files in folders and their folders.

    A file with a Batch is read as a job file, with the Settings that it names.  Raises
    ManifestError naming every fault of every file.

    :param processors: by name
    :param folders: of the built-in Settings
    """
    built_in, faults, named = tuple(folders), list[Finding](), dict[tuple[str, int], Named]()
    clusters: dict[str, Named] = {}
    for path in paths:
        found, more = _files(path)
        faults += more
        for file in found:
            documents, told = files.read(file)
            faults += told + _faults(file, documents, processors, built_in)
            for document in documents:
                each = _named(document)
                named[each.file, each.line] = each
                faults += _second(clusters, document, each)
    refuse(faults)
    return tuple(named.values())


def _files(path: Path) -> tuple[list[Path], list[Finding]]:
    """Return the YAML files at or below `path`; hidden files and folders are passed over."""
    if not path.is_dir():
        return [path], []
    found = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix in setting.SUFFIXES
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    if found:
        return found, []
    what = "document: no YAML file in this folder; name another"
    return [], [Finding(str(path), Place(), what)]


def _faults(
    file: Path,
    documents: Sequence[Document],
    processors: Mapping[str, Processor],
    folders: tuple[Path, ...],
) -> list[Finding]:
    if any(document.get("kind") == "Batch" for document in documents):
        _, faults = batch.parse(file, documents, processors, folders)
        return faults
    faults = []
    for document in documents:
        kind = document.get("kind")
        if kind == "Setting":
            faults += setting.parse(document, processors)[1]
        elif kind == "Node":
            faults += node.parse(document)[1]
        else:
            faults += [*check(document, (), core("Cluster")), *cluster_faults(document)]
    return faults


def _named(document: Document) -> Named:
    return Named(
        kind=str(document.get("kind")),
        name=str(document.get("metadata", "name")),
        file=document.file,
        line=document.places[()].line,
    )


def _second(clusters: dict[str, Named], document: Document, each: Named) -> list[Finding]:
    """Return a fault if another file says what the same cluster should be."""
    if each.kind != "Cluster":
        return []
    other = clusters.setdefault(each.name, each)
    if other.file == each.file:
        return []
    what = f"Cluster {each.name!r} stands in {other.file}:{other.line} already; remove one"
    return [document.fault(("metadata", "name"), what)]
