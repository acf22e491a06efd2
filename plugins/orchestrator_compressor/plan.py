"""A probed source to targets: segments, destinations, and the graph of their tasks.

probe ─┬─ encode, …  ─┬─ assemble ─ verify ─ publish
       └─ audio ──────┘
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from orchestrator.api import (
    Facts,
    IfExists,
    Job,
    Kind,
    Room,
    Segment,
    Target,
    Task,
    task_id,
)
from orchestrator_compressor import asks, chain, cuts, facts, table
from orchestrator_compressor.asks import Asks, Output
from orchestrator_compressor.codecs import ENDINGS
from orchestrator_compressor.destination import rate_text
from orchestrator_compressor.facts import PACKETS, Source
from orchestrator_compressor.product import Picture, Product, settle
from orchestrator_compressor.recipe import Cut
from orchestrator_compressor.settings import Setting
from orchestrator_compressor.table import Table

SMALL_WORK_S = 120.0  #: below this a job is not worth the network: one node's slots are counted
SOUND_SPEED = 50.0  #: seconds of sound encoded a second, a guess: only the order counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every target of a job is planned on."""

    job: Job
    asks: Asks
    source: Source
    table: Table | None  #: None: the source has no pictures
    room: Room


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one target is made of."""

    ground: Ground
    output: Output
    product: Product
    segments: tuple[Segment, ...]
    destination: str
    notes: tuple[str, ...]


def plan(job: Job, found: Facts, room: Room) -> tuple[Target, ...]:
    """Return one target for each output.

    Raises ValueError, one sentence for people, where the source lacks what an output needs, or
    its destination cannot be written.
    """
    if why := facts.absent(found.values):
        raise ValueError(why)
    source = facts.read(found.values)
    wanted = asks.read(job)
    times = table.load(found.files.get(source.table_file, b"")) if source.video else None
    ground = Ground(job=job, asks=wanted, source=source, table=times, room=room)
    drafts = tuple(_draft(ground, output) for output in wanted.outputs)
    _check_destinations(drafts)
    return tuple(_target(draft) for draft in drafts)


def _draft(ground: Ground, output: Output) -> Draft:
    product = settle(output.setting, ground.source)
    segments: tuple[Segment, ...] = ()
    notes = product.notes
    if product.picture and ground.table:
        segments, why = _segments(ground.table, ground, product.picture, output.setting)
        notes = (*notes, *why)
    late = _late(ground, product, len(segments))
    if text := asks.astray(ground.job, ground.asks, output, late):
        raise ValueError(f"destination of {output.setting.name}: {text}")
    path = asks.filled(ground.job, ground.asks, output, late)
    return Draft(
        ground=ground,
        output=output,
        product=product,
        segments=segments,
        destination=path,
        notes=(*notes, *_ending_notes(path, output.setting)),
    )


def _target(draft: Draft) -> Target:
    parts = (*_encodes(draft), *_sounds(draft))
    return Target(
        name=draft.output.target,
        segments=draft.segments,
        destination=draft.destination,
        notes=tuple(dict.fromkeys(draft.notes)),
        tasks=(*parts, *_chain(draft, parts)),
    )


def _segments(
    times: Table, ground: Ground, picture: Picture, setting: Setting
) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """Return the segments of a target and, where it is one against the rule, why."""
    whole, split = f"{setting.name}: encoded as one segment:", ground.job.split
    if not setting.allow_segmenting:
        return cuts.whole(times), (f"{whole} its setting says allowSegmenting: false",)
    if not times.is_rising:
        return cuts.whole(times), (f"{whole} the times of the source's frames do not rise",)
    if why := chain.why_whole(picture.chain):
        return cuts.whole(times), (f"{whole} {why}",)
    work_s = _predicted(picture, len(times.pts), ground.room)
    small = split.spread == "auto" and work_s < SMALL_WORK_S
    slots = ground.room.node_instances if small else ground.room.instances
    rule = cuts.Rule(slots=max(1, slots), intra=picture.video.codec.intra)
    return cuts.cut(times, split, rule), ()


def _encodes(draft: Draft) -> Iterator[Task]:
    """Yield a task for each part of the pictures."""
    picture, times = draft.product.picture, draft.ground.table
    if not picture or not times:
        return
    room, grid = draft.ground.room, rate(times)
    for segment in draft.segments:
        task = _task(draft, Kind.ENCODE, {"cut": cut(times, segment, grid).dump()})
        yield replace(
            task,
            id=task_id(task.job.id, Kind.ENCODE, task.target, segment.index),
            segment=segment,
            weight=_predicted(picture, segment.frames, room),
        )


def _sounds(draft: Draft) -> Iterator[Task]:
    """Yield the task that encodes all of the sound; cut, it would gain samples at each join."""
    if sound := draft.product.sound:
        seconds = (sound.samples or 0) / sound.rate
        yield replace(_task(draft, Kind.AUDIO, {}), weight=seconds / SOUND_SPEED)


def _chain(draft: Draft, parts: tuple[Task, ...]) -> Iterator[Task]:
    """Yield what follows: heavier than any part, so that what can be finished is finished first."""
    times, segments = draft.ground.table, draft.segments
    args = {
        "cuts": [0, *(segment.end for segment in segments)],
        "rate": str(rate(times)) if times and segments and rate(times) else None,
        "destination": draft.destination,
    }
    needs = tuple(part.id for part in parts)
    for kind in (Kind.ASSEMBLE, Kind.VERIFY, Kind.PUBLISH):
        task = _task(draft, kind, args)
        total = sum(part.weight for part in parts)
        yield replace(task, needs=(*task.needs, *needs), weight=total)
        needs = (*needs, task.id) if kind is Kind.ASSEMBLE else (*needs[-1:], task.id)


def _task(draft: Draft, kind: Kind, args: Mapping[str, object]) -> Task:
    """Return a task of a target that needs what the probe found."""
    job = draft.ground.job
    base = {
        "output": draft.output.number,
        "threads": draft.ground.room.threads,
        "mode": draft.ground.source.mode,
    }
    return Task(
        id=task_id(job.id, kind, draft.output.target),
        job=job,
        kind=kind,
        target=draft.output.target,
        args={**base, **args},
        needs=(task_id(job.id, Kind.PROBE),),
    )


def rate(times: Table) -> Fraction | None:
    """Return the exact rate of a source whose frames stand on a grid; None: they do not."""
    steps = {b - a for a, b in pairwise(times.pts)}
    if len(steps) != 1 or min(steps) <= 0:
        return None
    return 1 / (steps.pop() * times.tb)


def cut(times: Table, segment: Segment, grid: Fraction | None) -> Cut:
    """Return where a segment is in its source; `grid` is the rate, where there is one."""
    is_last = segment.end == len(times.pts)  # a surplus frame must meet the gate, not vanish
    return Cut(
        start=times.pts[segment.start],
        end=None if is_last else times.pts[segment.end],
        tb=times.tb,
        seek=times.seek(segment.start),
        rate=grid,
    )


def _predicted(picture: Picture, frames: int, room: Room) -> float:
    """Return about how many seconds it takes to encode so many frames."""
    pixels = picture.width * picture.height * frames
    return round(pixels / (picture.video.codec.pixels_s * room.threads), 3)


def _late(ground: Ground, product: Product, segments: int) -> dict[str, str]:
    """Return the tokens that the manifest does not tell."""
    folder = ground.room.storage or posixpath.dirname(ground.asks.source)
    late = {"date": ground.room.date, "storage": folder}
    if picture := product.picture:
        late |= {
            "width": str(picture.width),
            "height": str(picture.height),
            "fps": rate_text(picture.rate),
            "segments": str(segments),
        }
    return late


def _ending_notes(path: str, setting: Setting) -> tuple[str, ...]:
    if posixpath.splitext(path)[1].lower() in ENDINGS[setting.container]:
        return ()
    return (f"{path}: written as named, though it holds {setting.container}",)


def _check_destinations(drafts: tuple[Draft, ...]) -> None:
    """Refuse two outputs in one file, the source itself, and what must not be replaced."""
    taken: dict[str, str] = {}
    for draft in drafts:
        path, name = draft.destination, draft.output.setting.name
        if path == draft.ground.asks.source:
            raise ValueError(f"{path}: setting {name} would replace its source; name another")
        if draft.output.if_exists is IfExists.NUMBER:
            continue
        if other := taken.get(path):
            raise ValueError(f"{path}: written by both {other} and {name}; add a token to one")
        taken[path] = name
        first = draft.ground.source.mode == PACKETS  # a second plan may find what the first wrote
        if (
            draft.output.if_exists is IfExists.FAIL
            and first
            and path in draft.ground.source.existing
        ):
            raise ValueError(f"{path}: exists; choose another name, or ifExists: replace | number")
