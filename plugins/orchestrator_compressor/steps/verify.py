"""The finished file is judged by itself."""

from __future__ import annotations

from typing import cast

from orchestrator.api import Command, Kind
from orchestrator_compressor import expect
from orchestrator_compressor.steps.audio import tracks
from orchestrator_compressor.steps.step import (
    FINAL,
    Step,
    made_marks,
    marks,
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
            {"a": a, "b": b, "payload_sha256": step.values(id).get("payload_sha256", "")}
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
        "setting": setting.name,
        "destination": step.where.source(str(step.task.args["destination"])),
    }
    return work(step, "verify", [], asked)
