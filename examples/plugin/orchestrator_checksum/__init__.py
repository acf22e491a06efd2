"""The checksum processor: SHA-256 of many files, read by all nodes at once, as one list."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

from orchestrator.api import (
    Accept,
    Cause,
    Command,
    Facts,
    Fault,
    Job,
    Kind,
    Outcome,
    Places,
    Processor,
    Progress,
    Reject,
    Result,
    Review,
    Room,
    Segment,
    Service,
    Target,
    Task,
    TaskId,
    Verdict,
    hookimpl,
    publishing,
    task_id,
)

WORK = "orchestrator_checksum.work"
TARGET = "sums"
LIST = "sums.sha256"
MEGABYTES = 1024
DONE = re.compile(r"^done (\d+)$")

_PATH = {"type": "string", "minLength": 1, "maxLength": 4096, "format": "path"}


class Checksum:
    """Reads each file once, and leaves a list for ``sha256sum -c``."""

    name = "checksum"
    service = Service.RENDER
    setting_schema = None
    schema: Mapping[str, object] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "checksum",
        "description": "files, and the list of their SHA-256",
        "type": "object",
        "additionalProperties": False,
        "required": ["files", "destination"],
        "properties": {
            "files": {
                "description": "the files to read",
                "type": "array",
                "minItems": 1,
                "maxItems": 10_000,
                "uniqueItems": True,
                "items": {"description": "one file", **_PATH},
            },
            "destination": {
                "description": "the list to write; names in it are seen from its folder",
                **_PATH,
            },
            "segmentMegabytes": {
                "description": "what one task reads, about, in millions of bytes; default 1024",
                "type": "integer",
                "minimum": 1,
                "maximum": 1_000_000,
                "default": MEGABYTES,
            },
        },
    }

    def review(self, job: Job) -> Review:
        """Say what is read and written; a list cannot hold its own sum."""
        files, destination = _files(job), str(job.asks["destination"])
        faults = [
            Fault(("files", index), "is the list itself; leave it out, or name another destination")
            for index, file in enumerate(files)
            if posixpath.normpath(file) == posixpath.normpath(destination)
        ]
        return Review(
            faults=tuple(faults),
            media=tuple((("files", index), file) for index, file in enumerate(files)),
            claims=((("destination",), destination),),
        )

    def probe(self, job: Job) -> Mapping[str, object] | None:
        """Ask a node for the sizes: the controller need not see the files."""
        return {}

    def plan(self, job: Job, facts: Facts, room: Room) -> tuple[Target, ...]:
        """Cut the files into segments of about the same size: sum each, join, publish."""
        told = cast("Mapping[str, str]", facts.values["sizes"])
        sizes: list[int] = json.loads(facts.files[told["file"]])
        limit = int(str(job.asks.get("segmentMegabytes", MEGABYTES))) * 1_000_000
        cuts = _cuts(sizes, limit)
        segments = tuple(Segment(i, a, b) for i, (a, b) in enumerate(pairwise(cuts)))
        sums = tuple(
            _task(
                job,
                Kind.RENDER,
                (task_id(job.id, Kind.PROBE),),
                segment,
                sum(sizes[segment.start : segment.end]),
            )
            for segment in segments
        )
        joined = _task(job, Kind.ASSEMBLE, tuple(task.id for task in sums))
        published = _task(job, Kind.PUBLISH, (joined.id,))
        return (
            Target(
                name=TARGET,
                tasks=(*sums, joined, published),
                segments=segments,
                destination=str(job.asks["destination"]),
                notes=(f"{len(sizes)} files, {sum(sizes)} bytes",),
            ),
        )

    def command(self, task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
        """Return our own program on the node: what it is to do stands in its input."""
        files, destination = _files(task.job), str(task.job.asks["destination"])
        match task.kind:
            case Kind.PUBLISH:
                made = f"{where.result(task.needs[0])}/{LIST}"
                return publishing(where, [(made, destination)], task.job.if_exists)
            case Kind.ASSEMBLE:
                parts = [f"{where.result(need)}/{LIST}" for need in task.needs]
                return _work(where, "join", {"parts": parts})
            case Kind.PROBE:
                return _work(where, "sizes", {"files": [where.source(file) for file in files]})
        segment = cast("Segment", task.segment)
        folder = posixpath.dirname(destination)
        mine = files[segment.start : segment.end]
        pairs = [[where.source(file), posixpath.relpath(file, folder or "/")] for file in mine]
        return _work(where, "sums", {"files": pairs}, watch=DONE.pattern)

    def progress(self, task: Task, line: str) -> Progress | None:
        """Count the files that are read."""
        hit = DONE.match(line)
        return Progress(int(hit[1])) if hit else None

    def check(self, task: Task, outcome: Outcome) -> Verdict:
        """Count what was summed: exit code 0 proves nothing."""
        if fault := outcome.exit_fault:
            return fault
        if task.kind is Kind.RENDER and task.segment:
            found = outcome.result.get("files")
            if found != task.segment.frames:
                return Reject(f"{found} of {task.segment.frames} files were summed", Cause.FAILED)
        return Accept()


def _files(job: Job) -> Sequence[str]:
    return cast("Sequence[str]", job.asks["files"])


def _cuts(sizes: Sequence[int], limit: int) -> list[int]:
    """Return where segments begin, and the end: each but the last holds `limit` bytes or more."""
    cuts, held = [0], 0
    for index, size in enumerate(sizes, start=1):
        held += size
        if held >= limit or index == len(sizes):
            cuts.append(index)
            held = 0
    return cuts


def _task(
    job: Job,
    kind: Kind,
    needs: tuple[TaskId, ...],
    segment: Segment | None = None,
    weight: float = 0.0,
) -> Task:
    return Task(
        id=task_id(job.id, kind, TARGET, segment.index if segment else None),
        job=job,
        kind=kind,
        target=TARGET,
        segment=segment,
        needs=needs,
        weight=weight,
    )


def _work(where: Places, verb: str, asked: Mapping[str, Any], watch: str | None = None) -> Command:
    return Command((where.program("python"), "-m", WORK, verb), input=asked, watch=watch)


@hookimpl
def orchestrator_processors() -> Iterable[Processor]:
    """Offer `checksum`."""
    return (Checksum(),)
