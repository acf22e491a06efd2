"""What a processor says of a case: asked as the controller asks it, by the same caller."""

from __future__ import annotations

import importlib.metadata as metadata
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from orchestrator.decide.settle import judge
from orchestrator.errors import PluginError
from orchestrator.manifest import advice
from orchestrator.manifest.check import check
from orchestrator.manifest.finding import Document, Place
from orchestrator.manifest.formats import formatted
from orchestrator.manifest.setting import Setting, Settings, built_in
from orchestrator.manifest.times import seconds
from orchestrator.model.codec import dump
from orchestrator.model.node import Places
from orchestrator.model.work import (
    Command,
    Facts,
    Follower,
    IfExists,
    Job,
    Kind,
    Result,
    Review,
    Room,
    Split,
    Target,
    Task,
    task_id,
)
from orchestrator.plugin.caller import Caller, Unplannable
from orchestrator.plugin.hooks import PROJECT
from orchestrator.plugin.manager import Plugins
from orchestrator.testing.verdicts import outcome_of, verdict_data

BATCH = "golden-0001"
ATTEMPT = "OUT"
"""What the attempt's folder is called in commands."""

STORE = "/store"
"""Where the folders of accepted attempts are: each is called after its task."""

ROOM = {"instances": 2, "cores": 4, "node_instances": 1, "date": "2026-05-04"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked: the case as data, and what its probe left beside."""

    name: str
    data: Mapping[str, Any]
    files: Mapping[str, bytes]


def answers(asked: Asked) -> dict[str, Any]:
    """Return every answer, by the keys of a golden file, in the order of a job's life.

    Raises PluginError for a processor that is not there, raises, or answers what it may not.
    """
    caller = Caller(loaded())
    job, faults = _job(caller.plugins, asked)
    review = Review() if faults else caller.review(job)
    faults += [(_joined(fault.path), fault.text) for fault in review.faults]
    if faults:
        return {"faults": _gathered(faults)}
    told: dict[str, Any] = {
        "faults": {},
        **_review(review),
        "followers": _followers(caller.plugins, job),
        "probe": _probe(caller, job),
    }
    facts = Facts(values=asked.data.get("facts", {}), files=_files(asked))
    try:
        targets = caller.plan(job, facts, Room(**{**ROOM, **asked.data.get("room", {})}))
    except Unplannable as error:
        return {**told, "impossible": str(error)}
    probe = _probe_task(job, told["probe"])
    return {**told, **_plan(targets), **_work(caller, asked, targets, probe)}


@cache
def loaded() -> Plugins:
    """Return the installed plugins, in this very process: a debugger and coverage see them."""
    found = metadata.entry_points(group=PROJECT)
    return Plugins.given(**{each.name: each.load() for each in found})


def _files(asked: Asked) -> dict[str, bytes]:
    texts: Mapping[str, str] = asked.data.get("files", {})
    return {**{name: text.encode() for name, text in texts.items()}, **asked.files}


def _job(plugins: Plugins, asked: Asked) -> tuple[Job, list[tuple[str, str]]]:
    """Return the job, and what is wrong with its ``with`` by the processor's schema."""
    processor = plugins.processor(asked.data["processor"])
    asks = asked.data["with"]
    faults = _schema_faults(processor.schema, asks)
    settings = _settings(plugins, asked.data.get("settings", {}))
    named = formatted(asks, processor.schema) if not faults else ()
    specs: dict[str, Mapping[str, object]] = {}
    for path, text, kind in named:
        if kind == "setting" and (found := settings.find(text)):
            specs[text] = found.spec
        elif kind == "setting":
            hint = advice.meant(text, settings.names(processor.name))
            faults.append((_joined(path), f"unknown setting {advice.shown(text)}; {hint}"))
    job = Job(
        id=f"{BATCH}/{asked.name}",
        name=asked.name,
        processor=processor.name,
        service=processor.service,
        asks=asks,
        settings=specs,
    )
    return _beside(job, asked.data.get("job", {})), faults


def _beside(job: Job, keys: Mapping[str, Any]) -> Job:
    """Return the job with what a batch says beside ``with``."""
    split = dict(keys.get("segments", {}))
    if "cuts" in split:
        split["cuts"] = tuple(split["cuts"])
    return replace(
        job,
        requires=keys.get("requires", {}),
        env=keys.get("env", {}),
        preflight=tuple(keys.get("preflight", ())),
        working_directory=keys.get("workingDirectory"),
        timeout_s=seconds(keys["timeout"]) if "timeout" in keys else None,
        stall_s=seconds(keys["stallAfter"]) if "stallAfter" in keys else None,
        if_exists=IfExists(keys.get("ifExists", "fail")),
        split=Split(**split),
        on_decode_errors=keys.get("onDecodeErrors", "fail"),
    )


def _schema_faults(
    schema: Mapping[str, object], asks: Mapping[str, object]
) -> list[tuple[str, str]]:
    """Return what the reader of batches would say of ``with``, with its path."""
    document = Document(file="", data=asks, places={(): Place()}, keys={})
    told = (fault.text.partition(": ") for fault in check(document, (), schema))
    return [(_slashed(path), text) for path, _, text in told]


def _slashed(shown: str) -> str:
    """Return the path that a finding shows as a golden file has it."""
    return "" if shown == "document" else re.sub(r"\.|\[(\d+)\]", _step, shown).lstrip("/")


def _step(found: re.Match[str]) -> str:
    return f"/{found[1]}" if found[1] else "/"


def _settings(plugins: Plugins, own: Mapping[str, Mapping[str, Any]]) -> Settings:
    near = {
        name: Setting(name=name, processor=str(spec.get("processor")), spec=spec)
        for name, spec in own.items()
    }
    return Settings(
        near=near,
        faulty=frozenset(),
        built_in=_built_in(plugins.settings_folders()),
        processors=plugins.processors,
    )


@cache
def _built_in(folders: tuple[Path, ...]) -> Mapping[str, Path]:
    return built_in(folders)


def _probe(caller: Caller, job: Job) -> Any:
    args = caller.probe(job)
    return None if args is None else dump(args)


def _probe_task(job: Job, args: Mapping[str, object] | None) -> tuple[Task, ...]:
    """Return the task of a job's probe, where it has one."""
    if args is None:
        return ()
    return (Task(id=task_id(job.id, Kind.PROBE), job=job, kind=Kind.PROBE, args=args),)


def _review(review: Review) -> dict[str, Any]:
    return {
        "claims": _by_path(review.claims),
        "media": _by_path(review.media),
        "needs": {name: [part for part, _ in parts] for name, parts in review.needs.items()},
        "plain": sorted(kind.value for kind in review.plain),
        "runs": _by_path(review.runs),
        "licences": list(review.licences),
    }


def _followers(plugins: Plugins, job: Job) -> list[dict[str, Any]]:
    """Return the jobs that a job asks for, where its processor knows of any."""
    follow = getattr(plugins.processor(job.processor), "follow", None)
    found = cast("Sequence[Follower]", follow(job) if follow else ())
    return [{"path": _joined(each.path), "job": dump(each.job)} for each in found]


def _by_path(pairs: Sequence[tuple[tuple[str | int, ...], str]]) -> dict[str, str | list[str]]:
    return _gathered([(_joined(path), file) for path, file in pairs])


def _gathered(pairs: Sequence[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Return path -> text; a list where a path stands for several."""
    found: dict[str, list[str]] = {}
    for path, text in pairs:
        found.setdefault(path, []).append(text)
    return {path: texts[0] if len(texts) == 1 else texts for path, texts in found.items()}


def _plan(targets: Sequence[Target]) -> dict[str, Any]:
    return {
        "destinations": {target.name: target.destination for target in targets},
        "segments": {
            target.name: [f"{each.start}-{each.end - 1}" for each in target.segments]
            for target in targets
        },
        "notes": [note for target in targets for note in target.notes],
        "gates": {target.name: target.gate for target in targets if target.gate},
    }


def _work(
    caller: Caller, asked: Asked, targets: Sequence[Target], probe: Sequence[Task]
) -> dict[str, Any]:
    """Return what is said of the tasks: commands, what their output means, what comes of them."""
    planned = [task for target in targets for task in target.tasks]
    tasks = {_end(task): task for task in (*planned, *probe)}
    commands = _commands(caller, asked.data.get("facts", {}), tasks)
    first = next(iter(tasks), "")
    told: dict[str, Any] = {
        "commands": {end: str(command) for end, command in commands.items()},
        "inputs": {end: dump(c.input) for end, c in commands.items() if c.input is not None},
    }
    if "progress" in asked.data:
        lines = asked.data["progress"]
        told["progress"] = {
            line: _progress(caller, tasks[first], commands[first], line) for line in lines
        }
    if "verdicts" in asked.data:
        told["verdicts"] = [
            {**each, "is": _verdict(caller, tasks, each.get("task", first), each)}
            for each in asked.data["verdicts"]
        ]
    return told


def _end(task: Task) -> str:
    """Return a task's id without batch and job."""
    return task.id.removeprefix(f"{task.job.id}/")


def _commands(
    caller: Caller, facts: Mapping[str, Any], tasks: Mapping[str, Task]
) -> dict[str, Command]:
    """Return each task's command on a node that has every program, called by its name."""
    folders = {task.id: f"{STORE}/{end.replace('/', '-')}" for end, task in tasks.items()}
    probes = {f"{task.job.id}/{Kind.PROBE.value}" for task in tasks.values()}
    where = Places(
        attempt=ATTEMPT,
        results={**folders, **dict.fromkeys(probes, f"{STORE}/probe")},
        programs=_Anything({name: name for name in ("python", *caller.plugins.checks())}),
    )
    done = dict.fromkeys(probes, Result(attempt="a1", values=facts))
    return {end: caller.command(task, where, done) for end, task in tasks.items()}


def _progress(caller: Caller, task: Task, command: Command, line: str) -> float | None:
    """Return the frames that a line tells; a line that `watch` does not match is never shown."""
    if command.watch is None or not re.search(command.watch, line):
        return None
    progress = caller.progress(task, line)
    return None if progress is None else progress.frames


def _verdict(caller: Caller, tasks: Mapping[str, Task], end: str, each: Mapping[str, Any]) -> Any:
    """Return what becomes of an outcome: the controller judges some before the processor."""
    if end not in tasks:
        known = ", ".join(tasks) or "none"
        raise PluginError(f"verdicts: there is no task {end!r}; there are: {known}")
    outcome = outcome_of(each)
    return verdict_data(judge(outcome) or caller.check(tasks[end], outcome))


def _joined(path: tuple[str | int, ...]) -> str:
    return "/".join(map(str, path))


class _Anything(dict[str, str]):
    """A node that has every program, called by its name."""

    def __missing__(self, name: str) -> str:
        return name
