"""What `submit` is given (files, standard input, triples of words) to batches."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import click

from orchestrator.errors import ManifestError, Refusal
from orchestrator.manifest import text
from orchestrator.manifest.batch import BatchFile, parse, read_batch
from orchestrator.manifest.files import gather
from orchestrator.manifest.finding import Finding, Place, refuse
from orchestrator.manifest.setting import Settings
from orchestrator.manifest.tree import documents
from orchestrator.manifest.write import yaml_text
from orchestrator.model.work import Batch, Priority
from orchestrator.plugin.manager import Plugins

STDIN = Path("-")

NAME_MAX = 40

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Triples:
    """Sources, settings and destinations as words, in the same order (F-CLI-3)."""

    sources: Sequence[str]
    settings: Sequence[str]
    destinations: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.sources or self.settings or self.destinations)


def read(
    files: Sequence[Path], triples: Triples, plugins: Plugins, name: str | None
) -> list[BatchFile]:
    """Return the batches that are to be submitted, each complete.

    Raises Refusal where there is nothing, or both files and triples; ManifestError with every fault
    of every file.
    """
    if bool(files) == bool(triples):
        raise Refusal(
            "submit: name job files (or - for standard input), "
            "or --source, --setting and --destination; one or the other"
        )
    if triples:
        document = _document(triples, name or "batch", plugins)
        return [_parsed(yaml_text(document).encode(), plugins)]
    if files.count(STDIN) > 1:
        raise Refusal("submit -: standard input can be read once; name it once")
    return _files(files, plugins)


def as_asked(batch: Batch, name: str | None, priority: str | None, cluster: str) -> Batch:
    """Return the batch with what was said on the command line, which counts."""
    named = replace(batch, name=name, id=name) if name else batch
    first = replace(named, priority=Priority(priority)) if priority else named
    return replace(first, cluster=cluster)


def with_batch(manifest: BatchFile, batch: Batch) -> BatchFile:
    """Return a job file's content with the batch as it is to be done."""
    return replace(manifest, batch=batch)


def _files(files: Sequence[Path], plugins: Plugins) -> list[BatchFile]:
    found, faults = list[BatchFile](), list[str]()
    for file in files:
        try:
            found.append(_file(file, plugins))
        except ManifestError as error:
            faults += error.faults
    if faults:
        raise ManifestError(tuple(faults))
    return found


def _file(file: Path, plugins: Plugins) -> BatchFile:
    if file == STDIN:
        with click.open_file("-", "rb") as stream:
            return _parsed(stream.read(text.SIZE_MAX_BYTES + 1), plugins)
    return read_batch(file, plugins.processors, plugins.settings_folders(), extras=plugins.extras())


def _parsed(content: bytes, plugins: Plugins) -> BatchFile:
    """Return the batch of a manifest that is no file; its paths start where we are."""
    words, faults = text.decode(str(STDIN), content)
    found, more = documents(str(STDIN), words) if words else ((), [])
    refuse([*faults, *more])
    batch, told = parse(
        STDIN, found, plugins.processors, plugins.settings_folders(), plugins.extras()
    )
    refuse(told)
    if batch is None:
        refuse([Finding(str(STDIN), Place(), "document: no Batch in it")])
        raise AssertionError(STDIN)
    return batch


def _document(triples: Triples, name: str, plugins: Plugins) -> Mapping[str, object]:
    counts = [len(triples.sources), len(triples.settings), len(triples.destinations)]
    if len(set(counts)) > 1:
        raise Refusal(
            "submit: --source, --setting and --destination come in threes; "
            f"there are {counts[0]}, {counts[1]} and {counts[2]}"
        )
    known, faults = gather(STDIN, (), plugins.processors, plugins.settings_folders())
    refuse(faults)
    taken: dict[str, int] = {}
    jobs = []
    for source, setting, destination in zip(
        triples.sources, triples.settings, triples.destinations, strict=True
    ):
        jobs.append(
            {
                "name": _free_name(source, taken),
                "processor": _processor(known, setting),
                "with": {
                    "source": source,
                    "outputs": [{"setting": setting, "destination": destination}],
                },
            }
        )
    return {
        "apiVersion": "orchestrator/v1",
        "kind": "Batch",
        "metadata": {"name": name},
        "spec": {"jobs": jobs},
    }


def _processor(known: Settings, name: str) -> str:
    """Return whose setting this is."""
    if (found := known.find(name)) is not None:
        return found.processor
    names = sorted({*known.near, *known.built_in})
    close = get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "orchestrator settings lists them"
    raise Refusal(f"--setting {name}: no such setting; {hint}")


def _free_name(source: str, taken: dict[str, int]) -> str:
    """Return a job's name after its source; a second one gets a number."""
    stem = _NOT_IN_NAMES.sub("-", Path(source).stem.lower()).strip("-")[:NAME_MAX].strip("-")
    name = stem or "job"
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else f"{name}.{taken[name]}"
