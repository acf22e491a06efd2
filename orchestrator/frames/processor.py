"""A frame renderer as a processor: segments by frames, whole frames only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from orchestrator.frames import names, spans, verdicts
from orchestrator.frames.names import Pattern
from orchestrator.frames.renderer import Order, Renderer
from orchestrator.frames.schema import FRAMES_MIN, schema_of
from orchestrator.frames.spans import Span
from orchestrator.model.node import Places
from orchestrator.model.work import (
    Command,
    Facts,
    Fault,
    Job,
    Kind,
    Outcome,
    Progress,
    Result,
    Review,
    Room,
    Segment,
    Service,
    Target,
    Task,
    TaskId,
    Verdict,
    task_id,
)

TARGET = "frames"
FOLDER = "frames"
"""Below an attempt's own: the renderer's frames, and nothing else."""

WORK = "orchestrator.frames.work"


@dataclass(frozen=True, slots=True)
class FrameProcessor:
    """The processor of a renderer."""

    renderer: Renderer
    service: Service = Service.RENDER
    setting_schema: Mapping[str, object] | None = None

    @property
    def name(self) -> str:
        """The renderer's."""
        return self.renderer.name

    @property
    def schema(self) -> Mapping[str, object]:
        """What all frame renders have, and the renderer's own keys."""
        return schema_of(self.renderer)

    def review(self, job: Job) -> Review:
        """Check range and names; ask the renderer for the rest."""
        faults = [*_range_faults(job), *_name_faults(job), *self.renderer.review(job)]
        if faults:
            return Review(faults=tuple(faults))
        own = job.asks.get("executable")
        return Review(
            claims=((("destination",), str(job.asks["destination"])),),
            needs={} if own else {self.name: ()},
            runs=((("executable",), str(own)),) if own else (),
            media=tuple(((key,), path) for key, path in self.renderer.reads(job)),
        )

    def probe(self, job: Job) -> Mapping[str, object] | None:
        """Ask nothing."""
        return None

    def plan(self, job: Job, facts: Facts, room: Room) -> tuple[Target, ...]:
        """Return one target: a render and a publish task a segment."""
        parts = spans.segments(_span(job), _frames_min(job))
        segments, tasks, at = [], [], 0
        for index, part in enumerate(parts):
            segment = Segment(index, at, at + part.count)
            at = segment.end
            args = {"span": part.data()}
            render = Task(
                id=task_id(job.id, Kind.RENDER, TARGET, index),
                job=job,
                kind=Kind.RENDER,
                target=TARGET,
                segment=segment,
                args=args,
                weight=float(part.count),
            )
            publish = Task(
                id=task_id(job.id, Kind.PUBLISH, TARGET, index),
                job=job,
                kind=Kind.PUBLISH,
                target=TARGET,
                segment=segment,
                args=args,
                needs=(render.id,),
            )
            segments.append(segment)
            tasks += [render, publish]
        destination = _pattern(job).words
        return (
            Target(
                name=TARGET, tasks=tuple(tasks), segments=tuple(segments), destination=destination
            ),
        )

    def command(self, task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
        """Return the renderer's words, or those that put looked-at frames in their places."""
        if task.kind is Kind.PUBLISH:
            return _publish(task, where)
        order = self._order(task, where)
        return Command(
            self.renderer.words(order),
            watch=self.renderer.watch,
            folders=(FOLDER,),
            notice=verdicts.notice(self.renderer.troubles),
            postflight=(where.program("python"), "-m", WORK, "check"),
            input=self._wanted(order),
        )

    def progress(self, task: Task, line: str) -> Progress | None:
        """Ask the renderer; never more than the segment has."""
        if "span" not in task.args:
            return None
        span = spans.span_of(cast("Mapping[str, Any]", task.args["span"]))
        done = self.renderer.done(span, line)
        return None if done is None else Progress(max(0, min(done, span.count)))

    def check(self, task: Task, outcome: Outcome) -> Verdict:
        """Believe frames, not exit codes alone (F-KNOWN-10)."""
        return verdicts.verdict(self.renderer.troubles, task, outcome)

    def _order(self, task: Task, where: Places) -> Order:
        return Order(
            job=task.job,
            span=spans.span_of(cast("Mapping[str, Any]", task.args["span"])),
            folder=f"{where.attempt}/{FOLDER}",
            pattern=_pattern(task.job),
            where=where,
        )

    def _wanted(self, order: Order) -> Mapping[str, object]:
        """Return what must be there when the renderer has ended."""
        frames = order.span.frames()
        return {
            "folder": FOLDER,
            "frames": [[order.pattern.number(f), self.renderer.made(order, f)] for f in frames],
        }


def _publish(task: Task, where: Places) -> Command:
    pattern = _pattern(task.job)
    span = spans.span_of(cast("Mapping[str, Any]", task.args["span"]))
    (render,) = task.needs
    return Command(
        (where.program("python"), "-m", WORK, "publish"),
        input={
            "from": where.result(render),
            "folder": where.source(pattern.folder),
            "frames": [[pattern.number(f), pattern.name(f)] for f in span.frames()],
            "ifExists": task.job.if_exists.value,
        },
    )


def _span(job: Job) -> Span:
    return spans.asked(cast("Mapping[str, Any]", job.asks["frames"]))


def _frames_min(job: Job) -> int:
    return int(json.loads(str(job.asks.get("minFrames", FRAMES_MIN))))


def _pattern(job: Job) -> Pattern:
    found, span = names.pattern(str(job.asks["destination"])), _span(job)
    assert found is not None  # `review` has refused it
    return Pattern(
        folder=found.folder,
        prefix=found.prefix,
        digits=found.digits,
        suffix=found.suffix,
        decimals=names.decimals_of(span.step, span.first),
    )


def _range_faults(job: Job) -> tuple[Fault, ...]:
    try:
        _span(job)
    except ValueError as error:
        key, _, what = str(error).partition(": ")
        return (Fault(("frames", key), what),)
    return ()


def _name_faults(job: Job) -> tuple[Fault, ...]:
    if names.pattern(str(job.asks["destination"])) is None:
        what = (
            "has no place for the frame's number: all segments would write the one file; "
            "write name.####.ext"
        )
        return (Fault(("destination",), what),)
    return ()
