"""A movie of the frames: a job of its own that comes after the render."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import cast

from orchestrator.frames import names
from orchestrator.frames.spans import Span, frame_text
from orchestrator.model.work import Fault, Follower, Job

MADE_BY = "compressor"  #: the processor that makes films of images
RATE_DEFAULT = 24
KEY = "movie"


def follower(job: Job, span: Span) -> tuple[Follower, ...]:
    """Return the job that makes a movie of a render's files; none: it asks for none."""
    asked = cast("Mapping[str, object]", job.asks.get(KEY, {}))
    first = _first(job, span)
    if not asked or first is None:
        return ()
    output = {key: asked[key] for key in ("setting", "destination")}
    document = {
        "name": f"{job.name}-{KEY}",
        "processor": MADE_BY,
        "ifExists": job.if_exists.value,
        "with": {
            "source": _source(job),
            "rate": asked.get("fps", RATE_DEFAULT),
            "in": first,
            "out": first + span.count,
            "outputs": [output],
        },
    }
    return (Follower(path=(KEY,), job=document),)


def faults(job: Job, span: Span) -> Iterator[Fault]:
    """Yield why no movie can be made of a render's files: they are no row of whole numbers."""
    if KEY not in job.asks:
        return
    source = _source(job)
    if not source:
        what = "is made of numbered files; write name.####.ext as the job's destination"
        yield Fault((KEY,), what)
    elif "{" in source or "}" in source:
        what = "is made of files whose names are known; write the job's destination without tokens"
        yield Fault((KEY,), what)
    elif (first := _first(job, span)) is None:
        whole = f"frames from {frame_text(span.first)} by {frame_text(span.step)}"
        what = f"is made of files 1, 2, 3, …, and these have the numbers of {whole}"
        yield Fault((KEY,), f"{what}; write numberFrom: 1")
    elif first < 0:
        what = f"is made of files from 0 on, and the first has the number {first}"
        yield Fault((KEY,), f"{what}; write numberFrom: 0")


def _first(job: Job, span: Span) -> int | None:
    """Return the number of the first file; None: the numbers do not rise by one."""
    if "numberFrom" in job.asks:
        return int(str(job.asks["numberFrom"]))
    is_row = span.count == 1 or span.step == 1
    return int(span.first) if is_row and span.first.denominator == 1 else None


def _source(job: Job) -> str:
    """Return the files as the movie's source; empty: there is one file alone."""
    found = names.frame_pattern(str(job.asks["destination"]))
    if found is None:
        return ""
    return posixpath.join(found.folder, f"{found.prefix}%0{found.digits}d{found.suffix}")
