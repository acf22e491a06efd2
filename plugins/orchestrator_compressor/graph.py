"""The tasks of a target, and which need which.

probe ─┬─ (analyse) ─ encode, …  ─┬─ assemble ─ verify ─ publish
       ├─ audio ──────────────────┤
       └─ streams ────────────────┘  captions, chapters, small pictures; burned-in captions first
        (what two passes add: `sharing`)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from orchestrator.api import Job, Kind, Room, Segment, Target, Task, task_id
from orchestrator_compressor import chain, handles, quality, rates, sharing, table
from orchestrator_compressor.asks import Asks, Output
from orchestrator_compressor.facts import Source
from orchestrator_compressor.product import Picture, Product
from orchestrator_compressor.recipe import Cut
from orchestrator_compressor.table import Table

SEARCH_TRIES = 4  #: of a CRF, until one is found: a guess
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
    report: str = ""  #: where its two files go, less their endings; empty: nowhere
    average: int | None = None  #: bits a second of the pictures; None: no such rate is wanted
    rung: int | None = None  #: of a ladder: its pictures are packaged by another target
    rungs: tuple[str, ...] = ()  #: the targets that this one packages
    sound: str = ""  #: the target that encodes its sound, and that of others; empty: it does


def target(draft: Draft) -> Target:
    """Return a target with all its tasks."""
    streams = tuple(_streams(draft))
    burned = streams if draft.product.extras.burned else ()
    searches = tuple(_after(each, burned) for each in _searches(draft))
    pictures = _pictures(draft)
    encodes = (_after(each, searches) for each in pictures.encodes)
    others = (*searches, *encodes, *_sounds(draft))
    parts = (*streams, *others)
    return Target(
        name=draft.output.target,
        segments=draft.segments,
        destination=draft.destination,
        notes=tuple(dict.fromkeys(draft.notes)),
        tasks=(*streams, *pictures.before, *others, *_chain(draft, parts)),
    )


def sound(draft: Draft, name: str) -> Target:
    """Return the target `name` that encodes the sound of a draft, for it and others with the same."""
    own = replace(draft, output=replace(draft.output, target=name), sound="", rungs=())
    return Target(name=name, tasks=tuple(_sounds(own)))


def _pictures(draft: Draft) -> sharing.Work:
    """Return the encodes, and what two passes add to them."""
    encodes, picture = tuple(_encodes(draft)), draft.product.picture
    if not encodes or not picture or draft.average is None:
        return sharing.Work((), encodes)
    if not rates.has_two_passes(picture.video.rate, picture.video.codec):
        return sharing.with_average(encodes, draft.average)
    return sharing.with_analysis(encodes, lengths(draft), draft.average)


def lengths(draft: Draft) -> tuple[Fraction, ...]:
    """Return how many seconds each segment is shown."""
    assert draft.ground.table  # there are segments of it
    assert draft.product.picture
    shown = draft.product.picture.timing.output(draft.ground.table)
    ends = (*shown.pts, shown.pts[-1] + shown.last_duration)
    return tuple((ends[each.end] - ends[each.start]) * shown.tb for each in draft.segments)


def _encodes(draft: Draft) -> Iterator[Task]:
    """Yield a task for each part of the pictures."""
    picture, times = draft.product.picture, draft.ground.table
    if not picture or not times or draft.rungs:
        return
    room, cutter = draft.ground.room, _cutter(times, picture)
    burned = [task.id for task in _streams(draft) if draft.product.extras.burned]
    for segment in draft.segments:
        task = _task(draft, Kind.ENCODE, {"cut": cutter(segment).dump()})
        yield replace(
            task,
            id=task_id(task.job.id, Kind.ENCODE, task.target, segment.index),
            needs=(*task.needs, *burned),
            segment=segment,
            weight=predicted(picture, segment.frames, room),
        )


def _cutter(times: Table, picture: Picture) -> Callable[[Segment], Cut]:
    """Return what says where any part of an output is in its source."""
    out = picture.timing.output(times)
    frames, grid = chain.handle(picture.chain), picture.timing.rate or rate(out)

    def cutter(segment: Segment) -> Cut:
        return replace(handles.cut(times, out, segment, picture.timing, frames), rate=grid)

    return cutter


def _searches(draft: Draft) -> Iterator[Task]:
    """Yield the task that finds the CRF of a quality that is asked for, once for all segments."""
    picture, times = draft.product.picture, draft.ground.table
    if not picture or not times or not picture.video.quality:
        return
    cutter, length = _cutter(times, picture), picture.timing.output(times).duration
    parts = quality.samples(draft.segments[-1].end, length, picture.video.quality)
    parts = parts if times.is_rising else draft.segments  # else it cannot be cut
    args = {
        "step": sharing.SEARCH,
        "samples": [{"cut": cutter(each).dump(), "frames": each.frames} for each in parts],
    }
    frames = sum(each.frames for each in parts) * SEARCH_TRIES
    yield replace(
        _task(draft, Kind.ANALYSE, args), weight=predicted(picture, frames, draft.ground.room)
    )


def _after(task: Task, others: tuple[Task, ...]) -> Task:
    """Return a task that also needs `others`."""
    return replace(task, needs=(*task.needs, *(each.id for each in others)))


def _sounds(draft: Draft) -> Iterator[Task]:
    """Yield the task that encodes all of the sound; cut, it would gain samples at each join."""
    sounds = draft.product.sounds
    if sounds and not draft.sound:
        seconds = sum((sound.samples or 0) / sound.rate for sound in sounds)
        yield replace(
            _task(draft, Kind.AUDIO, {"tracks": len(sounds)}), weight=seconds / SOUND_SPEED
        )


def _streams(draft: Draft) -> Iterator[Task]:
    """Yield the task that makes captions, chapters and small pictures, if there are any."""
    if draft.product.extras.is_made:
        yield _task(draft, Kind.STREAMS, {})


def _chain(draft: Draft, parts: tuple[Task, ...]) -> Iterator[Task]:
    """Yield what follows: heavier than any part, so that what can be finished is finished first."""
    times, segments, picture = draft.ground.table, draft.segments, draft.product.picture
    grid = rate(picture.timing.output(times)) if times and picture else None
    args: dict[str, object] = {
        "cuts": [0, *(segment.end for segment in segments)],
        "rate": str(grid) if grid else None,
        "destination": draft.destination,
        "extras": len(draft.product.extras.files),
        **_measured(draft),
        **({"report": draft.report} if draft.report else {}),
    }
    if draft.rungs:
        args["rungs"] = list(draft.rungs)
    if draft.sound:
        args["sound"] = draft.sound
    made = [Kind.ASSEMBLE, Kind.VERIFY]
    rungs = [task_id(draft.ground.job.id, kind, rung) for rung in draft.rungs for kind in made]
    shared = [task_id(draft.ground.job.id, Kind.AUDIO, draft.sound)] if draft.sound else []
    needs = (*rungs, *shared, *(part.id for part in parts))
    beside = [part.id for part in parts if part.kind is Kind.STREAMS]
    for kind in made if draft.rung is not None else [*made, Kind.PUBLISH]:
        task = _task(draft, kind, args)
        total = sum(part.weight for part in parts)
        yield replace(task, needs=(*task.needs, *needs), weight=total)
        needs = (*needs, task.id) if kind is Kind.ASSEMBLE else (*beside, *needs[-1:], task.id)


def _measured(draft: Draft) -> dict[str, object]:
    """Return what measuring the finished file goes by: which part of the source it is."""
    times, picture = draft.ground.table, draft.product.picture
    if not draft.output.measure or not picture or not times:
        return {}
    whole = Segment(0, draft.segments[0].start, draft.segments[-1].end)
    return {"whole": _cutter(times, picture)(whole).dump()}


def _task(draft: Draft, kind: Kind, args: Mapping[str, object]) -> Task:
    """Return a task of a target that needs what the probe found."""
    job = draft.ground.job
    base = {
        "output": draft.output.number,
        "threads": draft.ground.room.threads,
        "mode": draft.ground.source.mode,
        **({} if draft.rung is None else {"rung": draft.rung}),
    }
    return Task(
        id=task_id(job.id, kind, draft.output.target),
        job=job,
        kind=kind,
        target=draft.output.target,
        args={**base, **args},
        needs=(task_id(job.id, Kind.PROBE),),
    )


def rate(times: Table | table.Output) -> Fraction | None:
    """Return the exact rate of frames that stand on a grid; None: they do not."""
    steps = {b - a for a, b in pairwise(times.pts)}
    if len(steps) != 1 or min(steps) <= 0:
        return None
    return 1 / (steps.pop() * times.tb)


def predicted(picture: Picture, frames: int, room: Room) -> float:
    """Return about how many seconds it takes to encode so many frames."""
    pixels = picture.width * picture.height * frames
    return round(pixels / (picture.video.codec.pixels_s * room.threads), 3)
