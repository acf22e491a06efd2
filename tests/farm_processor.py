"""A processor whose graph is whole and whose work is nothing: probe, parts, join, look, publish."""

import itertools
import types
from dataclasses import replace

from orchestrator.api import (
    Accept,
    Again,
    Command,
    Kind,
    Reject,
    Replan,
    Review,
    Rework,
    Segment,
    Service,
    Target,
    Task,
    hookimpl,
    task_id,
)

FRAMES = 10
"""Of each segment, unless the job says `sizes`."""


class Parts:
    """`with`: ``segments`` or ``sizes`` (frames of each), ``targets``, ``probe: false``.

    ``gate``: why every target but the first, which they need, waits for a person.
    ``source`` and ``reads``: files it reads.  ``analyses``: two passes, as an encoder's.
    """

    name = "parts"
    service = Service.RENDER
    schema = types.MappingProxyType({"type": "object"})
    setting_schema = None

    def review(self, job):
        files = [job.asks["source"]] if "source" in job.asks else []
        files += job.asks.get("reads", ())
        return Review(media=tuple((("source",), file) for file in files))

    def probe(self, job):
        return {"depth": 0} if job.asks.get("probe", True) else None

    def plan(self, job, facts, room):
        if facts.values.get("impossible"):
            raise ValueError("the source has no picture; choose another")
        names = job.asks.get("targets", ("web",))
        made = [self._target(job, name, facts.values.get("depth", 0)) for name in names]
        if gate := job.asks.get("gate"):
            needed = made[0].tasks[-1].id
            made[1:] = [_behind(each, needed, gate) for each in made[1:]]
        return tuple(made)

    def _target(self, job, name, depth):
        sizes = job.asks.get("sizes") or [FRAMES] * job.asks.get("segments", 2)
        ends = list(itertools.accumulate(sizes))
        segments = [Segment(n, ends[n] - sizes[n], ends[n]) for n in range(len(sizes))]
        probe = (task_id(job.id, Kind.PROBE),) if job.asks.get("probe", True) else ()
        destination = f"/out/{job.id}/{name}.mov"

        def task(kind, *needs, **more):
            segment = more.get("segment")
            id = task_id(job.id, kind, name, segment.index if segment else None)
            args = {"destination": destination, "depth": depth}
            return Task(id=id, job=job, kind=kind, target=name, args=args, needs=needs, **more)

        parts = [task(Kind.ANALYSE, *probe, segment=s) for s in segments]
        shared = task(Kind.ANALYSE, *probe, *(part.id for part in parts))
        before = (*parts, shared) if job.asks.get("analyses") else ()
        needs = [(part.id, shared.id) if before else () for part in parts]
        encodes = [
            task(Kind.ENCODE, *needs[s.index], *probe, segment=s, weight=float(s.frames))
            for s in segments
        ]
        audio = task(Kind.AUDIO, *probe)
        joined = task(Kind.ASSEMBLE, *(each.id for each in encodes), audio.id)
        looked = task(Kind.VERIFY, joined.id)
        moved = task(Kind.PUBLISH, joined.id, looked.id)
        return Target(
            name=name,
            tasks=(*before, *encodes, audio, joined, looked, moved),
            segments=tuple(segments),
            destination=destination,
        )

    def command(self, task, where, done):
        parts = [where.result(need) for need in task.needs]
        asked = {**task.args, "parts": parts}
        return Command((task.kind.value, task.id), input=asked, limit_s=60)

    def progress(self, task, line):
        return None

    def check(self, task, outcome):
        result = outcome.result
        if "again" in result:
            return Again(result["again"], "it needs other arguments")
        if "rework" in result:
            return Rework({task.needs[0]: result["rework"]}, "its first part is too large")
        if "replan" in result:
            return Replan(result["replan"], "the source is not what the probe saw")
        if task.segment and outcome.exit_code == 0:
            wanted, found = task.segment.frames, result.get("frames", task.segment.frames)
            if found != wanted:
                return Reject(f"{found} frames of {wanted}")
        return outcome.exit_fault or Accept()


def _behind(target, needed, gate):
    """Return a target whose first tasks need one of another target's, and a person."""
    tasks = [
        task if task.kind.is_post else replace(task, needs=(*task.needs, needed))
        for task in target.tasks
    ]
    return replace(target, tasks=tuple(tasks), gate=gate)


def plugin(*processors, ended=None):
    """Return a plugin that offers the processors and hears the end of batches."""
    module = types.ModuleType("farm_plugin")
    module.orchestrator_processors = hookimpl(lambda: processors)
    if ended is not None:
        module.orchestrator_batch_ended = hookimpl(
            lambda batch, failed: ended.append((batch, failed))
        )
    return module
