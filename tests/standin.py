"""The plugin half of `standin_render`: a renderer as a stranger would describe one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from orchestrator.api import (
    Fault,
    FrameProcessor,
    Job,
    Order,
    Processor,
    Secret,
    Span,
    Trouble,
    frame_text,
    hookimpl,
)

PROGRAM = Path(__file__).with_name("standin_render.py")
TEXT = {"description": "a path", "type": "string", "format": "path"}


class StandIn:
    """Renders what its scene says."""

    name = "standin"
    title = "Stand-in"
    keys: ClassVar[Mapping[str, object]] = {"scene": TEXT}
    required = ("scene",)
    watch = r"^Frame (\S+) (\S+) done"
    troubles = (Trouble(line=r"no texture (?P<file>\S+)", says="texture {file} is not there"),)

    def review(self, job: Job) -> tuple[Fault, ...]:
        return ()

    def reads(self, job: Job) -> tuple[tuple[str, str], ...]:
        return (("scene", str(job.asks["scene"])),)

    def words(self, order: Order) -> tuple[str | Secret, ...]:
        span = order.span
        scene = order.where.source(str(order.asks["scene"]))
        numbers = (frame_text(each) for each in (span.first, span.last, span.step))
        python = order.where.program("python")
        return (python, str(PROGRAM), scene, *numbers, f"{order.folder}/{self._name('#')}", "3")

    def made(self, order: Order, frame: Fraction) -> str:
        return self._name(f"{float(frame):03g}")

    def done(self, span: Span, line: str) -> int | None:
        return int((Fraction(line.split()[2]) - span.first) / span.step) + 1

    def _name(self, number: str) -> str:
        return f"made {number}.png"


@hookimpl
def orchestrator_processors() -> Iterable[Processor]:
    return (FrameProcessor(StandIn(), setting_schema=None),)
