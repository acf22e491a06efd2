"""Maya's `Render` as a frame renderer: its words, its names, its progress."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import cast

from orchestrator.api import (
    Fault,
    Job,
    Order,
    Pattern,
    Secret,
    Span,
    Trouble,
    frame_pattern,
    frame_text,
)
from orchestrator_maya.engines import engine
from orchestrator_maya.schema import KEYS, THREADS
from orchestrator_maya.troubles import TROUBLES

FORMATS = {
    ".exr": "exr",
    ".png": "png",
    ".tif": "tif",
    ".tiff": "tif",
    ".jpg": "jpg",
    ".jpeg": "jpg",
    ".tga": "tga",
    ".bmp": "bmp",
    ".sgi": "sgi",
    ".iff": "iff",
}
"""Ending -> ``-of``."""

FRAME = re.compile(
    r"(?i:\brendering (?:current )?frame:? +|\(frame |\bframe:? +)(?P<frame>-?\d+(?:\.\d+)?)"
    r"|(?i:finished rendering) .*?\.(?P<finished>-?\d+)\.\w+"
)
PERCENT = re.compile(
    r"(?i:RCI|progr:|V-Ray:|\[redshift\]|arnold|mtoa|RIMG)[^%]*?\d+(?:\.\d+)? *%|\d+% done"
)

NUMBERED = re.compile(r"(\d+(?:\.\d+)?) *%")


class Maya:
    """``Render`` with a range of frames, and names that are known in advance."""

    name = "maya"
    title = "Maya"
    keys: Mapping[str, object] = KEYS
    required = ("scene",)
    watch = f"{FRAME.pattern}|{PERCENT.pattern}"
    troubles: tuple[Trouble, ...] = TROUBLES

    def review(self, job: Job) -> tuple[Fault, ...]:
        """Refuse what the renderer has no word for."""
        return (*_format_faults(job), *_thread_faults(job), *_number_faults(job))

    def reads(self, job: Job) -> tuple[tuple[str, str], ...]:
        """Return the scene, and the file that makes a folder a project."""
        scene = ("scene", str(job.asks["scene"]))
        if "project" not in job.asks:
            return (scene,)
        return (scene, ("project", posixpath.join(str(job.asks["project"]), "workspace.mel")))

    def licences(self, job: Job) -> tuple[str, ...]:
        """Return Maya's own, and that of a renderer that has another maker."""
        other = engine(_renderer(job)).licence
        return ("maya", other) if other else ("maya",)

    def words(self, order: Order) -> tuple[str | Secret, ...]:
        """Return the words of a segment, the scene last, as `Render` wants it."""
        where, asks = order.where, order.asks
        return (
            _render(order.program),
            "-r",
            _renderer(order.job),
            *_threads(order.job),
            *(("-proj", where.source(str(asks["project"]))) if "project" in asks else ()),
            *_output(order),
            *_range(order),
            *_picture(asks),
            *map(where.source, cast("Sequence[str]", asks.get("options", ()))),
            where.source(str(asks["scene"])),
        )

    def made(self, order: Order, frame: Fraction) -> str:
        """Return the path below ``-rd``: ``name.#.ext``, in the folder of a layer if there is one.

        Numbers that Maya would not write so are its own count, from 1 (``-rfs``).
        """
        number = int(frame)
        if _is_renumbered(order.span):
            number = int((frame - order.span.first) / order.span.step) + 1
        digits = order.pattern.digits
        name = f"{_stem(order.pattern)}.{number:0{digits}d}{order.pattern.ending}"
        return posixpath.join(_subfolder(order.asks), name)

    def done(self, span: Span, line: str) -> float | None:
        """Return how many frames come before the one that a line names, or with it if finished.

        Of a single frame, the part that a line with percent tells.
        """
        hit, percent = FRAME.search(line), PERCENT.search(line)
        if hit is None:
            parts = NUMBERED.findall(percent[0]) if percent and span.count == 1 else []
            return min(1.0, float(parts[-1]) / 100) if parts else None
        if hit["finished"]:
            return _index(span, hit["finished"]) + 1
        return _index(span, hit["frame"])


