"""The probe: it asks what a source is, and whether its outputs have a place to go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from orchestrator.api import Command, IfExists, Job, Places, Task
from orchestrator_compressor import asks
from orchestrator_compressor.asks import Asks
from orchestrator_compressor.facts import PACKETS
from orchestrator_compressor.steps.step import PROGRAM

PROBE_LIMIT_S = 4 * 3600.0


def args(job: Job) -> dict[str, object]:
    """Return the arguments of a job's probe."""
    wanted = asks.read(job)
    return {
        "mode": PACKETS,
        "video_wanted": wanted.wants_video,
        "scenes": _scenes(job, wanted),
        "points": [wanted.begin, wanted.until],
        "rate": str(wanted.rate) if wanted.rate else None,
        "destinations": [
            path
            for output, path in (
                *(
                    (output, path)
                    for output, main in asks.known_paths(job, wanted)
                    for path in asks.placed(wanted, output, main)
                ),
                *asks.known_reports(job, wanted),
            )
            if output.if_exists is not IfExists.NUMBER
        ],
        **({"props": [list(each) for each in wanted.files]} if wanted.files else {}),
    }


def _scenes(job: Job, wanted: Asks) -> str:
    """Return whether scene changes are looked for: only where the rule cuts, and a join costs."""
    split = job.split
    is_free = split.seconds is None and split.frames is None and split.cuts is None
    pays = any(
        output.setting.allow_segmenting
        and output.setting.video
        and not output.setting.video.codec.intra
        for output in wanted.outputs
    )
    return split.scenes if is_free and pays else "never"


def command(task: Task, where: Places) -> Command:
    """Return the command that probes; the only one that knows nothing of the source."""
    source = where.source(str(task.job.asks["source"]))
    first = task.args.get("mode", PACKETS) == PACKETS
    refers = cast("Sequence[str]", task.args.get("refers", ()))
    asked = {
        **task.args,
        "source": source,
        "origin": where.original(str(task.job.asks["source"])),
        "refers": [where.source(path) for path in refers],
        "named": [where.original(path) for path in refers],
        "ffmpeg": where.program("ffmpeg"),
        "stream": None,
    }
    known = cast("Sequence[str]", task.args.get("destinations", ())) if first else ()
    asked["destinations"] = [where.source(path) for path in known]
    if props := cast("Sequence[Sequence[str]]", task.args.get("props", ())):
        asked["props"] = [[kind, where.source(path)] for kind, path in props]
    # later: what stands there now may be what the first plan wrote
    return Command(
        (where.program("python"), *PROGRAM, "probe"),
        input=asked,
        limit_s=PROBE_LIMIT_S,
        cwd=where.attempt,
    )
