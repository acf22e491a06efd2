"""What a job's ``with`` asks for: which frames, in which parts, under which names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, cast

from orchestrator.frames import movie, names, preview, spans
from orchestrator.frames.names import Pattern, Sequence
from orchestrator.frames.renderer import Renderer
from orchestrator.frames.schema import FRAMES_MIN
from orchestrator.frames.spans import Span, frame_text
from orchestrator.frames.work.kinds import ENDINGS, OTHERS
from orchestrator.model.work import Fault, IfExists, Job, Room, Split

TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
LATE = frozenset({"date", "storage"})
"""Tokens that nobody knows before the job is planned."""
KNOWN = LATE | {"batch", "job", "scene.stem", "start", "end", "frame"}
ROOTED = "storage"
"""The token that stands for a whole folder, and can only begin a path."""
PLACED = {"frame": "{frame}"}
"""The place of the number: a pattern's, not ours to fill."""


def span(job: Job) -> Span:
    """Return the frames that a job asks for; ValueError, as ``key: …``, if that is no range."""
    return spans.asked(cast("Mapping[str, Any]", job.asks["frames"]))


def parts(job: Job, run: Span) -> tuple[Span, ...]:
    """Return a run of frames in the parts that the job wants."""
    if job.split.frames is not None:
        return spans.cut(run, job.split.frames)
    return spans.segments(run, frames_min(job))


def frames_min(job: Job) -> int:
    """Return how many frames a segment has at least (F-SEG-9)."""
    return int(cast("int", job.asks.get("minFrames", FRAMES_MIN)))


def is_single(job: Job) -> bool:
    """Whether all frames go into one file."""
    return names.frame_pattern(str(job.asks["destination"])) is None


def skips(job: Job) -> bool:
    """Whether frames that are there already stay."""
    return bool(job.asks.get("skipExisting", False))


def checks(job: Job) -> bool:
    """Whether the whole sequence is looked at where it was put."""
    return bool(job.asks.get("sequenceCheck", True))


def sequence(renderer: Renderer, job: Job, late: Mapping[str, str]) -> Sequence:
    """Return the names of the frames where people want them.

    :param late: values of `LATE` tokens
    """
    template = str(job.asks["destination"])
    found = names.frame_pattern(template) or names.single(template)
    values = {**PLACED, **_early(renderer, job), **late}
    whole = span(job)
    start = job.asks.get("numberFrom")
    pattern = Pattern(
        folder=_fill(found.folder, values),
        prefix=_fill(found.prefix, values),
        digits=found.digits,
        suffix=_fill(found.suffix, values),
        decimals=names.decimals_of(whole.step, whole.first),
    )
    return Sequence(
        pattern=pattern, span=whole, number_from=None if start is None else int(cast("int", start))
    )


def late(renderer: Renderer, job: Job, room: Room) -> dict[str, str]:
    """Return the values of those late tokens that the destination names."""
    scene = _scene(renderer, job)
    values = {"date": room.date, "storage": room.storage or posixpath.dirname(scene)}
    named = set(_tokens(str(job.asks["destination"])))
    return {name: value for name, value in values.items() if name in named}


def is_known(job: Job) -> bool:
    """Whether the manifest alone tells where the frames go."""
    return not LATE & set(_tokens(str(job.asks["destination"])))


def claim(renderer: Renderer, job: Job) -> str:
    """Return the destination as far as the manifest tells it."""
    values = {name: f"{{{name}}}" for name in LATE}
    return sequence(renderer, job, values).pattern.words


def faults(renderer: Renderer, job: Job) -> Iterator[Fault]:
    """Yield what is wrong with range, parts, names and what is done to files that are there."""
    try:
        whole = span(job)
    except ValueError as error:
        key, _, what = str(error).partition(": ")
        yield Fault(("frames", key), what)
        return
    yield from _split_faults(job.split)
    yield from preview.faults(job.asks, whole)
    yield from movie.faults(job, whole)
    if preview.PREVIEW in job.asks and is_single(job):
        what = "needs a file a frame, and all frames go into one; write name.####.ext there"
        yield Fault((preview.PREVIEW,), what)
    for what in _destination_faults(renderer, job, whole):
        yield Fault(("destination",), what)
    if job.if_exists is IfExists.NUMBER:
        what = "ifExists: number would give frames numbers that are not theirs; use fail or replace"
        yield Fault(("destination",), what)
    if skips(job) and not is_known(job):
        what = "cannot be looked at before {date} or {storage} is known; leave the token out"
        yield Fault(("skipExisting",), what)


def _destination_faults(renderer: Renderer, job: Job, whole: Span) -> Iterator[str]:
    template = str(job.asks["destination"])
    for hit in TOKEN.finditer(template):
        if hit[1] is None and hit[0] in "{}":
            yield f"a single {hit[0]} means nothing; write {hit[0] * 2} for one in a name"
    for token in _tokens(template):
        if token not in KNOWN:
            yield f"unknown token {{{token}}}; {_meant(token)}"
        elif token == ROOTED and not template.startswith(f"{{{token}}}"):
            yield f"{{{token}}} is a whole folder; put it first"
        elif token in {"scene.stem", ROOTED} and not _scene(renderer, job):
            yield f"{{{token}}}: the job reads no scene; leave the token out"
    ending = posixpath.splitext(template)[1].lower()
    count = len(parts(job, whole))
    if is_single(job) and whole.count > 1 and (ending in ENDINGS or ending in OTHERS):
        yield (
            f"has no place for the frame's number, and a {ending} holds one of {whole.count} "
            f"frames; write name.####{ending}"
        )
    elif is_single(job) and count > 1:
        yield (
            f"has no place for the frame's number, and {count} segments would write the one file; "
            f"write name.####.ext, or minFrames: {whole.count} to make it one segment"
        )


def _split_faults(split: Split) -> Iterator[Fault]:
    alien = {
        "seconds": split.seconds is not None,
        "cuts": split.cuts is not None,
        "scenes": split.scenes != "auto",
        "spread": split.spread != "auto",
    }
    for key, is_there in alien.items():
        if is_there:
            what = f"segments.{key} is for films; a render takes segments: {{frames: N}}"
            yield Fault(("frames",), what)


def _early(renderer: Renderer, job: Job) -> dict[str, str]:
    frames = cast("Mapping[str, object]", job.asks["frames"])
    whole = span(job)
    batch, _, name = job.id.partition("/")
    return {
        "batch": batch,
        "job": name,
        "scene.stem": posixpath.splitext(posixpath.basename(_scene(renderer, job)))[0],
        "start": frame_text(whole.first),
        "end": frame_text(spans.number(frames.get("end", frames.get("start", 1)))),
    }


def _scene(renderer: Renderer, job: Job) -> str:
    return next((path for _, path in renderer.reads(job)), "")


def _tokens(template: str) -> tuple[str, ...]:
    return tuple(hit[1] for hit in TOKEN.finditer(template) if hit[1] is not None)


def _fill(template: str, values: Mapping[str, str]) -> str:
    def value(hit: re.Match[str]) -> str:
        return hit[0][0] if hit[1] is None else values.get(hit[1], hit[0])

    return TOKEN.sub(value, template)


def _meant(token: str) -> str:
    if close := get_close_matches(token, KNOWN, n=1):
        return f"did you mean {{{close[0]}}}?"
    return "known: " + " ".join(f"{{{name}}}" for name in sorted(KNOWN))
