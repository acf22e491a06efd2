"""What a job wants done once its files are published: the tasks of it, and their commands (F-SUB-9)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.errors import PluginError
from orchestrator.model.addresses import EVERYWHERE
from orchestrator.model.node import Places
from orchestrator.model.work import Command, Job, Kind, Target, Task, TaskId, task_id

TOKEN = re.compile(r"\{(destination|batch)\}")
"""What the words of a command may name."""

OF_JOB = frozenset({"copy", "move", "submit"})
"""What is done once, after all targets of the job; the rest, after each."""

LIMIT_S = 7 * 24 * 3600.0
STALL_S = 600.0
"""A copy tells of every second; what is silent for so long hangs."""


def added(job: Job, targets: Sequence[Target]) -> tuple[Target, ...]:
    """Return the targets with the job's actions as tasks, each after the one before it.

    What is done once for the job stands in its last target, and needs what comes before in all.
    """
    latest = {target.name: _ends(target) for target in targets}
    more: dict[str, list[Task]] = {target.name: [] for target in targets}
    whole = _whole(targets)
    last = whole[-1]
    for number, action in enumerate(job.actions):
        if OF_JOB & action.keys():
            needs = tuple(dict.fromkeys(id for target in targets for id in latest[target.name]))
            task = _task(job, last, number, needs)
            more[last.name].append(task)
            latest = {target.name: (task.id,) for target in targets}
            continue
        for target in whole:
            task = _task(job, target, number, latest[target.name])
            more[target.name].append(task)
            latest[target.name] = (task.id,)
    return tuple(replace(each, tasks=(*each.tasks, *more[each.name])) for each in targets)


def command(task: Task, where: Places, source: str, allow: Sequence[str] | None) -> Command:
    """Return the command of an action.

    :param source: the file that the job is about, as manifests name it; empty: there is none
    :param allow: addresses that are not public and may be called; None: any

    Raises PluginError for an action that is none.
    """
    if "command" in task.args:
        return _words(task, where)
    asked: dict[str, object] = {"attempt": where.attempt.rpartition("/")[2]}
    destination = where.source(str(task.args.get("destination", "")))
    match task.args:
        case {"webhook": url}:
            asked |= {
                "do": "webhook",
                "url": url,
                "key": task.id,
                "allow": list(EVERYWHERE if allow is None else allow),
            }
            asked["body"] = {
                "batch": task.job.batch,
                "job": task.job.id,
                "target": task.target,
                "destination": destination,
            }
        case {"copy": folder} | {"move": folder} if source:
            do = "copy" if "copy" in task.args else "move"
            asked |= {"do": do, "source": where.original(source)}
            asked["folder"] = where.source(str(folder))
        case {"submit": {"name": name}}:
            asked |= {"do": "submit", "name": name}
        case {"copy": _} | {"move": _}:
            raise PluginError(f"task {task.id}: processor {task.job.processor!r} names no source")
        case _:
            raise PluginError(f"task {task.id}: this action has no command")
    return Command(
        (where.program("python"), "-m", "orchestrator.agent.acting"),
        input=asked,
        limit_s=LIMIT_S,
        stall_s=STALL_S,
        watch=r"^copied=\d",
        cwd=where.attempt,
    )


def _whole(targets: Sequence[Target]) -> list[Target]:
    """Return the targets that are a result of their own, not a part of another's."""
    owner = {task.id: target.name for target in targets for task in target.tasks}
    parts = {
        owner[need]
        for target in targets
        for task in target.tasks
        for need in task.needs
        if owner.get(need, target.name) != target.name
    }
    return [target for target in targets if target.name not in parts] or list(targets)


def _ends(target: Target) -> tuple[TaskId, ...]:
    published = tuple(task.id for task in target.tasks if task.kind is Kind.PUBLISH)
    looked = tuple(  # where a sequence is looked at once all of it is in its place
        task.id
        for task in target.tasks
        if task.kind is Kind.VERIFY and not {*published}.isdisjoint(task.needs)
    )
    return looked or published or tuple(task.id for task in target.tasks)


def _task(job: Job, target: Target, number: int, needs: tuple[TaskId, ...]) -> Task:
    return Task(
        id=task_id(job.id, Kind.ACTION, target.name, number),
        job=job,
        kind=Kind.ACTION,
        target=target.name,
        args={**job.actions[number], "destination": target.destination},
        needs=needs,
    )


def _words(task: Task, where: Places) -> Command:
    """Fill ``{destination}`` and ``{batch}`` into the words."""
    words = task.args["command"]
    if not isinstance(words, list | tuple) or not words:
        raise PluginError(f"task {task.id}: this action has no command")
    destination = where.source(str(task.args.get("destination", "")))
    names = {"destination": destination, "batch": task.job.batch}
    # in one pass: a destination may be called {batch}
    own = (where.source(str(word)) for word in words)
    return Command(tuple(TOKEN.sub(lambda hit: names[hit[1]], word) for word in own))
