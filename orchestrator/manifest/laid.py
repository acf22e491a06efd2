"""What plugins lay under the jobs of a document, before it is checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from orchestrator.manifest.finding import Document, Path
from orchestrator.model.default import Defaults

_JOBS = ("spec", "jobs")


def laid(document: Document, defaults: Defaults) -> Document:
    """Return a Batch's document with defaults where its jobs say nothing; any other as it is.

    A fault of what was laid names the plugin and no line of the file.  Done twice, it is done once.
    """
    spec, listed = document.get("spec"), document.get(*_JOBS)
    if document.get("kind") != "Batch" or not isinstance(listed, list):
        return document
    jobs, whose = list[object](), dict(document.laid)
    for index, job in enumerate(listed):
        if isinstance(job, dict):
            job = dict(job)
            whose |= {(*_JOBS, index, *path): plugin for path, plugin in _under(job, defaults)}
        jobs.append(job)
    if not isinstance(spec, dict) or not isinstance(document.data, dict) or not whose:
        return document
    data = {**document.data, "spec": {**spec, "jobs": jobs}}
    return replace(document, data=data, laid=whose)


def _under(job: dict[str, Any], defaults: Defaults) -> Iterator[tuple[Path, str]]:
    """Lay defaults under a job; yield where each was, and whose it is."""
    name = job.get("processor")
    for each in defaults(name) if isinstance(name, str) else ():
        key, inner = each.path[0], each.path[1:]
        if not inner:
            if key in job:
                continue
            job[key] = each.value
        else:
            own = job.get(key, {})
            if not isinstance(own, dict) or inner[0] in own:
                continue
            job[key] = {**own, inner[0]: each.value}
        yield each.path, each.plugin
