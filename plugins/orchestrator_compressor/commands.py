"""A task and its node to a command: our own program there, ffmpeg's words, and what it must know."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace

from orchestrator.api import Command, Kind, Places, Result, Task, TaskId, task_id
from orchestrator_compressor import asks, facts, ladder
from orchestrator_compressor.facts import STAND_IN
from orchestrator_compressor.product import settle
from orchestrator_compressor.steps import (
    analyse,
    assemble,
    audio,
    encode,
    package,
    probe,
    publish,
    stills,
    streams,
    verify,
)
from orchestrator_compressor.steps.step import Step

MAKERS = {
    Kind.ANALYSE: analyse.command,
    Kind.ENCODE: encode.command,
    Kind.AUDIO: audio.command,
    Kind.STREAMS: streams.command,
    Kind.ASSEMBLE: assemble.command,
    Kind.VERIFY: verify.command,
    Kind.PUBLISH: publish.command,
}

IMAGES = {Kind.ASSEMBLE: stills.gather, Kind.VERIFY: stills.inspect, Kind.PUBLISH: stills.place}
"""… of an output that is a sequence of images."""

LADDERS = {
    Kind.ASSEMBLE: package.command,
    Kind.VERIFY: package.verify,
    Kind.PUBLISH: package.place,
}
"""… of the target that packages the rungs of a ladder."""


def command(task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
    """Return the command of a task; KeyError for a kind that is none of ours."""
    if task.kind is Kind.PROBE:
        return probe.command(task, where)
    wanted = asks.read(task.job)
    output = asks.output_of(wanted, task.args)
    found = done[task_id(task.job.id, Kind.PROBE)].values
    source = facts.read(found)
    refers = tuple({**each, "path": where.source(str(each["path"]))} for each in source.refers)
    stand_in = posixpath.join(where.attempt, STAND_IN) if refers else ""
    source = replace(source, path=where.source(wanted.source), refers=refers, stand_in=stand_in)
    given = wanted.supplied
    if output.setting.ladder or "rung" in task.args:
        given = ladder.given(given)
    step = Step(
        task=task,
        where=where,
        done=done,
        output=output,
        source=source,
        product=settle(output.setting, source, given),
        given=given,
    )
    if step.is_sequence and task.kind in IMAGES:
        return IMAGES[task.kind](step)
    if "rungs" in task.args and task.kind in LADDERS:
        return LADDERS[task.kind](step)
    return MAKERS[task.kind](step)
