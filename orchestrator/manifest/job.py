"""One job of a Batch document to its noun: paths, settings, times, and what its processor says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path as Folder
from typing import Any, cast

from orchestrator.decide import versions
from orchestrator.errors import PluginError
from orchestrator.manifest import advice
from orchestrator.manifest.actions import rooted
from orchestrator.manifest.check import check
from orchestrator.manifest.finding import Document, Finding, Path
from orchestrator.manifest.formats import absolute, formatted, replaced, try_aside
from orchestrator.manifest.schema import Processor
from orchestrator.manifest.setting import Settings
from orchestrator.manifest.times import seconds
from orchestrator.model.offers import why_not
from orchestrator.model.work import IfExists, Job, Review, Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a job came to."""

    job: Job | None = None  #: None if something of it cannot be accepted
    review: Review = field(default_factory=Review)
    claims: tuple[tuple[Path, str], ...] = ()  #: (path in the document, file it writes)
    faults: tuple[Finding, ...] = ()


def parse(document: Document, index: int, after: tuple[str, ...], settings: Settings) -> Parsed:
    """Return the job at ``spec.jobs[index]``, which fits the schema of a Batch.

    :param after: the names of the jobs it comes after
    """
    root: Path = ("spec", "jobs", index)
    spec = {"with": {}, **cast("dict[str, Any]", document.get(*root))}
    name = spec["processor"]
    if name not in settings.processors:
        what = advice.no_processor(name, settings.processors)
        return Parsed(faults=(document.fault((*root, "processor"), what),))
    processor = settings.processors[name]
    asks = _Asks(document, (*root, "with"), processor, settings)
    if told := slow(document, root, processor):
        return Parsed(faults=(told,))
    faults = check(document, asks.root, processor.schema, spec["with"])
    found = list(formatted(spec["with"], processor.schema))
    named = {path: text for path, text, kind in found if kind == "setting"}
    faults += [fault for path, text in named.items() for fault in _unfit(asks, path, text)]
    faults += [*_odd(document, root, spec), *_unmet(document, root, settings)]
    specs = {text: settings.find(text) for text in named.values()}
    if faults or None in specs.values():
        return Parsed(faults=tuple(faults))
    folder = Folder(document.file).parent
    paths = {path: absolute(text, folder) for path, text, kind in found if kind == "path"}
    job = replace(
        _job(document, {**spec, "with": replaced(spec["with"], paths)}),
        after=after,
        service=processor.service,
        settings={text: setting.spec for text, setting in specs.items() if setting},
    )
    return _review(asks, job)


def slow(document: Document, root: Path, processor: Processor) -> Finding | None:
    """Return the fault of a plugin whose schema cannot be held against the job at `root`."""
    asks = document.get(*root, "with") or {}
    try:
        try_aside(processor, "to read `with`", asks, processor.schema)
    except PluginError as error:
        return document.fault((*root, "processor"), str(error))
    return None


@dataclass(frozen=True, slots=True)
class _Asks:
    """A job's ``with``, as it stands in a document."""

    document: Document
    root: Path
    processor: Processor
    settings: Settings


def _review(asks: _Asks, job: Job) -> Parsed:
    """Ask the processor what it says of the whole."""
    try:
        review = asks.processor.review(job)
    except PluginError as error:  # its plugin is not ours, and is named in it
        place = (*asks.root[:-1], "processor")
        return Parsed(faults=(asks.document.fault(place, str(error)),))
    told = tuple(asks.document.fault((*asks.root, *each.path), each.text) for each in review.faults)
    claims = tuple(((*asks.root, *path), file) for path, file in review.claims)
    return Parsed(job=None if told else job, review=review, claims=claims, faults=told)


def _unfit(asks: _Asks, path: Path, name: str) -> Iterator[Finding]:
    """Yield why a setting cannot be used here; nothing if its own fault was told already."""
    if name in asks.settings.faulty:
        return
    where, wanted = (*asks.root, *path), asks.processor.name
    setting = asks.settings.find(name)
    if setting is None:
        hint = advice.meant(name, asks.settings.names(wanted))
        why = why_not(asks.settings.processors, "setting", name)
        what = (
            f"setting {name!r}: {why}" if why else f"unknown setting {advice.shown(name)}; {hint}"
        )
        yield asks.document.fault(where, what)
    elif setting.processor != wanted:
        what = f"setting {name!r} is for {setting.processor}, not for {wanted}; name another"
        yield asks.document.fault(where, what)


def _odd(document: Document, root: Path, spec: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong between keys that are each right."""
    for key in ("timeout", "stallAfter"):
        if key in spec and seconds(spec[key]) == 0:
            yield document.fault(
                (*root, key), "no time at all; write more than 0s, or leave it out"
            )
    segments = spec.get("segments", {})
    if len(ways := [key for key in ("seconds", "frames", "cuts") if key in segments]) > 1:
        what = f"{' and '.join(ways)} exclude each other; keep one"
        yield document.fault((*root, "segments"), what)
    cuts = segments.get("cuts", [])
    for index, (one, two) in enumerate(pairwise(cuts), start=1):
        if two <= one:
            what = f"cut {two} does not follow {one}; cuts rise"
            yield document.fault((*root, "segments", "cuts", index), what)


def _unmet(document: Document, root: Path, settings: Settings) -> Iterator[Finding]:
    """Yield what a job requires that no node can be asked for."""
    requires = cast("Mapping[str, str]", document.get(*root, "requires") or {})
    for name, condition in requires.items():
        where = (*root, "requires", name)
        if settings.means is not None and name not in settings.means:
            hint = advice.meant(name, settings.means)
            what = f"no plugin looks for {advice.shown(name)} on a node; {hint}"
            yield document.fault(where, what)
        if what := versions.fault(condition):
            yield document.fault(where, what)


def _job(document: Document, spec: Mapping[str, Any]) -> Job:
    folder = Folder(document.file).parent
    where = spec.get("workingDirectory")
    return Job(
        id=f"{document.get('metadata', 'name')}/{spec['name']}",
        name=spec["name"],
        processor=spec["processor"],
        asks=spec["with"],
        requires=spec.get("requires", {}),
        env=spec.get("env", {}),
        preflight=tuple(spec.get("preflight", ())),
        working_directory=absolute(where, folder) if where else None,
        timeout_s=seconds(spec["timeout"]) if "timeout" in spec else None,
        stall_s=seconds(spec["stallAfter"]) if "stallAfter" in spec else None,
        if_exists=IfExists(spec.get("ifExists", "fail")),
        split=_split(spec.get("segments", {})),
        on_decode_errors=spec.get("onDecodeErrors", "fail"),
        actions=rooted(spec.get("actions", ()), folder),
        licences=tuple(spec.get("licences", ())),
    )


def _split(segments: Mapping[str, Any]) -> Split:
    return Split(
        seconds=float(segments["seconds"]) if "seconds" in segments else None,
        frames=segments.get("frames"),
        cuts=tuple(segments["cuts"]) if "cuts" in segments else None,
        spread=segments.get("spread", "auto"),
        scenes=segments.get("scenes", "auto"),
    )
