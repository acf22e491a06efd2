"""The shell processor: any UNIX command as one task (F-SHELL-1, F-GEN-4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from orchestrator.api import (
    Accept,
    Command,
    Facts,
    Fault,
    Job,
    Kind,
    Outcome,
    Places,
    Processor,
    Progress,
    Reject,
    Result,
    Review,
    Room,
    Service,
    Target,
    Task,
    TaskId,
    Verdict,
    hookimpl,
    task_id,
)

TARGET = "command"
NUMBER = re.compile(r"[0-9]{1,15}")


class Shell:
    """Runs one command, not split; the commands of a batch are spread over the nodes."""

    name = "shell"
    service = Service.RENDER
    setting_schema = None
    schema: Mapping[str, object] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "shell",
        "description": "one command",
        "type": "object",
        "additionalProperties": False,
        "required": ["command"],
        "properties": {
            "command": {
                "description": "the program and its arguments, a word each; no shell reads them",
                "type": "array",
                "minItems": 1,
                "maxItems": 1000,
                "items": {"description": "one word", "type": "string", "maxLength": 8192},
                "examples": [["/usr/bin/touch", "/mnt/studio/out/done"]],
            },
            "successCodes": {
                "description": "exit codes that mean success, each 0 to 255; default 0 alone",
                "type": "array",
                "minItems": 1,
                "maxItems": 256,
                "uniqueItems": True,
                "items": {
                    "description": "0 to 255",
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 255,
                },
                "default": [0],
                "examples": [[0, 3]],
            },
            "progress": {
                "description": "a regular expression; a line that it matches tells how far the "
                "command is (the first number in it) and is not logged; default: none is",
                "type": "string",
                "minLength": 1,
                "maxLength": 500,
                "examples": ["^frame [0-9]+"],
            },
            "nonZeroIsFailure": {
                "description": "whether another exit code fails the command; default true",
                "type": "boolean",
                "default": True,
                "examples": [False],
            },
        },
    }

    def review(self, job: Job) -> Review:
        """Try the expression, name the program; what it needs and writes, only its author knows."""
        try:
            re.compile(str(job.asks.get("progress", "")))
        except re.error as error:
            text = f"is no regular expression: {error}; mend it"
            return Review(faults=(Fault(("progress",), text),))
        program = cast("Sequence[str]", job.asks["command"])[0]
        return Review(runs=((("command", 0), program),))

    def probe(self, job: Job) -> Mapping[str, object] | None:
        """Ask nothing: a command is known from the manifest."""
        return None

    def plan(self, job: Job, facts: Facts, room: Room) -> tuple[Target, ...]:
        """Return one target of one task."""
        id = task_id(job.id, Kind.RENDER, TARGET)
        task = Task(id=id, job=job, kind=Kind.RENDER, target=TARGET)
        return (Target(name=TARGET, tasks=(task,)),)

    def command(self, task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
        """Return the words as written; one that is a path, as the node calls it (F-STOR-14)."""
        asks = task.job.asks
        return Command(
            tuple(where.source(word) for word in cast("Sequence[str]", asks["command"])),
            watch=cast("str | None", asks.get("progress")),
        )

    def progress(self, task: Task, line: str) -> Progress | None:
        """Take the first number of a line that the job's expression matched."""
        found = NUMBER.search(line)
        return Progress(int(found[0])) if found else None

    def check(self, task: Task, outcome: Outcome) -> Verdict:
        """Accept a success code, or any where the job says that codes mean nothing."""
        asks = task.job.asks
        codes = cast("Sequence[int]", asks.get("successCodes", (0,)))
        if outcome.exit_code in codes or not asks.get("nonZeroIsFailure", True):
            return Accept()
        return outcome.exit_fault or Reject("exit code 0 is none of its successCodes")


@hookimpl
def orchestrator_processors() -> Iterable[Processor]:
    """Offer `shell`."""
    return (Shell(),)
