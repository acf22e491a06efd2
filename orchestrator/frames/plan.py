"""A render job to its targets: a render and a publish task a segment, and a look at the whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, cast

from orchestrator.frames import asks, names, preview, spans
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
    TaskId,
    task_id,
)

TARGET = "frames"
Args = Mapping[str, object]


def plan(renderer: Renderer, job: Job, facts: Facts, room: Room) -> tuple[Target, ...]:
    """Return the target of test frames, where there are some, and that of all others.

    Raises ValueError, one sentence for people, where frames are there that must stay.
    """
    frames, late = asks.span(job).frames(), asks.late(renderer, job, room)
    there = _there(facts)
    if there and not asks.skips(job) and job.if_exists is IfExists.FAIL:
        raise ValueError(_exists(renderer, job, [frames[index] for index in there]))
    is_there = set(there) if asks.skips(job) else set()
    if is_there and asks.is_single(job):
        is_there = set(range(len(frames)))
    wanted = [frame for index, frame in enumerate(frames) if index not in is_there]
    args: Args = {"tokens": late} if late else {}
    sequence = asks.sequence(renderer, job, late)
    first, last = _rendered(sequence, job, wanted, args)
    if asks.checks(job) or not (first.tasks or last.tasks):
        whole = first if first.tasks and not last.tasks else last
        needs = _published((*first.tasks, *last.tasks))
        look = _verify(job, whole.name, needs, args, looks=bool(is_there))
        first, last = (_with(each, look) for each in (first, last))
    notes = _notes(len(is_there), len(frames))
    return tuple(
        replace(each, destination=sequence.pattern.words, notes=notes)
        for each in (first, last)
        if each.tasks
    )


def _rendered(
    sequence: names.Sequence, job: Job, wanted: Sequence[Fraction], args: Args
) -> tuple[Target, Target]:
    """Return the target of test frames, and that of all others, which waits for it."""
    span = asks.span(job)
    tests = preview.picked(job.asks, span)
    among = frozenset(tests)
    ones = [Span(frame, frame, span.step) for frame in wanted if frame in among] if tests else []
    others = [frame for frame in wanted if frame not in among] if tests else wanted
    first = _target(job, preview.PREVIEW, ones, args)
    last = _target(job, TARGET, _parts(job, others, span.count), args, _published(first.tasks))
    gate = preview.gate(job.asks, [sequence.path(frame) for frame in tests])
    return first, replace(last, gate=gate if last.tasks else "")


def _target(
    job: Job, name: str, parts: Sequence[Span], args: Args, needs: tuple[TaskId, ...] = ()
) -> Target:
    """Return a target of these parts; `needs`: what is done before any of it is rendered."""
    segments = tuple(_segments(parts))
    tasks = [
        task
        for segment, part in zip(segments, parts, strict=True)
        for task in _of_segment(job, name, segment, {**args, "span": part.data()}, needs)
    ]
    return Target(name=name, tasks=tuple(tasks), segments=segments)


def _published(tasks: Sequence[Task]) -> tuple[TaskId, ...]:
    return tuple(task.id for task in tasks if task.kind is Kind.PUBLISH)


def _with(target: Target, task: Task) -> Target:
    """Return a target with a task, if it is one of it."""
    return replace(target, tasks=(*target.tasks, task)) if task.target == target.name else target


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


def _of_segment(
    job: Job, target: str, segment: Segment, args: Args, needs: tuple[TaskId, ...]
) -> Iterator[Task]:
    render = task_id(job.id, Kind.RENDER, target, segment.index)
    yield Task(
        id=render,
        job=job,
        kind=Kind.RENDER,
        target=target,
        segment=segment,
        args=args,
        needs=needs,
        weight=float(segment.frames),
    )
    yield Task(
        id=task_id(job.id, Kind.PUBLISH, target, segment.index),
        job=job,
        kind=Kind.PUBLISH,
        target=target,
        segment=segment,
        args=args,
        needs=(render,),
    )


def _verify(
    job: Job, target: str, published: tuple[TaskId, ...], args: Args, *, looks: bool
) -> Task:
    """Return the task that looks at all frames where people want them.

    :param looks: some were there before, and the probe knows them
    """
    return Task(
        id=task_id(job.id, Kind.VERIFY, target),
        job=job,
        kind=Kind.VERIFY,
        target=target,
        args=args,
        needs=(*published, task_id(job.id, Kind.PROBE)) if looks else published,
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
