"""What is wrong, and where: the faults that a reader collects before it refuses a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from orchestrator.errors import ManifestError

FAULTS_MAX = 100  # more than anybody reads at once
KEY_MAX_CHARS = 60

Path = tuple[str | int, ...]  # keys and indexes from the root of a document


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file, counted from 1."""

    line: int = 1
    column: int = 1


NOWHERE = Place(0, 0)
"""Of what stands in no file."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One fault: ``file:line:column: path: what is wrong; what to do``."""

    file: str
    place: Place
    text: str

    def __str__(self) -> str:
        if self.place == NOWHERE:
            return f"{self.file}: {self.text}"
        return f"{self.file}:{self.place.line}:{self.place.column}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML document as plain data, with the place of everything in it."""

    file: str
    data: object  #: str, int, float, bool, None, list and dict with text for keys
    places: Mapping[Path, Place]  #: of every value
    keys: Mapping[Path, Place]  #: of every key
    refused: frozenset[Path] = frozenset()  #: values that are a fault already
    laid: Mapping[Path, str] = field(default_factory=dict)  #: values of a plugin, and of which

    def fault(self, path: Path, text: str, at_key: bool = False) -> Finding:
        """Return a fault of the value at `path` (or of its key), or of what holds it."""
        for laid, plugin in self.laid.items():
            if path[: len(laid)] == laid:
                what = f"its default for {shown_path(path)} in {self.file}: {text}"
                return Finding(f"plugin {plugin!r}", NOWHERE, f"{what}; tell its author")
        above = (path[:end] for end in range(len(path), 0, -1))
        known = next((self.places[each] for each in above if each in self.places), self.places[()])
        place = self.keys.get(path, known) if at_key else known
        return Finding(self.file, place, f"{shown_path(path)}: {text}")

    def get(self, *path: str | int) -> object:
        """Return the value at `path`; None where there is none."""
        value = self.data
        for step in path:
            if isinstance(value, list):
                value = value[step] if isinstance(step, int) and step < len(value) else None
            else:
                value = value.get(step) if isinstance(value, dict) else None
        return value


def shown_path(path: Path) -> str:
    """Return `path` for people: ``spec.jobs[0].name``; the root is ``document``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{_shown_key(step)}" for step in path)
    return "".join(steps).removeprefix(".") or "document"


def _shown_key(key: str) -> str:
    """A stranger's key may hold anything: it stands in a message short and harmless."""
    return key if key.isprintable() and 0 < len(key) <= KEY_MAX_CHARS else repr(key[:KEY_MAX_CHARS])


def refuse(findings: Collection[Finding]) -> None:
    """Raise ManifestError if there is any fault: file by file, each in the order of its lines."""
    if not findings:
        return
    files = list(dict.fromkeys(finding.file for finding in findings))
    ordered = sorted(set(findings), key=lambda f: (files.index(f.file), f.place, f.text))
    lines = [str(finding) for finding in ordered[:FAULTS_MAX]]
    if more := len(ordered) - len(lines):
        lines.append(f"{ordered[FAULTS_MAX].file}: and {more} more; mend these first")
    raise ManifestError(tuple(lines))
