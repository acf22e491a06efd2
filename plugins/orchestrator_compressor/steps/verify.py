"""The finished file is judged by itself."""

from __future__ import annotations

from typing import cast

from orchestrator.api import Command, Kind
from orchestrator_compressor import asks, expect, measure
from orchestrator_compressor.measure import Made
from orchestrator_compressor.recipe import Cut
from orchestrator_compressor.steps.audio import tracks
from orchestrator_compressor.steps.step import (
    FINAL,
    Step,
    Values,
    burned,
    made_marks,
    marks,
    props,
    segments,
    source,
    times,
    work,
)


def command(step: Step) -> Command:
    """Return the command that judges the finished file."""
    product, setting = step.product, step.output.setting
    made, final = step.id(Kind.ASSEMBLE), f"{FINAL}.{setting.container}"
    picture = None
    if product.picture:
        begin = product.picture.start - product.zero
        tags = expect.tags(product, cast("str | None", step.task.args["rate"]))
        picture = {**expect.picture(product.picture, final), **tags, "start": str(begin)}
    asked = {
        **source(step),
        **times(step),
        "file": step.there(made, final),
        "sha256": step.values(made).get("sha256", ""),
        "payload_sha256": step.values(made).get("payload_sha256", ""),
        "container": setting.container,
        "segments": [
            {
                "a": a,
                "b": b,
                "payload_sha256": step.values(id).get("payload_sha256", ""),
                "encode_s": step.values(id).get("seconds"),
            }
            for id, a, b in segments(step)
        ],
        "expect": {
            "video": picture,
            "audio": expect.sounds(product, tracks(step.values(step.id(Kind.AUDIO)))),
            "streams": expect.listed(product),
            "subtitles": [
                {"stream": each.stream, "stacked": each.is_stacked}
                for each in product.others.subtitles
            ],
            "chapters": product.others.chapters,
            "no_chapters": not product.others.chapters and not setting.keeping.chapters,
            "metadata": product.extras.metadata,
            "captions": expect.captions(product, step.source),
        },
        "marks": marks(step),
        "made": made_marks(step),
        "zero": str(product.zero),
        **_reported(step),
        "setting": setting.name,
        "destination": step.where.source(str(step.task.args["destination"])),
    }
    return work(step, "verify", _words(step, final), asked)


def _words(step: Step, final: str) -> list[str]:
    """Return the words that measure the quality, where that is asked for."""
    picture, metrics = step.product.picture, step.output.measure
    if not picture or not metrics:
        return []
    made = Made(
        path=step.there(step.id(Kind.ASSEMBLE), final),
        demuxer=measure.demuxers(step.output.setting.container),
        metrics=metrics,
    )
    cut = Cut.load(cast("Values", step.task.args["whole"]))
    return measure.words(step.means, step.source, cut, picture, made)


def _reported(step: Step) -> dict[str, object]:
    """Return what only the report tells."""
    picture, search = step.product.picture, step.id(Kind.ANALYSE)
    sought = picture is not None and picture.video.quality is not None
    return {
        "metrics": list(step.output.measure),
        **({**props(step), **burned(step)} if step.output.measure else {}),
        "model": measure.model(picture) if picture else "",
        "spec": dict(asks.spec_of(step.task.job, step.output.number)),
        "search": dict(step.values(search)) if sought else {},
    }
