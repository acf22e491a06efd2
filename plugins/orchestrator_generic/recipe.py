"""What a job and its template say together, and what is wrong with it beyond the schema."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from string import Formatter
from typing import cast

from orchestrator.api import Fault, Job, frame_pattern
from orchestrator_generic import words

Asks = Mapping[str, object]
Given = Collection[str]

GROUPS = ("frame", "percent", "count")
"""Of `progress`: what a number that it finds means."""


def laid(job: Job) -> Job:
    """Return the job with its template's keys under its own."""
    spec = job.settings.get(str(job.asks.get("template", "")), {})
    under = {key: value for key, value in spec.items() if key != "processor"}
    return replace(job, asks={**under, **job.asks})


def faults(asks: Asks, given: Given, most: int | None = None) -> Iterator[Fault]:
    """Yield what is wrong with `asks`; what is not `given` in the job comes from its template.

    :param most: frames of a segment, where the job says so; None: it says how many at least
    """
    if ("template" in given) == ("format" in given):
        what = "stands beside template" if "format" in given else "is missing, and template too"
        yield Fault(("format",), f"{what}; write one of the two")
        return
    if "executable" not in asks:
        yield Fault(("executable",), "is missing; write the path or the name of the program")
    yield from _format_faults(asks, given, most)
    yield from _naming_faults(asks, given)
    yield from _progress_faults(asks, given)
    for index, error in enumerate(cast("Sequence[Mapping[str, str]]", asks.get("errors", ()))):
        where = ("errors", index) if "errors" in given else ("template",)
        yield from (Fault(where, text) for text in _error_faults(error))


def at(key: str, given: Given) -> tuple[str, ...]:
    """Return where a person finds a key: in the job, or by the template's name."""
    return (key,) if key in given else ("template",)


def _format_faults(asks: Asks, given: Given, most: int | None) -> Iterator[Fault]:
    form = cast("Sequence[str]", asks["format"])
    for index, word in enumerate(form):
        if text := words.fault(word):
            yield Fault(("format", index) if "format" in given else ("template",), text)
    found = words.names(form)
    for key in ("input", "item"):
        if key in found and key not in asks:
            yield Fault((key,), f"is missing, and the format has {{{key}}}; write it")
    if "output" not in found:
        what = "has no {output}: where the program writes is not known, nor kept apart from others"
        yield Fault(at("format", given), what)
    if "start" not in found:
        yield Fault(at("format", given), "has no {start}: every segment would be the same command")
    yield from _range_faults(asks, found, most)


def _range_faults(asks: Asks, found: set[str], most: int | None) -> Iterator[Fault]:
    """Yield what the words cannot tell the program of a segment of several frames."""
    if most == 1 or (most is None and asks.get("minFrames") == 1):
        return
    way = "minFrames: 1" if most is None else "segments: {frames: 1}"
    if not found & {"end", "count"}:
        what = f"the format has no {{end}}: a call renders one frame; write {way}"
        yield Fault(("minFrames",), what)
    elif "step" not in found and cast("Asks", asks["frames"]).get("step", 1) != 1:
        what = f"the format has no {{step}}: all frames would be rendered; write {way}"
        yield Fault(("frames", "step"), what)


def _naming_faults(asks: Asks, given: Given) -> Iterator[Fault]:
    text = str(asks.get("frameName", "{hashes}"))
    if told := words.fault(text, words.NAMING):
        yield Fault(at("frameName", given), told)
        return
    like = {"prefix": "", "suffix": "", "hashes": "#", "item": str(asks.get("item", ""))}
    name = words.filled(text, like)
    if frame_pattern(name) is None:
        what = "has no place for the frame's number; write {hashes}, #### or %04d where it stands"
        yield Fault(at("frameName", given), what)
    elif posixpath.isabs(name) or ".." in name.split("/"):
        yield Fault(at("frameName", given), "leads out of {output}; write a name alone")


def _progress_faults(asks: Asks, given: Given) -> Iterator[Fault]:
    if text := _expression_fault(str(asks.get("progress", ""))):
        yield Fault(at("progress", given), text)


def _error_faults(error: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with a known error line: each is a part of one great expression."""
    line = error["line"]
    if text := _expression_fault(line) or _expression_fault(f"(?:{line})"):
        yield f"line {text}"
        return
    if re.search(r"\\[1-9]|\(\?P=|\(\?\(", line):
        yield "line refers to a group of its own; write it out"
    try:
        parts = [each for each in Formatter().parse(error["says"]) if each[1] is not None]
    except ValueError:
        yield "says has a single brace, which stands for nothing; write {{ for a brace"
        return
    if any(width or how for _, _, width, how in parts):
        yield "says has a : or ! in braces, which a name cannot have; write {name} alone"
    fields = {name or "" for _, name, _, _ in parts}
    if unknown := fields - set(re.compile(line).groupindex):
        yield f"says names {{{min(unknown)}}}, and line has no group (?P<{min(unknown)}>...)"


def _expression_fault(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        return f"is no regular expression: {error}; mend it"
    return ""
