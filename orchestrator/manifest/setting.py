"""Settings: read, and found by name at the nearest of three levels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from orchestrator.errors import ManifestError, PluginError
from orchestrator.manifest import advice
from orchestrator.manifest.check import check
from orchestrator.manifest.finding import Document, Finding, Place, refuse
from orchestrator.manifest.formats import absolute, formatted, replaced, try_aside
from orchestrator.manifest.schema import Processor, core
from orchestrator.manifest.text import load
from orchestrator.manifest.tree import documents

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A named, reusable description of an output."""

    name: str
    processor: str
    spec: Mapping[str, object]  #: as written, valid, `processor` included; paths absolute
    description: str = ""
    file: str = ""
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The Settings that a job may name: of its own file, of ``settings.d``, built in."""

    near: Mapping[str, Setting]  #: of the file and ``settings.d``; the file's own win
    faulty: frozenset[str]  #: names that are there, but with a fault that was told already
    built_in: Mapping[str, Path]  #: name -> its file, read when it is asked for
    processors: Mapping[str, Processor]
    means: Collection[str] | None = None  #: what `requires` may name; None: anything

    def find(self, name: str) -> Setting | None:
        """Return the nearest Setting of that name, or None.

        Raises ManifestError if it is built in and its file has a fault.
        """
        if name in self.near or name not in self.built_in:
            return self.near.get(name)
        return _built_in(self.built_in[name], self.processors)

    def names(self, processor: str) -> set[str]:
        """Return the names for a processor, as far as they are known without reading files."""
        near = {name for name, each in self.near.items() if each.processor == processor}
        return near | self.faulty | set(self.built_in)


def parse(
    document: Document, processors: Mapping[str, Processor]
) -> tuple[Setting | None, list[Finding]]:
    """Return the Setting that a document describes, or None and why not."""
    if faults := check(document, (), core("Setting")):
        return None, faults
    spec = cast("dict[str, Any]", document.get("spec"))
    schema, faults = _schema_for(document, spec["processor"], processors)
    if schema:
        try:
            try_aside(processors[spec["processor"]], "to read a Setting", spec, schema)
        except PluginError as error:
            return None, [document.fault(("spec", "processor"), str(error))]
    faults += check(document, ("spec",), schema) if schema else []
    if not schema or faults or document.refused:
        return None, faults
    folder = Path(document.file).parent
    found = formatted(spec, schema)
    paths = {path: absolute(text, folder) for path, text, kind in found if kind == "path"}
    setting = Setting(
        name=str(document.get("metadata", "name")),
        processor=spec["processor"],
        spec=replaced(spec, paths),
        description=str(document.get("metadata", "description") or ""),
        file=document.file,
        line=document.places[()].line,
    )
    return setting, []


def built_in(folders: Iterable[Path]) -> dict[str, Path]:
    """Return the name and file of every built-in Setting; a file is called as its Setting is.

    Among the folders may be single files: those of plugins that are not ours.  Raises ManifestError for one name in two folders.
    """
    found: dict[str, Path] = {}
    faults: list[Finding] = []
    for folder in folders:
        for file in yaml_files(folder) if folder.is_dir() else (folder,):
            if (other := found.setdefault(file.stem, file)) != file:
                what = f"setting {file.stem!r} comes from {other} too; remove one"
                faults.append(_file_fault(file, what))
    refuse(faults)
    return found


def read_built_in(
    folders: Iterable[Path], processors: Mapping[str, Processor]
) -> tuple[Setting, ...]:
    """Return every built-in Setting, by name; a single file that has a fault is left out.

    Raises ManifestError for a file of a folder that is not one valid Setting called as the file is.
    """
    single = faulty(folders, processors)
    files = sorted(built_in(folders).items())
    return tuple(_built_in(file, processors) for _, file in files if file not in single)


def faulty(folders: Iterable[Path], processors: Mapping[str, Processor]) -> Mapping[Path, str]:
    """Return what is wrong with the single files among the folders, each of which harms itself."""
    found = {}
    for file in folders:
        if not file.is_dir():
            try:
                _built_in(file, processors)
            except ManifestError as error:
                found[file] = str(error)
    return found


def yaml_files(folder: Path) -> list[Path]:
    """Return the YAML files in a folder, by name; none if there is no such folder."""
    return sorted(file for file in folder.glob("*") if file.suffix in SUFFIXES and file.is_file())


def _built_in(file: Path, processors: Mapping[str, Processor]) -> Setting:
    text, faults = load(file)
    found, more = documents(str(file), text) if text else ((), [])
    refuse(faults + more)
    if len(found) != 1 or found[0].get("kind") != "Setting":
        refuse([_file_fault(file, "a built-in setting is one document of kind Setting")])
    setting, faults = parse(found[0], processors)
    if setting and setting.name != file.stem:
        faults = [found[0].fault(("metadata", "name"), f"must be called as its file: {file.stem}")]
    refuse(faults)
    return cast("Setting", setting)


def _schema_for(
    document: Document, processor: str, processors: Mapping[str, Processor]
) -> tuple[Mapping[str, Any] | None, list[Finding]]:
    where = ("spec", "processor")
    if processor not in processors:
        what = advice.no_processor(processor, processors)
        return None, [document.fault(where, what)]
    schema = processors[processor].setting_schema
    if schema is None:
        what = f"processor {processor!r} has no settings; write its keys under with, in the job"
        return None, [document.fault(where, what)]
    return schema, []


def _file_fault(file: Path, what: str) -> Finding:
    return Finding(str(file), Place(), f"document: {what}")
