"""The rate of one part of the pictures: the setting's, or what was shared out to it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import cast

from orchestrator_compressor import levels, rates, sharing
from orchestrator_compressor.product import Picture
from orchestrator_compressor.rates import Phase, Rate, Weight
from orchestrator_compressor.steps.step import Step

TIGHTENED = Fraction(9, 10)  #: of the maximum, each time a part broke the buffer
ABOVE_AVERAGE = 2  #: times its rate may a part have for a moment, where no maximum is named


def settled(step: Step) -> Picture:
    """Return the picture with the rate that this task's encoder is given."""
    picture = step.product.picture
    assert picture is not None  # the plan made this task for them
    args, rate = step.task.args, picture.video.rate
    two = rates.has_two_passes(rate, picture.video.codec)
    peak = _peak(step, rate)
    if rate.is_target:
        rate = replace(rate, average=_average(step, rate) if two else cast("int", args["average"]))
        rate = replace(rate, phase=Phase.SECOND if two else Phase.ONLY)
    if two or rate.maximum is not None:
        rate = replace(rate, level=levels.level(picture, peak))
    if rate.maximum is not None:
        rate = _tightened(rate, cast("int", args.get("tightened", 0)))
        rate = replace(rate, fill=cast("str | None", args.get("fill")))
    return replace(picture, video=replace(picture.video, rate=rate))


def statistics(step: Step) -> list[dict[str, object]]:
    """Return where the first pass of this part left what it found; none of a single pass."""
    part = sharing.part_id(step.task)
    if part not in step.task.needs:
        return []
    left = cast("list[dict[str, object]]", dict(step.values(part)).get("stats", []))
    return [{**each, "path": step.there(part, str(each["file"]))} for each in left]


def _average(step: Step, rate: Rate) -> int:
    """Return what was shared out to this part; in a dry run, what all have on average."""
    found, shared = step.values(sharing.part_id(step.task)), _shared(step)
    if "scale" not in shared:
        return cast("int", step.task.args["average"])
    weight = Weight(cast("int", found["bits"]), Fraction(str(step.task.args["seconds"])))
    return rates.shared(weight, Fraction(str(shared["scale"])), rate.maximum)


def _peak(step: Step, rate: Rate) -> int:
    if rate.maximum is not None:
        return rate.maximum
    peak = _shared(step).get("peak", step.task.args.get("average", 0))
    return ABOVE_AVERAGE * cast("int", peak)


def _shared(step: Step) -> dict[str, object]:
    return dict(step.values(sharing.share_id(step.task)))


def _tightened(rate: Rate, times: int) -> Rate:
    assert rate.maximum is not None  # asked before
    maximum = int(rate.maximum * TIGHTENED**times)
    average = None if rate.average is None else min(rate.average, maximum)
    return replace(rate, maximum=maximum, average=average)
