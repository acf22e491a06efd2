"""The processor: asks `asks`, `plan`, `commands`, `check`; holds nothing but its schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import cast

from orchestrator.api import (
    Command,
    Facts,
    Job,
    Outcome,
    Places,
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
from orchestrator_compressor import asks, check, commands, override, plan, size
from orchestrator_compressor.steps import probe

FRAME = re.compile(r"frame=(\d{1,15})(?: fps=(\d{1,15}(?:\.\d{1,15})?))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressor:
    """Encodes a source in parts such that nobody can tell; see the README of this plugin."""

    schema: Mapping[str, object]
    setting_schema: Mapping[str, object] | None
    name: str = "compressor"
    service: Service = Service.COMPRESSOR

    def review(self, job: Job) -> Review:
        """Look at settings and destinations; nothing is opened."""
        return asks.review(job)

    def probe(self, job: Job) -> Mapping[str, object] | None:
        """Ask for the source's table of times, streams, and destinations that exist."""
        return probe.args(job)

    def plan(self, job: Job, facts: Facts, room: Room) -> tuple[Target, ...]:
        """Return a target for each output, cut by the length rule or as the job says."""
        return plan.plan(job, facts, room)

    def size(self, job: Job, facts: Facts, frames: Mapping[str, int]) -> int:
        """Estimate what its outputs take while they are made, by codec, size and length."""
        return size.job_bytes(job, facts, frames)

    def command(self, task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
        """Return our own program on the node, with ffmpeg's words after ``--``."""
        return commands.command(task, where, done)

    def progress(self, task: Task, line: str) -> Progress | None:
        """Read ``frame=N fps=F``."""
        found = FRAME.match(line)
        if not found:
            return None
        return Progress(int(found[1]), float(found[2]) if found[2] else None)

    def check(self, task: Task, outcome: Outcome) -> Verdict:
        """Compare the numbers that the node found with those of the plan."""
        return check.check(task, outcome)


def load() -> Compressor:
    """Return the processor with the schemas that lie beside this file."""
    of_setting = _schema("setting")
    of_job = override.schema(_schema("with"), of_setting)
    return Compressor(schema=of_job, setting_schema=of_setting)


def _schema(name: str) -> Mapping[str, object]:
    text = resources.files(__package__).joinpath(f"{name}.schema.json").read_text("utf-8")
    return cast("Mapping[str, object]", json.loads(text))