def _render(program: str) -> str:
    """Return the path of `Render`, which stands beside `maya`; a job may name it itself."""
    folder, name = posixpath.split(program)
    return posixpath.join(folder, "Render") if name == "maya" else program


def _index(span: Span, number: str) -> int:
    """Return a frame's place in its span; of one that is renumbered, the number is its place."""
    if _is_renumbered(span):
        return max(0, int(Fraction(number)) - 1)
    return int((Fraction(number) - span.first) / span.step)


def _renderer(job: Job) -> str:
    return str(job.asks.get("renderer", "file"))


def _threads(job: Job) -> tuple[str, ...]:
    word = engine(_renderer(job)).threads
    return (word, str(job.asks.get("renderThreads", THREADS))) if word else ()


def _output(order: Order) -> tuple[str, ...]:
    ending = order.pattern.ending.lower()
    kind = str(order.asks.get("imageFormat", FORMATS.get(ending, "")))
    return (
        *("-rd", order.folder),
        *("-im", _stem(order.pattern)),
        *("-fnc", "name.#.ext"),
        *("-of", kind),
        *("-pad", str(max(1, order.pattern.digits))),
    )


def _range(order: Order) -> tuple[str, ...]:
    span = order.span
    step = ("-b", frame_text(span.step))
    again = ("-rfs", "1", "-rfb", "1") if _is_renumbered(span) else ()
    return ("-s", frame_text(span.first), "-e", frame_text(span.last), *step, *again)


def _picture(asks: Mapping[str, object]) -> tuple[str, ...]:
    size = cast("Mapping[str, object]", asks.get("resolution", {}))
    told = (
        ("-cam", asks.get("camera")),
        ("-rl", asks.get("renderLayer")),
        ("-x", size.get("width")),
        ("-y", size.get("height")),
        ("-percentRes", size.get("percent")),
    )
    return tuple(word for flag, value in told if value is not None for word in (flag, str(value)))


def _stem(pattern: Pattern) -> str:
    """Return Maya's name of the frames: no sign that it reads as a token or a separator."""
    return re.sub(r"[^\w-]+", "_", pattern.prefix).strip("_-") or "frame"


def _subfolder(asks: Mapping[str, object]) -> str:
    return str(asks.get("subfolder", asks.get("renderLayer", "")))


def _is_renumbered(span: Span) -> bool:
    """Whether it has numbers that do not stand in Maya's names as they are."""
    return span.first < 0 or span.first.denominator != 1 or span.step.denominator != 1


def _format_faults(job: Job) -> tuple[Fault, ...]:
    ending = posixpath.splitext(str(job.asks["destination"]))[1].lower()
    if ending in FORMATS:
        return ()
    if ending and "imageFormat" in job.asks:
        return _single_faults(job, ending)
    what = (
        f"Maya's word for {ending or 'files without an ending'} is not known; write imageFormat, "
        "or one of "
    )
    return (Fault(("destination",), what + " ".join(FORMATS)),)


def _single_faults(job: Job, ending: str) -> tuple[Fault, ...]:
    frames = cast("Mapping[str, object]", job.asks["frames"])
    if frame_pattern(str(job.asks["destination"])) or frames["start"] == frames["end"]:
        return ()
    what = "has no place for the frame's number, and Maya writes a file for each frame; write "
    return (Fault(("destination",), f"{what}name.####{ending}"),)


def _thread_faults(job: Job) -> tuple[Fault, ...]:
    name = _renderer(job)
    if "renderThreads" not in job.asks or engine(name).threads:
        return ()
    what = f"renderer {name!r} has no word for it; name a renderer that has, or use `options`"
    return (Fault(("renderThreads",), what),)


def _number_faults(job: Job) -> tuple[Fault, ...]:
    frames = cast("Mapping[str, object]", job.asks["frames"])
    start, step = (Fraction(str(frames.get(key, 1))) for key in ("start", "step"))
    name = _renderer(job)
    if engine(name).renumbers or not (start < 0 or start.denominator * step.denominator != 1):
        return ()
    key = "step" if step.denominator != 1 else "start"
    what = (
        f"renderer {name!r} cannot number its files anew (`-rfs`), which frames below 0 or between "
        "frames need; move the scene in time, and render whole frames from 0 on"
    )
    return (Fault(("frames", key), what),)
