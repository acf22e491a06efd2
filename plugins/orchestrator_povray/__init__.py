"""The POV-Ray processor: scenes rendered by frames."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import cast

from orchestrator.api import (
    Fault,
    FrameProcessor,
    Job,
    Order,
    Processor,
    ProgramCheck,
    Secret,
    Span,
    Trouble,
    frame_text,
    hookimpl,
    version_check,
)

FORMATS = {".png": "N", ".exr": "E", ".tga": "T", ".ppm": "P", ".bmp": "B", ".jpg": "J"}
FRAME = re.compile(r"Rendering frame (\d+) of (\d+)")


class PovRay:
    """``povray`` with a range of an animation's frames."""

    name = "povray"
    title = "POV-Ray"
    keys: Mapping[str, object] = {
        "scene": {
            "description": "the scene, or an INI file that names it",
            "type": "string",
            "minLength": 1,
            "maxLength": 4096,
            "format": "path",
        },
    }
    required = ("scene",)
    watch = FRAME.pattern
    troubles = (
        Trouble(
            line=r"Cannot open input file|Could not find file '(?P<file>[^']*)'",
            says="POV-Ray does not find {file}; put it where every node sees it",
        ),
    )

    def review(self, job: Job) -> tuple[Fault, ...]:
        """Refuse a kind of file that it does not write."""
        return ()

    def reads(self, job: Job) -> tuple[tuple[str, str], ...]:
        """Return the scene."""
        return (("scene", str(job.asks["scene"])),)

    def words(self, order: Order) -> tuple[str | Secret, ...]:
        """Return the words of a segment; the whole animation gives each frame its clock."""
        first, last = frame_text(order.span.first), frame_text(order.span.last)
        frames = cast("Mapping[str, object]", order.asks["frames"])
        return (
            order.program,
            f"+I{order.where.source(str(order.asks['scene']))}",
            f"+O{order.folder}/{order.pattern.prefix}{order.pattern.ending}",
            f"+F{FORMATS[order.pattern.ending]}",
            f"+KFI{frames['start']}",
            f"+KFF{frames['end']}",
            f"+SF{first}",
            f"+EF{last}",
            "-D",
            *cast("tuple[str, ...]", order.asks.get("options", ())),
        )

    def made(self, order: Order, frame: Fraction) -> str:
        """Return POV-Ray's own name: it pads numbers to the width of the last one."""
        frames = cast("Mapping[str, object]", order.asks["frames"])
        width = len(str(frames["end"]))
        return f"{order.pattern.prefix}{int(frame):0{width}d}{order.pattern.ending}"

    def done(self, span: Span, line: str) -> int | None:
        """Return how many frames came before the one it begins."""
        hit = FRAME.search(line)
        return int(hit[1]) - 1 if hit else None


@hookimpl
def orchestrator_processors() -> Iterable[Processor]:
    """Offer `povray`."""
    return (FrameProcessor(PovRay()),)


@hookimpl
def orchestrator_programs() -> Iterable[ProgramCheck]:
    """Say how POV-Ray is found on a node."""
    return (version_check("povray", ("--version",), r"POV-Ray (?P<version>\d[\w.]*)"),)
