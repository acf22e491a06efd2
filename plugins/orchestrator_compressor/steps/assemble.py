"""Segments and sound become the finished file."""

from __future__ import annotations

import posixpath
from functools import partial

from orchestrator.api import Command, Kind, TaskId
from orchestrator_compressor import finish
from orchestrator_compressor.steps.audio import names, tracks
from orchestrator_compressor.steps.step import (
    FINAL,
    SEGMENT,
    Step,
    made_marks,
    marks,
    segments,
    source,
    times,
    work,
)


def command(step: Step) -> Command:
    """Return the command that joins, finishes and names the parts."""
    product, setting = step.product, step.output.setting
    name = f"{FINAL}.{setting.container}"
    sound = step.id(Kind.AUDIO)
    audio = [step.there(sound, name) for name in names(product.sounds)]
    made = tracks(step.values(sound)) or [{} for _ in audio]  # nothing in a dry run
    streams = partial(step.there, step.id(Kind.STREAMS))
    parts = finish.parts(product, step.source, step.here, audio, streams)
    words = finish.finish(step.means, step.source, product, parts, step.here(name))
    asked = {
        **source(step),
        **times(step),
        "segments": [_segment(step, *each) for each in segments(step)],
        "video": parts.video and posixpath.basename(parts.video),
        "container": setting.container,
        "audio": [{**found, "path": path} for found, path in zip(made, audio, strict=False)],
        "marks": marks(step),
        "zero": str(product.zero),
        "span": step.source.span.dump() if step.source.span else None,
        "chapters": parts.chapters,
        "made": made_marks(step),
        "subtitles": {str(n): path for n, path in parts.subtitles.items() if n >= 0},
        "covers": {str(n): path for n, path in parts.covers.items() if n >= 0},
        "final": name,
        "bucket": _bucket(step),
    }
    return work(step, "assemble", words, asked)


def _bucket(step: Step) -> dict[str, object] | None:
    """Return the buffer that the joined pictures must keep to; None: to none."""
    rate = step.product.picture.video.rate if step.product.picture else None
    if rate is None or rate.maximum is None:
        return None
    return {"maximum": rate.maximum, "buffer": rate.buffer}


def _segment(step: Step, id: TaskId, a: int, b: int) -> dict[str, object]:
    values = step.values(id)
    picture = step.product.picture
    assert picture  # only pictures are cut
    kept = ("sha256", "payload_sha256", "extradata_sha256", "tag", "depth", "tightened")
    path = step.there(id, SEGMENT + picture.video.codec.suffix)
    return {"path": path, "a": a, "b": b, **{key: values[key] for key in kept if key in values}}
