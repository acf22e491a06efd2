"""A task and its node to a command: our own program there, ffmpeg's words, and what it must know."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import cast

from orchestrator.api import Command, IfExists, Job, Kind, Places, Result, Task, TaskId, task_id
from orchestrator_compressor import asks, expect, facts, finish, recipe
from orchestrator_compressor.asks import Output
from orchestrator_compressor.facts import PACKETS, STAND_IN, Source
from orchestrator_compressor.product import Product, settle
from orchestrator_compressor.recipe import Cut, Means

PROGRAM = ("-m", "orchestrator_compressor.work")
WATCH = r"^(frame|gate|time)=\d"
PROBE_LIMIT_S = 4 * 3600.0
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
        """Return the target's task of `kind`."""
        return task_id(self.task.job.id, kind, self.task.target)

    def values(self, id: TaskId) -> Values:
        """Return what a task left behind; nothing in a dry run."""
        return self.done[id].values if id in self.done else {}

    def here(self, name: str) -> str:
        """Return the path of a file in the attempt's own folder."""
        return posixpath.join(self.where.attempt, name)

    def there(self, id: TaskId, name: str) -> str:
        """Return the path of a file that another task left."""
        return posixpath.join(self.where.result(id), name)


def probe_args(job: Job) -> dict[str, object]:
    """Return the arguments of a job's probe."""
    wanted = asks.read(job)
    return {
        "mode": PACKETS,
        "video_wanted": wanted.wants_video,
        "destinations": [
            path
            for output, path in asks.known_paths(job, wanted)
            if output.if_exists is not IfExists.NUMBER
        ],
    }


