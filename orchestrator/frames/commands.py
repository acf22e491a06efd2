"""The command of each task of a render: the renderer's words, or our own program on the node."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from orchestrator.frames import asks, verdicts
from orchestrator.frames.names import Sequence
from orchestrator.frames.plan import span_of
from orchestrator.frames.renderer import Order, Renderer
from orchestrator.frames.work.attempt import FOLDER
from orchestrator.model.node import Places
from orchestrator.model.work import Command, Kind, Result, Task, TaskId, task_id

WORK = "orchestrator.frames.work"
PROBE_LIMIT_S = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class Commands:
    """Says what is run on a node."""

    renderer: Renderer

    def of(self, task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
        """Return the command of a task."""
        match task.kind:
            case Kind.PROBE:
                return self._look(task, where)
            case Kind.PUBLISH:
                return self._publish(task, where, done)
            case Kind.VERIFY:
                return self._verify(task, where, done)
            case _:
                return self._render(task, where)

    def _render(self, task: Task, where: Places) -> Command:
        order = Order(
            job=task.job,
            span=span_of(task.args),
            folder=f"{where.attempt}/{FOLDER}",
            pattern=self._sequence(task).pattern,
            where=where,
        )
        return Command(
            self.renderer.words(order),
            watch=self.renderer.watch,
            folders=(FOLDER,),
            notice=verdicts.notice(self.renderer.troubles, task.job.asks),
            postflight=(where.program("python"), "-m", WORK, "check"),
            input=self._wanted(order),
        )

    def _wanted(self, order: Order) -> Mapping[str, object]:
        """Return what must be there when the renderer has ended."""
        frames, pattern = order.span.frames(), order.pattern
        asked = {
            "folder": FOLDER,
            "decimals": pattern.decimals,
            "black": order.asks.get("blackFrames", "accept"),
        }
        if not pattern.digits:
            made = self.renderer.made(order, frames[0])
            return {**asked, "frames": [[label(order), made]], "single": len(frames)}
        named = [[pattern.number(f), self.renderer.made(order, f)] for f in frames]
        return {**asked, "frames": named}

    def _look(self, task: Task, where: Places) -> Command:
        """Return what looks at the scene, and at the frames that are there."""
        job = task.job
        reads = [where.source(path) for _, path in self.renderer.reads(job)]
        asked: dict[str, object] = {"reads": reads, "skips": asks.skips(job)}
        if asks.is_known(job):
            asked["sequence"] = _there(self._sequence(task), where).data()
        return _work(where, "look", asked, PROBE_LIMIT_S)

    def _publish(self, task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
        sequence, span = _there(self._sequence(task), where), span_of(task.args)
        (render,) = task.needs
        made = done.get(render)
        frames = span.frames()
        named = [[sequence.number(f), sequence.name(f)] for f in frames]
        if not sequence.pattern.digits:
            named = [[_label(sequence, len(frames)), sequence.name(frames[0])]]
        asked: dict[str, object] = {
            "from": where.result(render),
            "sha256": made.values.get("sha256", "") if made else "",
            "made_by": made.attempt if made else "",
            "folder": sequence.pattern.folder,
            "destination": sequence.pattern.words,
            "frames": named,
            **({} if sequence.pattern.digits else {"single": len(frames)}),
            "ifExists": task.job.if_exists.value,
            "mends": asks.skips(task.job),
            "attempt": posixpath.basename(where.attempt),
            "sweeps": bool(task.tries or task.losses or task.waits),
        }
        return _work(where, "publish", asked)

    def _verify(self, task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
        published = [need for need in task.needs if need.endswith(f"/{Kind.PUBLISH.value}")]
        asked: dict[str, object] = {
            "sequence": _there(self._sequence(task), where).data(),
            "attempt": posixpath.basename(where.attempt),
            "published": [_list_of(need, where, done) for need in published],
        }
        probe = task_id(task.job.id, Kind.PROBE)
        if probe in task.needs:
            looked = done.get(probe)
            digest = looked.values.get("list_sha256", "") if looked else ""
            asked["looked"] = [where.result(probe), digest]
        return _work(where, "verify", asked)

    def _sequence(self, task: Task) -> Sequence:
        late = cast("Mapping[str, str]", task.args.get("tokens", {}))
        return asks.sequence(self.renderer, task.job, late)


def label(order: Order) -> str:
    """Return what a segment of one file is called in sentences: its frame, or its frames."""
    whole = Sequence(pattern=order.pattern, span=order.span)
    return _label(whole, order.span.count)


def _label(sequence: Sequence, frames: int) -> str:
    first, last = sequence.span.first, sequence.span.last
    number = sequence.pattern.number
    return number(first) if frames == 1 else f"{number(first)}-{number(last)}"


def _list_of(need: TaskId, where: Places, done: Mapping[TaskId, Result]) -> list[object]:
    """Return where a publish task's list of files is, its hash, and whose it is."""
    made = done.get(need)
    if made is None:  # in a dry run
        return [where.result(need), "", ""]
    return [where.result(need), made.values.get("list_sha256", ""), made.attempt]


def _there(sequence: Sequence, where: Places) -> Sequence:
    """Return a sequence with its folder as the node calls it."""
    folder = where.source(sequence.pattern.folder)
    return replace(sequence, pattern=replace(sequence.pattern, folder=folder))


def _work(
    where: Places, verb: str, asked: Mapping[str, object], limit_s: float | None = None
) -> Command:
    return Command(
        (where.program("python"), "-m", WORK, verb),
        input=asked,
        limit_s=limit_s,
        cwd=where.attempt,  # whatever the job's workingDirectory: input.json stands here
    )
