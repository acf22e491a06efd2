"""What must be known before pictures are encoded: what their parts need, and what each may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

from orchestrator.api import Command, Kind
from orchestrator_compressor import ratewords, recipe, sharing
from orchestrator_compressor.rates import Phase
from orchestrator_compressor.recipe import Cut
from orchestrator_compressor.steps import search
from orchestrator_compressor.steps.step import (
    Step,
    Values,
    burned,
    props,
    shown,
    source,
    table,
    work,
)

ANALYSIS = "analysis"  #: stem of the movie that a first pass makes


def command(step: Step) -> Command:
    """Return the command of an analysis, by its step."""
    return ANALYSES[str(step.task.args["step"])](step)


def part(step: Step) -> Command:
    """Return the command that runs the first of two passes over a segment."""
    picture, segment = step.product.picture, step.task.segment
    assert picture is not None  # the plan made this task for them
    assert segment is not None
    video, seen = picture.video, step.source.video
    rate = replace(video.rate, phase=Phase.FIRST, average=cast("int", step.task.args["average"]))
    picture = replace(picture, video=replace(video, rate=rate))
    name = ANALYSIS + video.codec.suffix
    cut = Cut.load(cast("Values", step.task.args["cut"]))
    words = recipe.encode(step.means, step.source, cut, picture, step.here(name))
    silent = video.name in ratewords.SILENT
    asked = {
        **source(step),
        **shown(step),
        "segment": [segment.start, segment.end],
        "file": name,
        "files": ratewords.STATS_FILES[video.name],
        "counted": not silent,
        "mode": step.task.args["mode"],
        "codec": seen.codec if seen else "",
        "table": table(step),
        **props(step),
        **burned(step),
    }
    return work(step, "analyse", words, asked, stall_s=None if silent else video.codec.stall_s)


def share(step: Step) -> Command:
    """Return the command that shares a target rate out over the parts, by what they need."""
    picture = step.product.picture
    assert picture is not None  # as above
    parts = [need for need in step.task.needs if need.endswith(f"/{Kind.ANALYSE.value}")]
    asked = {
        "bits": [step.values(each).get("bits", 1) for each in parts],
        "seconds": step.task.args["lengths"],
        "average": step.task.args["average"],
        "maximum": picture.video.rate.maximum,
    }
    return work(step, "share", [], asked)


ANALYSES: Mapping[str, Callable[[Step], Command]] = {
    sharing.PART: part,
    sharing.SHARE: share,
    sharing.SEARCH: search.command,
}
