"""A Batch document to its noun: the jobs, how they stand to each other, and every fault of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, cast

from orchestrator.manifest import advice, followers, job
from orchestrator.manifest.actions import moved_away
from orchestrator.manifest.check import check, is_valid
from orchestrator.manifest.finding import Document, Finding, Path
from orchestrator.manifest.followers import Led
from orchestrator.manifest.schema import core
from orchestrator.manifest.setting import Settings
from orchestrator.manifest.times import instant, seconds
from orchestrator.model.work import Batch, Copying, Job, Priority, Review

_JOBS = ("spec", "jobs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a Batch document came to."""

    batch: Batch | None = None  #: None if something of it cannot be accepted
    reviews: Mapping[str, Review]  #: what the processors said, by job name
    faults: tuple[Finding, ...] = ()


def parse(document: Document, settings: Settings) -> Parsed:
    """Return the Batch that a document describes; its id is its name until it is numbered."""
    faults = check(document, (), core("Batch"))
    after = _order(document)
    sound = _sound(document, whole=not faults and not document.refused)
    parsed = [job.parse(document, index, after[index], settings) for index in sound]
    faults += [fault for each in parsed for fault in each.faults]
    own = dict(zip(sound, parsed, strict=True))
    led, more = _led(document, own, settings)
    faults += [*more, *_twice_named(document), *_never_ready(document, after, led)]
    faults += _start(document)
    whole = [*parsed, *(each.parsed for each in led)]
    faults += _twice_written(document, [claim for each in whole for claim in each.claims])
    jobs = tuple(each.job for each in parsed if each.job)
    reviews = {each.job.name: each.review for each in whole if each.job}
    faults += moved_away(document, jobs, reviews)
    if faults or document.refused or len(jobs) < len(_listed(document)):
        return Parsed(reviews=reviews, faults=tuple(faults))
    return Parsed(batch=_batch(document, _in_order(jobs, led)), reviews=reviews)


def _led(
    document: Document, own: Mapping[int, job.Parsed], settings: Settings
) -> tuple[list[Led], list[Finding]]:
    """Return the jobs that those of the document ask for and that do not stand there."""
    names = {_name(document, index): each.job for index, each in own.items()}
    asked = [
        each
        for index, lead in own.items()
        if lead.job
        for each in followers.of(document, index, lead.job, settings)
    ]
    return followers.added(document, names, asked)


def _in_order(jobs: Sequence[Job], led: Sequence[Led]) -> tuple[Job, ...]:
    """Return all jobs, each behind the one that asks for it."""
    found = [each.parsed.job for each in led if each.parsed.job]
    return tuple(
        each for lead in jobs for each in (lead, *(one for one in found if lead.name in one.after))
    )


def _listed(document: Document) -> list[object]:
    listed = document.get(*_JOBS)
    return listed if isinstance(listed, list) else []


def _sound(document: Document, *, whole: bool) -> list[int]:
    """Return the jobs whose own form is right: a fault elsewhere does not hide theirs."""
    form = core("Batch")
    refused = {path[2] for path in document.refused if path[:2] == _JOBS and len(path) > 2}
    return [
        index
        for index, each in enumerate(_listed(document))
        if whole or (index not in refused and is_valid(each, form["$defs"]["job"], form))
    ]


def _name(document: Document, index: int) -> str:
    return str(document.get(*_JOBS, index, "name"))


def _order(document: Document) -> dict[int, tuple[str, ...]]:
    """Return the names that each job comes after; in a serialized batch, the one before it too."""
    order = {}
    for index in range(len(_listed(document))):
        after = document.get(*_JOBS, index, "after")
        names = [str(name) for name in after] if isinstance(after, list) else []
        if document.get("spec", "serialize") is True and index:
            names.append(_name(document, index - 1))
        order[index] = tuple(dict.fromkeys(names))
    return order


def _twice_named(document: Document) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index in range(len(_listed(document))):
        name = _name(document, index)
        if (other := first.setdefault(name, index)) != index and name != "None":
            line = document.places[(*_JOBS, other)].line
            what = f"job {name!r} stands in line {line} already; give it another name"
            yield document.fault((*_JOBS, index, "name"), what)


def _never_ready(
    document: Document, order: Mapping[int, tuple[str, ...]], led: Sequence[Led]
) -> Iterator[Finding]:
    """Yield jobs that come after none there is, and one circle of jobs that wait for each other."""
    more = {each.parsed.job.name: each.parsed.job.after for each in led if each.parsed.job}
    names = [*(_name(document, index) for index in order), *more]
    for index, after in order.items():
        for position, name in enumerate(after):
            if name not in names:
                what = f"no job {advice.shown(name)} in this batch; {advice.meant(name, names)}"
                yield document.fault((*_JOBS, index, "after", position), what)
    try:
        comes = (*order.values(), *more.values())
        TopologicalSorter(dict(zip(names, comes, strict=True))).prepare()
    except CycleError as error:
        circle = cast("list[str]", error.args[1])[:0:-1]
        start = min(range(len(circle)), key=lambda at: names.index(circle[at]))
        ring = [*circle[start:], *circle[: start + 1]]
        why = " (serialize: each after the one before)" if document.get("spec", "serialize") else ""
        what = f"jobs wait for each other: {' -> '.join(ring)}{why}; remove one after"
        yield document.fault((*_JOBS, names.index(ring[0]), "after"), what)


def _twice_written(document: Document, claims: list[tuple[Path, str]]) -> Iterator[Finding]:
    first: dict[str, Path] = {}
    for path, file in claims:
        if (other := first.setdefault(os.path.normpath(file), path)) != path:
            line = document.fault(other, "").place.line
            what = f"line {line} writes {file} already; name another file"
            yield document.fault(path, what)


def _start(document: Document) -> Iterator[Finding]:
    when, form = document.get("spec", "notBefore"), core("Batch")
    rule = form["properties"]["spec"]["properties"]["notBefore"]
    if not is_valid(when, rule, form):
        return
    if document.get("spec", "delay") is not None:
        yield document.fault(("spec", "notBefore"), "not together with delay; remove one")
    try:
        instant(str(when))
    except (ValueError, OverflowError):
        what = f"{advice.shown(when)} is no date and time there is; write it as 2026-05-04T20:00"
        yield document.fault(("spec", "notBefore"), what)


def _batch(document: Document, jobs: tuple[Job, ...]) -> Batch:
    spec = cast("dict[str, Any]", document.get("spec"))
    metadata = cast("dict[str, Any]", document.get("metadata"))
    return Batch(
        id=metadata["name"],
        name=metadata["name"],
        jobs=jobs,
        cluster=spec.get("cluster", "this-computer"),
        plus=spec.get("plus", False),
        priority=Priority(spec.get("priority", "medium")),
        not_before=instant(spec["notBefore"]) if "notBefore" in spec else None,
        delay_s=seconds(spec["delay"]) if "delay" in spec else None,
        copy=Copying(spec["copy"]) if "copy" in spec else None,
        copy_at_submit=spec.get("copyAtSubmit", False),
        notify={"to": spec["notify"]["to"]} if spec.get("notify", {}).get("to") else {},
        annotations=metadata.get("annotations", {}),
    )
