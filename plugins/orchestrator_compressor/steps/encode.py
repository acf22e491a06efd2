"""One segment of the pictures."""

from __future__ import annotations

from typing import cast

from orchestrator.api import Command
from orchestrator_compressor import expect, recipe
from orchestrator_compressor.recipe import Cut
from orchestrator_compressor.steps import rate, search, stills
from orchestrator_compressor.steps.step import (
    SEGMENT,
    Step,
    Values,
    burned,
    props,
    shown,
    source,
    table,
    work,
)


def command(step: Step) -> Command:
    """Return the command that encodes and doubts a segment."""
    picture, segment = rate.settled(step), step.task.segment
    assert segment is not None
    name = SEGMENT + picture.video.codec.suffix
    cut = Cut.load(cast("Values", step.task.args["cut"]))
    picture = search.settled(step, picture)
    words = recipe.encode(step.means, step.source, cut, picture, step.here(name))
    still = {}
    if step.is_sequence:
        words = stills.written(step, words, segment.start)
        name, still = words[-1], {"still": stills.first(step) + segment.start}
    seen = step.source.video
    expected = {"frames": segment.frames, **expect.picture(picture, name)}
    if step.is_sequence:
        expected = {"frames": segment.frames, **stills.headers(step)}
    if not picture.video.codec.says_range:
        expected["range"] = None
    asked = {
        **source(step),
        **props(step),
        **shown(step),
        "segment": [segment.start, segment.end],
        "file": name,
        "expect": expected,
        "gate": "sampled" if picture.video.codec.intra else "full",
        "mode": step.task.args["mode"],
        "codec": seen.codec if seen else "",
        "table": table(step),
        **burned(step),
        "stats": rate.statistics(step),
        "tightened": step.task.args.get("tightened", 0),
        **still,
    }
    return work(
        step, "encode", search.shown(step, words), asked, stall_s=picture.video.codec.stall_s
    )
