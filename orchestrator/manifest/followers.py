"""Jobs that other jobs ask for: read as any job is, with their faults where they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.errors import PluginError
from orchestrator.manifest import job
from orchestrator.manifest.check import check
from orchestrator.manifest.finding import Document, Finding, Path, Place
from orchestrator.manifest.schema import core
from orchestrator.manifest.setting import Settings
from orchestrator.model.codec import canonical
from orchestrator.model.work import Follower, Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Led:
    """A job that another asks for."""

    at: Path  #: what asks for it, in the document
    parsed: job.Parsed  #: its claims and faults are of what asks for it


def of(document: Document, index: int, lead: Job, settings: Settings) -> tuple[Led, ...]:
    """Return the jobs that the one at ``spec.jobs[index]`` asks for; they come after it."""
    follow = getattr(settings.processors[lead.processor], "follow", None)
    if follow is None:
        return ()
    root: Path = ("spec", "jobs", index)
    try:
        asked = _asked(follow, lead)
    except Exception as error:  # noqa: BLE001  # the reader's door: a stranger's error has a place
        did = f"follow raised {type(error).__name__}: {error}"
        is_said = isinstance(error, PluginError)  # its plugin is not ours, and is named in it
        what = str(error) if is_said else f"processor {lead.processor!r}: {did}; tell its author"
        faults = (document.fault((*root, "processor"), what),)
        return (Led(at=root, parsed=job.Parsed(faults=faults)),)
    return tuple(
        _read(document, (*root, "with", *each.path), plain, lead, settings) for each, plain in asked
    )


def added(
    document: Document, listed: Mapping[str, Job | None], led: Iterable[Led]
) -> tuple[list[Led], list[Finding]]:
    """Return those that do not stand in the document already, and why others cannot be.

    A manifest as accepted names them all; then each stands there as it is asked for.

    :param listed: the jobs of the document by name; None: it has a fault of its own
    """
    found: dict[str, Led] = {}
    faults = [fault for each in led for fault in each.parsed.faults]
    for each in led:
        new = each.parsed.job
        if new is None:
            continue
        if new.name not in listed and new.name not in found:
            found[new.name] = each
        elif new.name in found or listed[new.name] not in (None, new):
            what = f"job {new.name!r} is there already, and is another one; rename that"
            faults.append(document.fault(each.at, what))
    return list(found.values()), faults


@dataclass(frozen=True, slots=True, kw_only=True)
class _Derived(Document):
    """A document that nobody wrote: its faults are told where it is asked for."""

    origin: Document
    at: Path

    def fault(self, path: Path, text: str, at_key: bool = False) -> Finding:
        """Return a fault of what asks for the value at `path`."""
        return self.origin.fault(self.where(path), text, at_key=at_key)

    def where(self, path: Path) -> Path:
        """Return what asks for the value at `path`: a key called as that, if there is one."""
        key = next((step for step in reversed(path) if isinstance(step, str)), "")
        whole = (*self.at, key)
        return whole if whole in self.origin.places else self.at


def _asked(
    follow: Callable[[Job], Sequence[Follower]], lead: Job
) -> list[tuple[Follower, dict[str, Any]]]:
    """Return what a stranger asks for, each with its job as plain data."""
    found = []
    for each in follow(lead):
        if not isinstance(each, Follower):
            raise TypeError(f"it answered {type(each).__name__}")
        found.append((each, json.loads(canonical({**each.job, "after": [lead.name]}))))
    return found


def _read(
    document: Document, at: Path, plain: dict[str, Any], lead: Job, settings: Settings
) -> Led:
    batch = {"metadata": {"name": lead.batch}, "spec": {"jobs": [plain]}}
    derived = _Derived(
        file=document.file, data=batch, places={(): Place()}, keys={}, origin=document, at=at
    )
    form = {"$ref": "#/$defs/job", "$defs": core("Batch")["$defs"]}
    if faults := check(derived, ("spec", "jobs", 0), form, plain):
        return Led(at=at, parsed=job.Parsed(faults=tuple(faults)))
    parsed = job.parse(derived, 0, (lead.name,), settings)
    claims = tuple((derived.where(path), file) for path, file in parsed.claims)
    return Led(at=at, parsed=replace(parsed, claims=claims))
