"""Any manifests, checked together: every fault of every file at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.manifest import batch, cluster, files, node, setting
from orchestrator.manifest.claims import claims_faults
from orchestrator.manifest.finding import Document, Finding, Place, refuse
from orchestrator.manifest.laid import laid
from orchestrator.manifest.schema import Processor
from orchestrator.model.default import NO_EXTRAS, Extras


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A document that is valid."""

    kind: str
    name: str
    file: str
    line: int


def validate(
    paths: Iterable[Path],
    processors: Mapping[str, Processor],
    folders: Iterable[Path] = (),
    extras: Extras = NO_EXTRAS,
) -> tuple[Named, ...]:
    """Return every document of the files, and of the YAML files in folders and their folders.

    A file with a Batch is read as a job file, with the Settings that it names.  Raises
    ManifestError naming every fault of every file.

    :param processors: by name
    :param folders: of the built-in Settings
    :param extras: what else plugins say of jobs
    """
    built_in, faults, named = tuple(folders), list[Finding](), dict[tuple[str, int], Named]()
    claiming: dict[tuple[str, int], Document] = {}
    for path in paths:
        found, more = yaml_files(path)
        faults += more
        for file in found:
            documents, told = files.read(file)
            documents = tuple(laid(each, extras.defaults) for each in documents)
            faults += told + _faults(file, documents, processors, built_in, extras)
            is_job = any(document.get("kind") == "Batch" for document in documents)
            for document in documents:
                each = _named(document)
                named[each.file, each.line] = each
                if not is_job:  # whose Node is whatever computer runs it
                    claiming.setdefault((each.file, each.line), document)
    refuse([*faults, *claims_faults(claiming.values())])
    return tuple(named.values())


def yaml_files(path: Path) -> tuple[list[Path], list[Finding]]:
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
    extras: Extras,
) -> list[Finding]:
    if any(document.get("kind") == "Batch" for document in documents):
        _, faults = batch.parse(file, documents, processors, folders, extras)
        return faults
    faults = []
    for document in documents:
        kind = document.get("kind")
        if kind == "Setting":
            faults += setting.parse(document, processors)[1]
        elif kind == "Node":
            faults += node.parse(document)[1]
        else:
            faults += cluster.parse(document)[1]
    return faults


def _named(document: Document) -> Named:
    return Named(
        kind=str(document.get("kind")),
        name=str(document.get("metadata", "name")),
        file=document.file,
        line=document.places[()].line,
    )
