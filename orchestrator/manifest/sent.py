"""A submission as the controller reads it: texts of a client, and no file of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path as File

from orchestrator.manifest import batch, files
from orchestrator.manifest.actions import unread
from orchestrator.manifest.batch import BatchFile
from orchestrator.manifest.finding import Document, Finding, Path, Place, refuse
from orchestrator.manifest.formats import ABSOLUTE, formatted
from orchestrator.manifest.job import slow
from orchestrator.manifest.laid import laid
from orchestrator.manifest.schema import Processor
from orchestrator.manifest.text import decode
from orchestrator.model.default import NO_EXTRAS, Extras
from orchestrator.model.talk import Sheet

NOWHERE = File(os.devnull) / "sent.yaml"
"""Where a submission lies for who looks beside it: nothing is there."""

_JOBS = ("spec", "jobs")


def parse_sent(
    sheets: Sequence[Sheet],
    processors: Mapping[str, Processor],
    folders: Iterable[File],
    extras: Extras = NO_EXTRAS,
) -> BatchFile:
    """Return the one Batch of the texts; its Settings are theirs, or built in.

    Raises ManifestError naming every fault.  A relative path is one: only the client knows what it
    is relative to.

    :param processors: by name
    :param folders: of the built-in Settings
    :param extras: what else plugins say of jobs
    """
    found: list[Document] = []
    faults: list[Finding] = []
    for sheet in sheets:
        text, unread = decode(sheet.name, sheet.text.encode("utf-8", "surrogatepass"))
        documents, told = files.parse(sheet.name, text) if text else ((), [])
        faults += [*unread, *told]
        found += [laid(each, extras.defaults) for each in documents]
    faults += [fault for each in found for fault in _relative(each, processors)]
    refuse(faults)
    whole, more = batch.parse(NOWHERE, found, processors, folders, extras)
    refuse([_at(fault, sheets) for fault in more])
    if whole is None:  # cannot be: without a fault there is a batch
        raise AssertionError(sheets)
    return whole


def _at(fault: Finding, sheets: Sequence[Sheet]) -> Finding:
    """Return a fault of the whole as one of the first text."""
    name = sheets[0].name if sheets else "document"
    return Finding(name, Place(), fault.text) if fault.file == str(NOWHERE) else fault


def _relative(document: Document, processors: Mapping[str, Processor]) -> Iterator[Finding]:
    """Yield the paths of a Batch that are not absolute."""
    jobs = document.get(*_JOBS) if document.get("kind") == "Batch" else None
    for index in range(len(jobs) if isinstance(jobs, list) else 0):
        yield from unread(document, (*_JOBS, index, "actions"))
        processor = processors.get(str(document.get(*_JOBS, index, "processor")))
        if processor and (told := slow(document, (*_JOBS, index), processor)):
            yield told
            continue
        for path, text in _paths(document, index, processors):
            if not text.startswith(("/", *ABSOLUTE)):
                what = f"{text!r} is relative; write it from / on (`submit` does that)"
                yield document.fault(path, what)


def _paths(
    document: Document, index: int, processors: Mapping[str, Processor]
) -> Iterator[tuple[Path, str]]:
    """Yield the paths that a job names, and where."""
    root = (*_JOBS, index)
    where = document.get(*root, "workingDirectory")
    if isinstance(where, str):
        yield (*root, "workingDirectory"), where
    processor = processors.get(str(document.get(*root, "processor")))
    for path, text, kind in (
        formatted(document.get(*root, "with"), processor.schema) if processor else ()
    ):
        if kind == "path":
            yield (*root, "with", *path), text
