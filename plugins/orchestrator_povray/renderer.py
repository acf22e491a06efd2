"""POV-Ray as a renderer: its command, the names it gives, and what its output says."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import cast

from orchestrator.api import Fault, Job, Order, Secret, Span, Trouble
from orchestrator_povray import keys
from orchestrator_povray.loop import loop_of, whole
from orchestrator_povray.troubles import TROUBLES

FORMATS: Mapping[str, tuple[str, str]] = {
    ".bmp": ("B", ".bmp"),
    ".exr": ("E", ".exr"),
    ".hdr": ("H", ".hdr"),
    ".jpeg": ("J", ".jpg"),
    ".jpg": ("J", ".jpg"),
    ".png": ("N", ".png"),
    ".ppm": ("P", ".ppm"),
    ".tga": ("T", ".tga"),
}
"""Ending people want -> letter of the format, ending that POV-Ray gives it."""

DEEP = "NP"
"""Formats that may have other bits than 8."""

NAME = "frame"
"""What its files are called in the attempt's folder: it reads no names but plain ones."""

FRAME = re.compile(r"Rendering frame (\d+) of (\d+)")
PIXELS = re.compile(r"Rendered (\d+) of ([1-9]\d*) pixels")
WATCH = rf"Rendering frame \d+ of \d+|{PIXELS.pattern}"

OURS = re.compile(
    r"[+-](?:[IOKD]|F|SF|EF|STP)"
    r"|(?:Input_File|Output_(?:File|to)|Initial_|Final_|Subset_|Frame_Step|Clock|Display)[^=]*=",
    re.IGNORECASE,
)
"""Options that would name other frames, or put them elsewhere: keys say these."""


class PovRay:
    """``povray`` with a part of an animation's frames."""

    name = "povray"
    title = "POV-Ray"
    keys: Mapping[str, object] = keys.KEYS
    required = ("scene",)
    watch = WATCH
    troubles: tuple[Trouble, ...] = TROUBLES

    def review(self, job: Job) -> tuple[Fault, ...]:
        """Refuse what POV-Ray cannot write, read or number, and options that keys stand for."""
        return (*_file_faults(job), *_format_faults(job), *_range_faults(job), *_option_faults(job))

    def reads(self, job: Job) -> tuple[tuple[str, str], ...]:
        """Return the scene and the files it is read with; folders are looked through, not read."""
        files = [each for each in keys.named(job) if each[0] != "library"]
        return tuple((key, keys.without_section(path)) for key, path in files)

    def words(self, order: Order) -> tuple[str | Secret, ...]:
        """Return the words of a segment: the clock is that of the whole animation."""
        letter, _ = FORMATS[order.pattern.ending.lower()]
        return (
            order.program,
            *keys.words(order),
            *cast("tuple[str, ...]", order.asks.get("options", ())),
            f"+O{keys.quoted(_below(order))}",
            f"+F{letter}{order.asks.get('bits', '')}",
            *loop_of(order.job).words(order.span),
            "-D",
        )

    def made(self, order: Order, frame: Fraction) -> str:
        """Return POV-Ray's own name: it pads numbers to the width of the animation's last."""
        loop, (_, ending) = loop_of(order.job), FORMATS[order.pattern.ending.lower()]
        return f"{NAME}{loop.number(frame):0{loop.digits}d}{ending}"

    def done(self, span: Span, line: str) -> float | None:
        """Return how many frames came before the one it begins; of a single one, the part.

        With a step, POV-Ray 3.7 counts the frames between too, and 3.8 does not.
        """
        hit, pixels = FRAME.search(line), PIXELS.search(line)
        if pixels and span.count == 1:  # of several, it does not say here which one it is at
            return min(1.0, int(pixels[1]) / int(pixels[2]))
        if hit is None:
            return None
        before, total = int(hit[1]) - 1, int(hit[2])
        return before if total == span.count else before * span.count // max(total, 1)


def _below(order: Order) -> str:
    """Return where frames go: from its own folder, which may have a name POV-Ray cannot read."""
    here = order.job.working_directory is None
    folder = posixpath.relpath(order.folder, order.where.attempt) if here else order.folder
    return posixpath.join(folder, NAME)


def _file_faults(job: Job) -> list[Fault]:
    found = []
    for key, path in keys.named(job):
        if not path.isascii() or not path.isprintable():
            what = f"{path}: POV-Ray reads names of plain letters (ASCII) only; rename it"
            found.append(Fault((key,), what))
        elif '"' in path and "'" in path:
            found.append(Fault((key,), f"{path}: has both kinds of quotes in its name; rename it"))
    return found


def _format_faults(job: Job) -> list[Fault]:
    ending = posixpath.splitext(str(job.asks["destination"]))[1]
    kind = FORMATS.get(ending.lower())
    if kind is None:
        what = f"POV-Ray writes no {ending or 'file without an ending'}"
        return [Fault(("destination",), f"{what}; it writes {', '.join(sorted(FORMATS))}")]
    if "bits" in job.asks and kind[0] not in DEEP:
        return [Fault(("bits",), f"a {ending} has its own depth; leave it out")]
    return []


def _range_faults(job: Job) -> list[Fault]:
    if "animation" not in job.asks:
        return []
    first, last = whole(job)
    if last < first:
        return [Fault(("animation", "end"), f"{last} is before start {first}; exchange them")]
    frames = cast("Mapping[str, object]", job.asks["frames"])
    return [
        Fault(("frames", key), f"{frames[key]} is not in the animation; widen `animation`")
        for key in ("start", "end")
        if not first <= Fraction(str(frames[key])) <= last
    ]


def _option_faults(job: Job) -> list[Fault]:
    options = cast("tuple[str, ...]", job.asks.get("options", ()))
    return [
        Fault(("options", at), f"{word}: frames, clock and files are said by keys; leave it out")
        for at, word in enumerate(options)
        if OURS.match(word)
    ]
