"""A frame renderer as a processor: segments by frames, whole frames only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.frames import asks, movie, verdicts
from orchestrator.frames.commands import Commands
from orchestrator.frames.plan import plan, span_of
from orchestrator.frames.renderer import Licensed, Renderer
from orchestrator.frames.schema import schema_of
from orchestrator.model.node import Places
from orchestrator.model.work import (
    Command,
    Facts,
    Follower,
    Job,
    Kind,
    Outcome,
    Progress,
    Result,
    Review,
    Room,
    Service,
    Target,
    Task,
    TaskId,
    Verdict,
)


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
        faults = [*asks.faults(self.renderer, job), *self.renderer.review(job)]
        if faults:
            return Review(faults=tuple(faults))
        own = job.asks.get("executable")
        return Review(
            claims=((("destination",), asks.claim(self.renderer, job)),),
            needs={} if own else {self.name: ()},
            plain=frozenset(Kind) - {Kind.RENDER},
            runs=((("executable",), str(own)),) if own else (),
            media=tuple(((key,), path) for key, path in self.renderer.reads(job)),
            licences=_licences(self.renderer, job),
        )

    def follow(self, job: Job) -> tuple[Follower, ...]:
        """Ask for the movie of the frames, where the job does."""
        return movie.follower(job, asks.span(job))

    def probe(self, job: Job) -> Mapping[str, object] | None:
        """Ask whether the scene is there, and which of the wanted frames."""
        return {}

    def plan(self, job: Job, facts: Facts, room: Room) -> tuple[Target, ...]:
        """Return a render and a publish task a segment, test frames apart, and a look at all."""
        return plan(self.renderer, job, facts, room)

    def command(self, task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
        """Return the renderer's words, or those that put looked-at frames in their places."""
        return Commands(self.renderer).of(task, where, done)

    def progress(self, task: Task, line: str) -> Progress | None:
        """Ask the renderer; never more than the segment has."""
        if "span" not in task.args:
            return None
        span = span_of(task.args)
        done = self.renderer.done(span, line)
        return None if done is None else Progress(max(0, min(done, span.count)))

    def check(self, task: Task, outcome: Outcome) -> Verdict:
        """Believe frames, not exit codes alone (F-KNOWN-10)."""
        return verdicts.verdict(self.renderer.troubles, task, outcome)


def _licences(renderer: Renderer, job: Job) -> tuple[str, ...]:
    """Return what a segment holds, as far as the renderer knows; the job may say more."""
    return renderer.licences(job) if isinstance(renderer, Licensed) else ()
