"""A task with all that its command follows from, and what the commands of several kinds share."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from orchestrator.api import Command, Kind, Places, Result, Task, TaskId, task_id
from orchestrator_compressor import asks, chain
from orchestrator_compressor.asks import Output
from orchestrator_compressor.beside import BURNED, FONTS, MADE_MARKS
from orchestrator_compressor.chain import Prop
from orchestrator_compressor.facts import Source
from orchestrator_compressor.product import Product
from orchestrator_compressor.recipe import Means
from orchestrator_compressor.sequences import CONTAINER
from orchestrator_compressor.supplied import NONE, Supplied
from orchestrator_compressor.timing import AS_SOURCE, PLAY

PROGRAM = ("-m", "orchestrator_compressor.work")
WATCH = r"^(frame|gate|time)=[\d.]+( gate=\d+)?"
FINAL = "final"  #: stem of the finished file
AUDIO = "audio"  #: stem of the encoded sound
SEGMENT = "segment"

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A task, with all that its command follows from."""

    task: Task
    where: Places
    done: Mapping[TaskId, Result]
    output: Output
    source: Source
    product: Product
    given: Supplied = NONE  #: what the job gives beside its source

    @property
    def is_sequence(self) -> bool:
        """Whether the output is a folder of images."""
        return self.output.setting.container == CONTAINER

    @property
    def means(self) -> Means:
        """What ffmpeg works with."""
        return Means(
            ffmpeg=self.where.program("ffmpeg"),
            threads=cast("int", self.task.args["threads"]),
            strict=self.task.job.on_decode_errors == "fail",
        )

    @property
    def probe(self) -> TaskId:
        """The job's probe."""
        return task_id(self.task.job.id, Kind.PROBE)

    def id(self, kind: Kind) -> TaskId:
        """Return the target's task of `kind`; its sound may be that of a target of its own."""
        shared = self.task.args.get("sound") if kind is Kind.AUDIO else None
        return task_id(self.task.job.id, kind, str(shared or self.task.target))

    def values(self, id: TaskId) -> Values:
        """Return what a task left behind; nothing in a dry run."""
        return self.done[id].values if id in self.done else {}

    def here(self, name: str) -> str:
        """Return the path of a file in the attempt's own folder."""
        return posixpath.join(self.where.attempt, name)

    def there(self, id: TaskId, name: str) -> str:
        """Return the path of a file that another task left."""
        return posixpath.join(self.where.result(id), name)


def work(
    step: Step, verb: str, words: Sequence[str], asked: Values, stall_s: float | None = None
) -> Command:
    """Return our own program on the node: the verb, ffmpeg's words, and what it must know."""
    tail = ("--", *words) if words else ()
    return Command(
        (step.where.program("python"), *PROGRAM, verb, *tail),
        input=asked,
        stall_s=stall_s,
        watch=WATCH if words else None,
        cwd=step.where.attempt,  # whatever the job's workingDirectory: input.json stands here
    )


def source(step: Step) -> dict[str, object]:
    """Return what every verb must know of the source."""
    return {
        "source": step.source.path,
        "fingerprint": step.source.fingerprint,
        **({"refers": list(step.source.refers)} if step.source.refers else {}),
        "decode_errors": step.task.job.on_decode_errors,
        "ffmpeg": step.means.ffmpeg,
        "threads": step.means.threads,
    }


def props(step: Step) -> dict[str, object]:
    """Return what must stand in the attempt's folder for the filters of the pictures to be read."""
    picture = step.product.picture
    wanted = chain.props(picture.chain) if picture else ()
    if not wanted:
        return {}
    paths = [path for _, path in asks.read(step.task.job).files]
    digests = dict(zip(paths, step.source.props, strict=False))
    return {"stage": [_prop(step, each, digests) for each in wanted]}


def _prop(step: Step, prop: Prop, digests: Mapping[str, str]) -> dict[str, object]:
    if prop.text is not None:
        return {"name": prop.name, "text": prop.text}
    if not prop.path:
        return {"name": prop.name}
    path = step.where.source(prop.path)
    return {"name": prop.name, "path": path, "digest": digests.get(prop.path)}


def shown(step: Step) -> dict[str, object]:
    """Return how frames follow from the index, to say when in the source one of them is shown."""
    picture, span = step.product.picture, step.source.span
    if picture is None or picture.timing.kind in {AS_SOURCE, PLAY}:
        return {"first": span.first} if span else {}
    return {"output": {**picture.timing.spec, **within(step)}}


def table(step: Step) -> dict[str, str]:
    """Return where the probe left the index."""
    path = step.there(step.probe, step.source.table_file)
    return {"path": path, "sha256": step.source.table_sha256}


def marks(step: Step) -> dict[str, object] | None:
    """Return where the probe wrote down cues and chapters; None: the source has none."""
    found = step.source.marks
    if found is None:
        return None
    return {**found, "path": step.there(step.probe, str(found["file"]))}


def made_marks(step: Step) -> dict[str, object] | None:
    """Return where the streams task wrote down cues and chapters; None: there are none."""
    if not step.product.extras.has_marks:
        return None
    streams = step.id(Kind.STREAMS)
    told = cast("Values", step.values(streams).get("files") or {}).get(MADE_MARKS)
    sha256 = {"sha256": told} if told else {}
    return {"path": step.there(streams, MADE_MARKS), **sha256}


def burned(step: Step) -> dict[str, object]:
    """Return what the filters of the pictures read from the attempt's own folder."""
    if not step.product.extras.burned:
        return {}
    streams = step.id(Kind.STREAMS)
    told = cast("Values", step.values(streams).get("files") or {})
    files = {name: told.get(name, "") for name in (BURNED, FONTS)}
    return {"beside": {"folder": step.where.result(streams), "files": files}}


def times(step: Step) -> dict[str, object]:
    """Return where each frame of the output is shown: the index, and what becomes of it."""
    picture = step.product.picture
    if picture is None:
        return {"table": None, "output": {"kind": "source"}}
    return {"table": table(step), "output": {**picture.timing.spec, **within(step)}}


def within(step: Step) -> dict[str, str]:
    """Return which part of the source's table is meant; nothing: all of it."""
    return step.source.span.words if step.source.span else {}


def segments(step: Step) -> list[tuple[TaskId, int, int]]:
    """Return the encode tasks of the target with the frames of each, in order."""
    ids = [need for need in step.task.needs if need.endswith(f"/{Kind.ENCODE.value}")]
    cuts = cast("Sequence[int]", step.task.args["cuts"])
    return list(zip(ids, cuts, cuts[1:], strict=False))
