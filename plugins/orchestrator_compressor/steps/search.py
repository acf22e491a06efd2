"""The CRF that gives a target its quality is searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from orchestrator.api import Command, Kind
from orchestrator_compressor import measure, recipe
from orchestrator_compressor.measure import Made
from orchestrator_compressor.product import Picture
from orchestrator_compressor.rates import Rate
from orchestrator_compressor.recipe import Cut
from orchestrator_compressor.steps.step import WATCH, Step, Values, burned, props, source, work

SAMPLE = "sample"
UNKNOWN = "{crf}"  #: in the words of a dry run


def command(step: Step) -> Command:
    """Return the command that encodes samples at one CRF after the other."""
    picture = step.product.picture
    assert picture is not None  # the plan made this task for them
    assert picture.video.quality is not None
    parts = cast("Sequence[Values]", step.task.args["samples"])
    asked = {
        **source(step),
        "quality": picture.video.quality.dump(),
        "samples": [_sample(step, picture, n, each) for n, each in enumerate(parts)],
        "logs": measure.LOGS,
        "codec": step.source.video.codec if step.source.video else "",
        **props(step),
        **burned(step),
    }
    made = work(step, "search", [], asked, stall_s=picture.video.codec.stall_s)
    return replace(made, watch=WATCH)


def settled(step: Step, picture: Picture) -> Picture:
    """Return a picture with the CRF that was found for its quality, if it asks for one."""
    if picture.video.quality is None:
        return picture
    return _at(picture, _found(step) or 0.0)


def shown(step: Step, words: Sequence[str]) -> list[str]:
    """Return the words of an encoder; in a dry run they say that the CRF is not known yet."""
    made, picture = list(words), step.product.picture
    if picture and picture.video.quality and _found(step) is None:
        made[made.index("-crf") + 1] = UNKNOWN
    return made


def _found(step: Step) -> float | None:
    crf = step.values(step.id(Kind.ANALYSE)).get("crf")
    return float(crf) if isinstance(crf, int | float) else None


def _sample(step: Step, picture: Picture, n: int, each: Values) -> dict[str, object]:
    cut = Cut.load(cast("Values", each["cut"]))
    suffix = picture.video.codec.suffix
    name = f"{SAMPLE}-{n}{suffix}"
    made = Made(path=step.here(name), demuxer=measure.demuxers(suffix[1:]))
    return {
        "file": name,
        "frames": each["frames"],
        "encode": recipe.encode(step.means, step.source, cut, _at(picture, 0.0), made.path),
        "measure": measure.words(step.means, step.source, cut, picture, made),
    }


def _at(picture: Picture, crf: float) -> Picture:
    return replace(picture, video=replace(picture.video, rate=Rate(crf=crf)))
