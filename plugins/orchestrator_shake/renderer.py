"""Shake as a frame renderer: its keys, its words, what its output means."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, cast

from orchestrator.api import Fault, Job, Order, Secret, Span, Trouble, frame_text
from orchestrator_shake.troubles import TROUBLES

CPUS = 1  #: render threads of a process, unless a job says otherwise
ENDINGS = (
    *(".iff", ".cin", ".dpx", ".exr", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".tga"),
    *(".bmp", ".sgi", ".rgb"),
)
"""Of the files of one frame that Shake writes."""

FRAME = re.compile(r"(?i:\bframe):?\s+(?P<frame>\d+)\b")
PLACE = re.compile(r"#+|@+|%\d*d|\{frame\}")
"""Of a frame's number, in a destination's name."""


class Shake:
    """``shake -exec`` with a time range and an output of its own."""

    name = "shake"
    title = "Shake"
    keys: Mapping[str, object] = {
        "script": {
            "description": "the Shake script",
            "type": "string",
            "minLength": 1,
            "maxLength": 4096,
            "format": "path",
            "examples": ["/mnt/studio/comp/shot12.shk"],
        },
        "node": {
            "description": "the script's node that is rendered (`-node`); default: the script's "
            "own output, which it must have one of",
            "type": "string",
            "pattern": "^[A-Za-z_][A-Za-z0-9_.]*$",
            "maxLength": 200,
            "examples": ["FileOut1"],
        },
        "cpus": {
            "description": "processors that one Shake process uses (`-cpus`); default 1: a node "
            "does several segments at once",
            "type": "integer",
            "minimum": 1,
            "maximum": 1024,
            "default": CPUS,
        },
        "proxyScale": {
            "description": "`-proxyscale`: a scale above 0 up to 1, or Base, p1, p2, p3; default: "
            "the script's own",
            "anyOf": [
                {
                    "description": "a scale",
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "maximum": 1,
                },
                {
                    "description": "a proxy set of the script",
                    "type": "string",
                    "enum": ["Base", "p1", "p2", "p3"],
                },
            ],
            "examples": [0.5, "p1"],
        },
        "ignoreScriptFailures": {
            "description": "whether an exit code other than 0 is ignored; a missing frame still "
            "fails the segment; default false",
            "type": "boolean",
            "default": False,
        },
    }
    required = ("script",)
    watch = FRAME.pattern
    troubles: tuple[Trouble, ...] = TROUBLES

    def review(self, job: Job) -> tuple[Fault, ...]:
        """Refuse frames that its time range does not name, and files that it does not write."""
        return (*_range_faults(job), *_name_faults(job))

    def reads(self, job: Job) -> tuple[tuple[str, str], ...]:
        """Return the script."""
        return (("script", str(job.asks["script"])),)

    def licences(self, job: Job) -> tuple[str, ...]:
        """Return the licence that every Shake without a window holds."""
        return ("shake",)

    def words(self, order: Order) -> tuple[str | Secret, ...]:
        """Return the words of a segment: the script, what is rendered of it, where to, which."""
        asks = order.asks
        node = ("-node", str(asks["node"])) if "node" in asks else ()
        proxy = ("-proxyscale", f"{asks['proxyScale']}") if "proxyScale" in asks else ()
        return (
            order.program,
            "-exec",
            order.where.source(str(asks["script"])),
            *node,
            "-fileout",
            posixpath.join(order.folder, _place(order)),
            "-t",
            time_range(order.span),
            "-cpus",
            str(asks.get("cpus", CPUS)),
            *proxy,
            "-vv",
            *map(order.where.source, cast("Sequence[str]", asks.get("options", ()))),
        )

    def made(self, order: Order, frame: Fraction) -> str:
        """Return the name as people want it: Shake writes any padding."""
        return order.pattern.name(frame)

    def done(self, span: Span, line: str) -> int | None:
        """Return how many frames come before the one that a line is about."""
        hit = FRAME.search(line)
        return None if hit is None else int((Fraction(hit["frame"]) - span.first) / span.step)


def time_range(span: Span) -> str:
    """Return a span in Shake's notation: ``12``, ``1-100``, ``1-100x2``."""
    first, last = frame_text(span.first), frame_text(span.last)
    if span.count == 1:
        return first
    return f"{first}-{last}" + ("" if span.step == 1 else f"x{frame_text(span.step)}")


def _place(order: Order) -> str:
    """Return the file name with a sign for each digit: ``@@@`` writes 001, ``@`` writes 1."""
    return f"{order.pattern.prefix}{'@' * order.pattern.digits}{order.pattern.suffix}"


def _range_faults(job: Job) -> tuple[Fault, ...]:
    frames = cast("Mapping[str, Any]", job.asks["frames"])
    found = []
    if frames["start"] < 0:
        what = (
            "is below 0: Shake's time range (`-t`) has no such number; move the script's clips in "
            "time, and render from 0 or 1"
        )
        found.append(Fault(("frames", "start"), what))
    for key in ("start", "step"):
        if Fraction(str(frames.get(key, 1))).denominator != 1:
            what = (
                "is between frames: Shake would write both under one number; set the script's "
                "timing instead, and render whole frames"
            )
            found.append(Fault(("frames", key), what))
    return tuple(found)


def _name_faults(job: Job) -> tuple[Fault, ...]:
    name = posixpath.basename(str(job.asks["destination"]))
    ending = posixpath.splitext(name)[1].lower()
    places = PLACE.findall(name)
    what = ""
    if ending not in ENDINGS:
        what = f"Shake writes no {ending or 'file without an ending'}; write one of "
        what += " ".join(ENDINGS)
    elif len(places) > 1 or re.search(r"[#@%]", PLACE.sub("", name)):
        what = "has more than one place for a number, as Shake reads # @ and %; leave one"
    return (Fault(("destination",), what),) if what else ()
