"""The plugin half of `scripted`: a probe, n segments, sound, joining, a look, and the move."""

from pathlib import Path
from typing import ClassVar

import scripted

from orchestrator.api import (
    Accept,
    Command,
    Kind,
    Progress,
    Reject,
    Review,
    Segment,
    Service,
    Target,
    Task,
    hookimpl,
    task_id,
)


class Scripted:
    name = "scripted"
    service = Service.RENDER
    setting_schema = None
    schema: ClassVar = {
        "description": "a text to put into capitals, in parts",
        "type": "object",
        "additionalProperties": False,
        "required": ["source", "destination", "starts"],
        "properties": {
            "source": {"description": "a text file", "type": "string", "format": "path"},
            "destination": {"description": "the result", "type": "string", "format": "path"},
            "starts": {
                "description": "where starts are counted",
                "type": "string",
                "format": "path",
            },
            "segments": {"description": "how many", "type": "integer", "default": 3},
        },
    }

    def review(self, job):
        return Review(claims=((("destination",), job.asks["destination"]),))

    def probe(self, job):
        return {}

    def plan(self, job, facts, room):
        frames, parts = facts.values["frames"], job.asks.get("segments", 3)
        cuts = [frames * part // parts for part in range(parts + 1)]
        segments = tuple(Segment(i, cuts[i], cuts[i + 1]) for i in range(parts))
        probed = task_id(job.id, Kind.PROBE)

        def task(kind, needs, segment=None):
            number = segment.index if segment else None
            id = task_id(job.id, kind, "text", number)
            return Task(id=id, job=job, kind=kind, target="text", segment=segment, needs=needs)

        encodes = [task(Kind.ENCODE, (probed,), segment) for segment in segments]
        sound = task(Kind.AUDIO, (probed,))
        joined = task(Kind.ASSEMBLE, (*(each.id for each in encodes), sound.id))
        looked = task(Kind.VERIFY, (joined.id,))
        moved = task(Kind.PUBLISH, (joined.id, looked.id))
        return (
            Target(
                name="text",
                tasks=(*encodes, sound, joined, looked, moved),
                segments=segments,
                destination=job.asks["destination"],
            ),
        )

    def command(self, task, where, done):
        asks = task.job.asks
        result = where.results
        asked = {"task": task.id, "source": asks["source"], "starts": asks["starts"]}
        match task.kind:
            case Kind.ENCODE:
                asked["span"] = [task.segment.start, task.segment.end]
            case Kind.ASSEMBLE:
                asked["parts"] = [
                    str(Path(result[need]) / ("audio" if need.endswith("audio") else "segment"))
                    for need in task.needs
                ]
            case Kind.VERIFY | Kind.PUBLISH:
                asked["final"] = str(Path(result[task.needs[0]]) / "final")
                asked["destination"] = asks["destination"]
        argv = (where.program("python"), "-I", "-S", scripted.HERE, task.kind.value, where.attempt)
        return Command(argv, watch=r"^frame=\d+", input=asked, limit_s=60)

    def progress(self, task, line):
        return Progress(int(line.partition("=")[2]))

    def check(self, task, outcome):
        if task.kind is Kind.ENCODE and outcome.result.get("frames") != task.segment.frames:
            return Reject("wrong number of frames")
        return outcome.exit_fault or Accept()


@hookimpl
def orchestrator_processors():
    return (Scripted(),)
