"""Files to documents, and documents to what their kind makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.manifest import advice, setting
from orchestrator.manifest.finding import Document, Finding
from orchestrator.manifest.schema import KINDS, Processor
from orchestrator.manifest.setting import Setting, Settings, yaml_files
from orchestrator.manifest.text import load
from orchestrator.manifest.tree import documents

SETTINGS_FOLDER = "settings.d"


def read(path: Path) -> tuple[tuple[Document, ...], list[Finding]]:
    """Return the documents of a file whose kind is known, and what is wrong before their schema.

    Two documents of one kind and name are a fault.
    """
    text, faults = load(path)
    found, more = parse(str(path), text) if text else ((), [])
    return found, faults + more


def parse(file: str, text: str) -> tuple[tuple[Document, ...], list[Finding]]:
    """Return the documents in `text` whose kind is known, and what is wrong before their schema.

    :param file: what the text is called where a fault is told
    """
    found, faults = documents(file, text)
    known, first = [], dict[tuple[object, object], Document]()
    for document in found:
        kind, name = document.get("kind"), document.get("metadata", "name")
        if kind not in KINDS:
            faults.append(_unknown_kind(document))
            continue
        known.append(document)
        other = first.setdefault((kind, str(name)), document)
        if other is not document and isinstance(name, str):
            line = other.places[()].line
            what = f"{kind} {name!r} stands in line {line} already; remove or rename one"
            faults.append(document.fault(("metadata", "name"), what))
    return tuple(known), faults


def gather(
    path: Path,
    own: Iterable[Document],
    processors: Mapping[str, Processor],
    folders: Iterable[Path],
) -> tuple[Settings, list[Finding]]:
    """Return the Settings that a job file at `path` may name, and every fault of those near it.

    :param own: the Setting documents of the file itself, which win over ``settings.d``
    :param folders: those of the built-in Settings, which yield to both
    """
    faults: list[Finding] = []
    shared: list[Document] = []
    for file in yaml_files(path.parent / SETTINGS_FOLDER):
        found, more = read(file)
        faults += more
        for document in found:
            if document.get("kind") == "Setting":
                shared.append(document)
            else:
                what = f"{SETTINGS_FOLDER} holds documents of kind Setting only; move it elsewhere"
                faults.append(document.fault(("kind",), what))
    faults += _twice(shared)
    level = _Level({}, set(), processors)
    for document in (*shared, *own):
        faults += level.add(document)
    settings = Settings(
        near=level.settings,
        faulty=frozenset(level.faulty),
        built_in=setting.built_in(folders),
        processors=processors,
    )
    return settings, faults


@dataclass(frozen=True, slots=True)
class _Level:
    """Settings by name; one that is added later wins."""

    settings: dict[str, Setting]
    faulty: set[str]
    processors: Mapping[str, Processor]

    def add(self, document: Document) -> list[Finding]:
        name = str(document.get("metadata", "name"))
        parsed, faults = setting.parse(document, self.processors)
        if parsed:
            self.settings[name] = parsed
            self.faulty.discard(name)
        else:
            self.faulty.add(name)
        return faults


def _twice(found: list[Document]) -> list[Finding]:
    """Return Settings that two files give one name; within a file it was told already."""
    first: dict[object, Document] = {}
    faults = []
    for document in found:
        name = document.get("metadata", "name")
        other = first.setdefault(str(name), document)
        if other.file != document.file:
            at = f"{other.file}:{other.places[()].line}"
            what = f"Setting {name!r} stands in {at} already; remove or rename one"
            faults.append(document.fault(("metadata", "name"), what))
    return faults


def _unknown_kind(document: Document) -> Finding:
    if not isinstance(document.data, dict):
        what = f"{advice.shown(document.data)} is no manifest; begin with apiVersion and kind"
        return document.fault((), what)
    kind = document.get("kind")
    if kind is None:
        what = f"key 'kind' is missing; wanted: one of {', '.join(KINDS)}"
        return document.fault((), what)
    what = f"{advice.shown(kind)} is no kind of manifest; {advice.meant(str(kind), KINDS)}"
    return document.fault(("kind",), what)
