"""The generic processor: any program with a command line that renders frames (F-GEN-1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.api import (
    Command,
    FrameProcessor,
    Job,
    Outcome,
    Places,
    Processor,
    Progress,
    Result,
    Review,
    Task,
    TaskId,
    Verdict,
    hookimpl,
)
from orchestrator_generic.keys import SETTING
from orchestrator_generic.recipe import at, laid
from orchestrator_generic.tool import Tool


class Generic(FrameProcessor):
    """Frames of a program that each job describes, by itself or by a template."""

    def review(self, job: Job) -> Review:
        """Check words and expressions too; the program needs to be known to no plugin."""
        whole = laid(job)
        review = _of(job).review(whole)
        if review.faults:
            return review
        runs = ((at("executable", job.asks), str(whole.asks["executable"])),)
        return replace(review, needs={}, runs=runs)

    def command(self, task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
        """Return the words of the job's own format."""
        return _of(task.job).command(_laid(task), where, done)

    def progress(self, task: Task, line: str) -> Progress | None:
        """Ask the job's own expression."""
        return _of(task.job).progress(_laid(task), line)

    def check(self, task: Task, outcome: Outcome) -> Verdict:
        """Look for the job's own errors."""
        return _of(task.job).check(_laid(task), outcome)


def _of(job: Job) -> FrameProcessor:
    """Return the processor of the one program that a job describes."""
    return FrameProcessor(Tool(laid(job).asks, tuple(job.asks)))


def _laid(task: Task) -> Task:
    return replace(task, job=laid(task.job))


@hookimpl
def orchestrator_processors() -> Iterable[Processor]:
    """Offer `generic`."""
    return (Generic(Tool(), setting_schema=SETTING),)


@hookimpl
def orchestrator_settings() -> Path:
    """Offer the folder of templates."""
    return Path(__file__).parent / "settings"