def command(task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
    """Return the command of a task; KeyError for a kind that is none of ours."""
    if task.kind is Kind.PROBE:
        return _probe(task, where)
    wanted = asks.read(task.job)
    output = wanted.outputs[cast("int", task.args["output"])]
    found = done[task_id(task.job.id, Kind.PROBE)].values
    source = facts.read(found)
    refers = tuple({**each, "path": where.source(str(each["path"]))} for each in source.refers)
    stand_in = posixpath.join(where.attempt, STAND_IN) if refers else ""
    source = replace(source, path=where.source(wanted.source), refers=refers, stand_in=stand_in)
    step = Step(
        task=task,
        where=where,
        done=done,
        output=output,
        source=source,
        product=settle(output.setting, source),
    )
    return MAKERS[task.kind](step)


def _probe(task: Task, where: Places) -> Command:
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
    # later: what stands there now may be what the first plan wrote
    return Command(
        (where.program("python"), *PROGRAM, "probe"),
        input=asked,
        limit_s=PROBE_LIMIT_S,
        cwd=where.attempt,
    )


def _encode(step: Step) -> Command:
    picture, segment = step.product.picture, step.task.segment
    assert picture is not None  # the plan made this task for them
    assert segment is not None
    name = SEGMENT + picture.video.codec.suffix
    cut = Cut.load(cast("Values", step.task.args["cut"]))
    words = recipe.encode(step.means, step.source, cut, picture, step.here(name))
    seen = step.source.video
    expected = {"frames": segment.frames, **expect.picture(picture, name)}
    if not picture.video.codec.says_range:
        expected["range"] = None
    asked = {
        **_source(step),
        "segment": [segment.start, segment.end],
        "file": name,
        "expect": expected,
        "gate": "sampled" if picture.video.codec.intra else "full",
        "mode": step.task.args["mode"],
        "codec": seen.codec if seen else "",
        "table": _table(step),
    }
    return _work(step, "encode", words, asked, stall_s=picture.video.codec.stall_s)


def _audio(step: Step) -> Command:
    sound = step.product.sound
    assert sound  # the plan made this task for it
    name = AUDIO + sound.audio.codec.suffix
    words = recipe.audio(step.means, step.source, sound, step.here(name))
    heard = step.source.audio[0]
    asked = {
        **_source(step),
        "stream": sound.stream,
        "file": name,
        "expect": expect.sound(step.product, {}),
        "codec": heard.codec,
    }
    return _work(step, "audio", words, asked)


def _assemble(step: Step) -> Command:
    product, setting = step.product, step.output.setting
    name = f"{FINAL}.{setting.container}"
    sound = step.id(Kind.AUDIO)
    audio = step.there(sound, AUDIO + product.sound.audio.codec.suffix) if product.sound else None
    parts = finish.parts(product, step.here, audio)
    words = finish.finish(step.means, step.source, product, parts, step.here(name))
    asked = {
        **_source(step),
        **_times(step),
        "segments": [_segment(step, *each) for each in _segments(step)],
        "video": parts.video and posixpath.basename(parts.video),
        "container": setting.container,
        "audio": {**step.values(sound), "path": audio} if audio else None,
        "marks": _marks(step),
        "zero": str(product.zero),
        "chapters": parts.chapters,
        "subtitles": {str(n): path for n, path in parts.subtitles.items()},
        "covers": {str(n): path for n, path in parts.covers.items()},
        "final": name,
    }
    return _work(step, "assemble", words, asked)


def _verify(step: Step) -> Command:
    product, setting = step.product, step.output.setting
    made, final = step.id(Kind.ASSEMBLE), f"{FINAL}.{setting.container}"
    picture = None
    if product.picture:
        begin = product.picture.start - product.zero
        tags = expect.tags(product, cast("str | None", step.task.args["rate"]))
        picture = {**expect.picture(product.picture, final), **tags, "start": str(begin)}
    asked = {
        **_source(step),
        **_times(step),
        "file": step.there(made, final),
        "sha256": step.values(made).get("sha256", ""),
        "payload_sha256": step.values(made).get("payload_sha256", ""),
        "container": setting.container,
        "segments": [
            {"a": a, "b": b, "payload_sha256": step.values(id).get("payload_sha256", "")}
            for id, a, b in _segments(step)
        ],
        "expect": {
            "video": picture,
            "audio": expect.sound(product, step.values(step.id(Kind.AUDIO))),
            "streams": expect.listed(product),
            "subtitles": [
                {"stream": each.stream, "stacked": each.is_stacked}
                for each in product.others.subtitles
            ],
            "chapters": product.others.chapters,
        },
        "marks": _marks(step),
        "zero": str(product.zero),
        "setting": setting.name,
        "destination": step.where.source(str(step.task.args["destination"])),
    }
    return _work(step, "verify", [], asked)


def _publish(step: Step) -> Command:
    made = step.id(Kind.ASSEMBLE)
    digest = step.values(made).get("sha256", "")
    asked = {
        **_source(step),
        "file": step.there(made, f"{FINAL}.{step.output.setting.container}"),
        "sha256": digest,
        "accepted_sha256": digest,
        "destination": step.where.source(str(step.task.args["destination"])),
        "ifExists": step.output.if_exists.value,
        "attempt": PurePosixPath(step.where.attempt).name,
    }
    return _work(step, "publish", [], asked)


MAKERS = {
    Kind.ENCODE: _encode,
    Kind.AUDIO: _audio,
    Kind.ASSEMBLE: _assemble,
    Kind.VERIFY: _verify,
    Kind.PUBLISH: _publish,
}


def _work(
    step: Step, verb: str, words: Sequence[str], asked: Values, stall_s: float | None = None
) -> Command:
    tail = ("--", *words) if words else ()
    return Command(
        (step.where.program("python"), *PROGRAM, verb, *tail),
        input=asked,
        stall_s=stall_s,
        watch=WATCH if words else None,
        cwd=step.where.attempt,  # whatever the job's workingDirectory: input.json stands here
    )


def _source(step: Step) -> dict[str, object]:
    return {
        "source": step.source.path,
        "fingerprint": step.source.fingerprint,
        **({"refers": list(step.source.refers)} if step.source.refers else {}),
        "decode_errors": step.task.job.on_decode_errors,
        "ffmpeg": step.means.ffmpeg,
        "threads": step.means.threads,
    }


def _table(step: Step) -> dict[str, str]:
    path = step.there(step.probe, step.source.table_file)
    return {"path": path, "sha256": step.source.table_sha256}


def _marks(step: Step) -> dict[str, object] | None:
    """Return where the probe wrote down cues and chapters; None: the source has none."""
    marks = step.source.marks
    if marks is None:
        return None
    return {**marks, "path": step.there(step.probe, str(marks["file"]))}


def _times(step: Step) -> dict[str, object]:
    table = _table(step) if step.product.picture else None
    return {"table": table, "output": {"kind": "source"}}


def _segments(step: Step) -> list[tuple[TaskId, int, int]]:
    """Return the encode tasks of the target with the frames of each, in order."""
    ids = [need for need in step.task.needs if need.endswith(f"/{Kind.ENCODE.value}")]
    cuts = cast("Sequence[int]", step.task.args["cuts"])
    return list(zip(ids, cuts, cuts[1:], strict=False))


def _segment(step: Step, id: TaskId, a: int, b: int) -> dict[str, object]:
    values = step.values(id)
    picture = step.product.picture
    assert picture  # only pictures are cut
    kept = ("sha256", "payload_sha256", "extradata_sha256", "tag", "depth")
    path = step.there(id, SEGMENT + picture.video.codec.suffix)
    return {"path": path, "a": a, "b": b, **{key: values[key] for key in kept if key in values}}
