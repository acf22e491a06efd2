"""Data to text for people: pure, so that a golden file is its test.

Nothing is folded to the width of the terminal: what somebody copies stands in one line.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len

from orchestrator.cli.show import plain

Data = dict[str, object]

BAR_CELLS = 10


def batches(data: Sequence[Data], hidden: int = 0) -> str:
    """Return a row a batch (F-MON-9); `hidden` of them are not in `data`."""
    names = ("name", "submitted", "by", "type", "priority", "elapsed", "left", "status", "%")
    cells = [
        (
            text(each["batchid"]),
            text(each["submissionTime"])[:16].replace("T", " "),
            text(each["sentBy"]),
            text(each["jobType"]),
            text(each["priority"]),
            text(each["timeElapsed"]),
            "" if each["status"] in _FINAL else text(each["timeRemaining"]),
            _status(each),
            _progress(each),
        )
        for each in data
    ]
    more = f"\n{hidden} older ones: orchestrator status --all" if hidden else ""
    return _table(names, cells) + more


def tree(data: Data) -> str:
    """Return one batch: a headline, a row for each job and target, what there is to say of them."""
    jobs = rows(data["jobs"])
    return "\n".join((_headline(data), _jobs(jobs), *_remarks(jobs)))


def part(data: Data) -> str:
    """Return one batch, job, target or task, as its data shows what it is."""
    if "tasks" in data:
        return tasks(rows(data["tasks"]))
    if "jobs" in data:
        return tree(data)
    return "\n".join((_jobs([data]), *_remarks([data])))


def tasks(data: Sequence[Data]) -> str:
    """Return a row a task, with its frames and where it runs or ran."""
    names = ("task", "status", "frames", "attempts", "node", "reason")
    cells = [
        (
            text(each["id"]),
            text(each["status"]),
            _span(each),
            text(each["attempts"]),
            text(each["node"]),
            text(each["reason"]),
        )
        for each in data
    ]
    return _table(names, cells)


def accounts(data: Sequence[Data]) -> str:
    """Return what `explain` says, a paragraph for each part."""
    return "\n\n".join("\n".join(_account(each)) for each in data)


def listed(names: Sequence[str], data: Sequence[Data]) -> str:
    """Return a row for each of `data`, with the given columns."""
    return _table(names, [tuple(cell(each[name]) for name in names) for each in data])


def plans(data: Data) -> str:
    """Return what a dry run found: targets, notes, segments, and every command's words."""
    lines: list[str] = []
    for job in rows(data["jobs"]):
        lines.append(f"{text(job['jobid'])}: {text(job['reason']) or 'can be done'}")
        lines += _commands(rows(job["tasks"]))
        for target in rows(job["targets"]):
            lines += _plan(target)
    return "\n".join(lines)


_FINAL = {"Successful", "Cancelled", "Failed"}


def _headline(data: Data) -> str:
    left = text(data["timeRemaining"])
    more = f", about {left} left" if left and data["status"] not in _FINAL else ""
    how_far = f"{data['percentComplete']} %, {data['timeElapsed']} elapsed{more}"
    reason = f": {text(data['reason'])}" if data["reason"] else ""
    return f"Batch {text(data['batchid'])}: {_status(data)}, {how_far}{reason}"


def _jobs(jobs: Sequence[Data]) -> str:
    cells: list[tuple[str, ...]] = []
    for job in jobs:
        cells.append((text(job["name"]), _status(job), "", "", _progress(job)))
        cells += [_target_cells(target) for target in rows(job["targets"])]
    return _table(("job, target", "status", "segments", "frames", "%"), cells)


def _status(data: Data) -> str:
    """Return the state, and while something still goes on how many parts have failed."""
    failed = data["failedParts"] if data["status"] not in _FINAL else 0
    return f"{data['status']} ({failed} failed)" if failed else text(data["status"])


