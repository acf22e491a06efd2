"""Blender as a renderer: its command, the names it gives, and what its output says."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import cast

from orchestrator.api import Fault, Job, Order, Secret, Span, Trouble, frame_text
from orchestrator_blender.keys import FORMATS, KEYS, MOVIE_ENDINGS, MOVIES
from orchestrator_blender.troubles import LOOK, TROUBLES

NAME = "frame."
SAVED = re.compile(r"Saved: '.*" + re.escape(NAME) + r"(-?\d+)\.")
FRAME = re.compile(r"Fra: ?(-?\d+)\b")
SAMPLES = re.compile(r"Sample (\d+)/([1-9]\d*)")
WATCH = rf"Fra: ?-?\d+\b.*|{SAVED.pattern}"

OURS = re.compile(
    r"-[bafosejFx]|--(?:background|render-(?:anim|frame|output|format)|frame-(?:start|end|jump)"
    r"|use-extension)"
)
"""Options that would render other frames, or elsewhere: keys say these."""


class Blender:
    """``blender --background`` with a range of a scene's frames."""

    name = "blender"
    title = "Blender"
    keys: Mapping[str, object] = KEYS
    required = ("scene",)
    watch = WATCH
    troubles: tuple[Trouble, ...] = TROUBLES

    def review(self, job: Job) -> tuple[Fault, ...]:
        """Refuse movies, frames that Blender cannot count, and options that keys stand for."""
        return (*_format_faults(job), *_range_faults(job), *_option_faults(job))

    def reads(self, job: Job) -> tuple[tuple[str, str], ...]:
        """Return the scene and the scripts."""
        scripts = cast("list[str]", job.asks.get("scripts", ()))
        return (("scene", str(job.asks["scene"])), *(("scripts", path) for path in scripts))

    def words(self, order: Order) -> tuple[str | Secret, ...]:
        """Return the words of a segment, in the order in which Blender obeys them.

        What is to hold for the file stands before it, what overrides the file's own behind it, and
        what is ours last: neither a script nor an option can move the frames.
        """
        asks = order.asks
        options, behind = _divided(cast("tuple[str, ...]", asks.get("options", ())))
        return (
            order.program,
            "--background",
            *(("--factory-startup",) if asks.get("factoryStartup") else ()),
            "--enable-autoexec" if asks.get("autoexec") else "--disable-autoexec",
            *("--python-exit-code", "1"),
            *_addons(asks),
            order.where.source(str(asks["scene"])),
            *_values(asks),
            *_scripts(order),
            *options,
            *("--python-expr", LOOK),
            *("--render-output", _output(order)),
            *("--render-format", _format(order.job)),
            *("--use-extension", "0"),
            *_number("--frame-start", order.span.first),
            *_number("--frame-end", order.span.last),
            *("--frame-jump", frame_text(order.span.step)),
            "--render-anim",
            *behind,
        )

    def made(self, order: Order, frame: Fraction) -> str:
        """Return the name that Blender makes of ours: a minus stands before the digits."""
        return f"{NAME}{_padded(order, frame)}{order.pattern.ending}"

    def done(self, span: Span, line: str) -> float | None:
        """Return how many frames are done: up to the one it saved, or before the one it is at.

        Of that one Cycles tells the samples.
        """
        if saved := SAVED.search(line):
            return _before(span, int(saved[1])) + 1
        hit, samples = FRAME.search(line), SAMPLES.search(line)
        if hit is None:
            return None
        part = min(1.0, int(samples[1]) / int(samples[2])) if samples else 0.0
        return _before(span, int(hit[1])) + part


def _padded(order: Order, frame: Fraction) -> str:
    sign = "-" if frame < 0 else ""
    return f"{sign}{abs(int(frame)):0{_digits(order)}d}"


def _digits(order: Order) -> int:
    """Return how wide numbers are: a still has one too, or Blender hangs four digits on its name."""
    return max(1, order.pattern.digits)


def _before(span: Span, frame: int) -> int:
    return int((frame - span.first) / span.step)


def _output(order: Order) -> str:
    places = "#" * _digits(order)
    return posixpath.join(order.folder, f"{NAME}{places}{order.pattern.ending}")


def _addons(asks: Mapping[str, object]) -> tuple[str, ...]:
    names = cast("list[str]", asks.get("addons", ()))
    return ("--addons", ",".join(names)) if names else ()


def _values(asks: Mapping[str, object]) -> tuple[str, ...]:
    named = (("--scene", "sceneName"), ("--engine", "engine"), ("--threads", "threads"))
    return tuple(word for option, key in named if key in asks for word in (option, str(asks[key])))


def _scripts(order: Order) -> tuple[str, ...]:
    scripts = cast("list[str]", order.asks.get("scripts", ()))
    return tuple(word for path in scripts for word in ("--python", order.where.source(path)))


def _number(option: str, frame: Fraction) -> tuple[str, ...]:
    """Return the words for a frame: Blender takes -3 for "3 less than now", so from 0 on."""
    text = frame_text(frame)
    return (option, "0", option, text) if frame < 0 else (option, text)


def _divided(options: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the options, and those from ``--`` on, which are for scripts and end its own."""
    at = options.index("--") if "--" in options else len(options)
    return options[:at], options[at:]


def _ending(job: Job) -> str:
    return posixpath.splitext(str(job.asks["destination"]))[1].lower()


def _format(job: Job) -> str:
    return str(job.asks.get("format") or FORMATS[_ending(job)][0])


def _format_faults(job: Job) -> list[Fault]:
    ending, asked = _ending(job), job.asks.get("format")
    one = "is one file that all segments would write at once; render frames, such as .png or .exr"
    if asked in MOVIES:
        return [Fault(("format",), f"{asked}: a movie {one}")]
    if ending in MOVIE_ENDINGS:
        return [Fault(("destination",), f"{ending}: a movie {one}")]
    if ending not in FORMATS:
        what = f"Blender writes no {ending or 'frames without an ending'}"
        return [Fault(("destination",), f"{what}; it writes {', '.join(sorted(FORMATS))}")]
    if asked and asked not in FORMATS[ending]:
        fit = " or ".join(FORMATS[ending])
        return [Fault(("format",), f"{asked} does not go with {ending}; that is {fit}")]
    return []


def _range_faults(job: Job) -> list[Fault]:
    frames = cast("Mapping[str, object]", job.asks["frames"])
    what = "Blender renders whole frames only; stretch the scene's time instead"
    return [
        Fault(("frames", key), f"{value}: {what}")
        for key, value in frames.items()
        if Fraction(str(value)).denominator != 1
    ]


def _option_faults(job: Job) -> list[Fault]:
    options, _ = _divided(cast("tuple[str, ...]", job.asks.get("options", ())))
    return [
        Fault(("options", at), f"{word}: frames and files are said by keys; leave it out")
        for at, word in enumerate(options)
        if OURS.fullmatch(word)
    ]
