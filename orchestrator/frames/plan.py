"""A render job to its one target: a render and a publish task a segment, and a look at the whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, cast

from orchestrator.frames import asks, spans
from orchestrator.frames.renderer import Renderer
from orchestrator.frames.spans import Span
from orchestrator.model.work import (
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

TARGET = "frames"
Args = Mapping[str, object]


def plan(renderer: Renderer, job: Job, facts: Facts, room: Room) -> tuple[Target, ...]:
    """Return the one target of a job.

    Raises ValueError, one sentence for people, where frames are there that must stay.
    """
    frames, late = asks.span(job).frames(), asks.late(renderer, job, room)
    there = _there(facts)
    if there and not asks.skips(job) and job.if_exists is IfExists.FAIL:
        raise ValueError(_exists(renderer, job, [frames[index] for index in there]))
    is_there = set(there) if asks.skips(job) else set()
    wanted = [frame for index, frame in enumerate(frames) if index not in is_there]
    args: Args = {"tokens": late} if late else {}
    parts = _parts(job, wanted, len(frames))
    tasks = [*_of_segments(job, parts, args)]
    if asks.checks(job) or not tasks:
        tasks.append(_verify(job, tasks, args, looks=bool(is_there)))
    return (
        Target(
            name=TARGET,
            tasks=tuple(tasks),
            segments=tuple(_segments(parts)),
            destination=asks.sequence(renderer, job, late).pattern.words,
            notes=_notes(len(is_there), len(frames)),
        ),
    )


def _parts(job: Job, wanted: Sequence[Fraction], of: int) -> list[Span]:
    """Return what is rendered, in the parts of segments."""
    if asks.is_single(job):
        return [asks.span(job)] if wanted else []
    step = asks.span(job).step
    found = [asks.span(job)] if len(wanted) == of else spans.runs(wanted, step)
    return [part for run in found for part in asks.parts(job, run)]


def _segments(parts: Sequence[Span]) -> Iterator[Segment]:
    at = 0
    for index, part in enumerate(parts):
        yield Segment(index, at, at + part.count)
        at += part.count


def _of_segments(job: Job, parts: Sequence[Span], args: Args) -> Iterator[Task]:
    for segment, part in zip(_segments(parts), parts, strict=True):
        own = {**args, "span": part.data()}
        render = task_id(job.id, Kind.RENDER, TARGET, segment.index)
        yield Task(
            id=render,
            job=job,
            kind=Kind.RENDER,
            target=TARGET,
            segment=segment,
            args=own,
            weight=float(part.count),
        )
        yield Task(
            id=task_id(job.id, Kind.PUBLISH, TARGET, segment.index),
            job=job,
            kind=Kind.PUBLISH,
            target=TARGET,
            segment=segment,
            args=own,
            needs=(render,),
        )


def _verify(job: Job, tasks: Sequence[Task], args: Args, *, looks: bool) -> Task:
    """Return the task that looks at all frames where people want them.

    :param looks: some were there before, and the probe knows them
    """
    needs = [task.id for task in tasks if task.kind is Kind.PUBLISH]
    if looks:
        needs.append(task_id(job.id, Kind.PROBE))
    return Task(
        id=task_id(job.id, Kind.VERIFY, TARGET),
        job=job,
        kind=Kind.VERIFY,
        target=TARGET,
        args=args,
        needs=tuple(needs),
    )


def _there(facts: Facts) -> list[int]:
    """Return which frames stood at the destination whole, by their index, as the probe saw them."""
    told = facts.values.get("there", ())
    if isinstance(told, Mapping):
        told = json.loads(facts.files[str(told["file"])])
    runs = cast("Sequence[tuple[int, int]]", told)
    return [index for first, last in runs for index in range(first, last + 1)]


def _exists(renderer: Renderer, job: Job, frames: Sequence[Fraction]) -> str:
    """Say which frames are in the way."""
    sequence = asks.sequence(renderer, job, {})
    path = f"{sequence.pattern.folder}/{sequence.name(frames[0])}"
    more = f" (and {len(frames) - 1} more)" if len(frames) > 1 else ""
    return (
        f"{path}: exists{more}; choose another name, ifExists: replace, or skipExisting: true to "
        "render only what is missing"
    )


def _notes(there: int, of: int) -> tuple[str, ...]:
    if not there:
        return ()
    if there == of:
        return (f"all {of} frames were there already",)
    return (f"{there} of {of} frames were there already",)


def span_of(args: Mapping[str, Any]) -> Span:
    """Return the frames of a task's segment."""
    return spans.span_of(args["span"])