def _target_cells(target: Data) -> tuple[str, ...]:
    counts = target["segments"]
    there = counts.items() if isinstance(counts, dict) else ()
    segments = ", ".join(f"{number} {name}" for name, number in there if number)
    frames = f"{target['framesDone']}/{target['frames']}" if target["frames"] else ""
    name, status = f"  {text(target['name'])}", text(target["status"])
    return name, status, segments, frames, _progress(target)


def _remarks(jobs: Sequence[Data]) -> Iterator[str]:
    for job in jobs:
        if job["reason"]:
            yield f"{text(job['name'])}: {text(job['reason'])}"
        for target in rows(job["targets"]):
            name = f"{text(job['name'])}/{text(target['name'])}"
            if target["destination"]:
                yield f"{name}: {text(target['destination'])}"
            if target["reason"]:
                yield f"{name}: {text(target['reason'])}"
            yield from (f"{name}: note: {note}" for note in _words(target["notes"]))


def _account(data: Data) -> Iterator[str]:
    yield f"{text(data['id'])}: {data['status']}: {text(data['why'])}"
    yield from (f"  file: {file}" for file in _words(data["files"]))
    for each in rows(data["tries"]):
        came = text(each["why"]) or ("accepted" if each["accepted"] else "still open")
        yield f"  attempt {each['attempt']} on {text(each['node'])}, {each['opened']}: {came}"
    commands = [text(each["command"]) for each in rows(data["tries"]) if each["command"]]
    if commands:
        yield f"  command: {commands[-1]}"
    if data["alike"]:
        yield f"  and {data['alike']} more for the same reason"
    yield from (f"  next: {line}" for line in _words(data["next"]))


def _plan(target: Data) -> Iterator[str]:
    where = text(target["destination"])
    yield f"  target {text(target['name'])}" + (f" -> {where}" if where else "")
    yield from (f"    note: {note}" for note in _words(target["notes"]))
    for each in rows(target["segments"]):
        yield f"    segment {each['index']}: {each['frames']} frames, {_span(each)}"
    yield from _commands(rows(target["tasks"]))


def _commands(tasks: Sequence[Data]) -> Iterator[str]:
    for task in tasks:
        yield f"    {text(task['id'])}"
        yield from _around(task)
        yield f"      {text(task['command']) or text(task['why'])}"


def _around(task: Data) -> Iterator[str]:
    """Yield what is sent with a command, in the order in which it counts."""
    env = task.get("env")
    told = {
        "in": task.get("workingDirectory"),
        "with": _variables(env) if isinstance(env, dict) else "",
        "first": task.get("preflight"),
    }
    yield from (f"      {word} {text(said)}" for word, said in told.items() if said)


def _variables(env: Mapping[str, object]) -> str:
    """Return variables as a shell would have them written."""
    return " ".join(f"{name}={shlex.quote(str(value))}" for name, value in env.items())


def _span(segment: Data) -> str:
    """Return the first and the last frame of a segment, whose `end` is the one after it."""
    end = segment["end"]
    return f"{segment['start']}-{end - 1}" if isinstance(end, int) else ""


def _table(names: Sequence[str], cells: Sequence[tuple[str, ...]]) -> str:
    lines = [tuple(names), *cells]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return "  ".join(padded).rstrip()


def _progress(data: Data) -> str:
    """Return ``40 ████░░░░░░``."""
    percent = data["percentComplete"]
    done = percent if isinstance(percent, int) else 0
    full = done * BAR_CELLS // 100
    return f"{done:>3} {'█' * full}{'░' * (BAR_CELLS - full)}"


def text(value: object) -> str:
    """Return a value for people, such that it steers no terminal; None is nothing."""
    return "" if value is None else plain(str(value))


def cell(value: object) -> str:
    """Return a value or a list of them as it stands in a table."""
    return ", ".join(_words(value)) if isinstance(value, list | tuple) else text(value)


def _words(value: object) -> list[str]:
    return [text(each) for each in value] if isinstance(value, list | tuple) else []


def rows(value: object) -> list[Data]:
    """Return the mappings of a list in `Data`, whose values are of any type."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
