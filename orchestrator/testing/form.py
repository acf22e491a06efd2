"""The form of a golden file, as JSON Schema: what its reader checks, and people read behind `wanted:`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ANSWERS = (
    "faults",
    "claims",
    "media",
    "needs",
    "plain",
    "runs",
    "licences",
    "followers",
    "probe",
    "impossible",
    "destinations",
    "segments",
    "notes",
    "gates",
    "commands",
    "inputs",
    "progress",
    "verdicts",
)
"""The keys that a file may compare, in the order of a job's life."""


def form(own: tuple[str, ...] = ()) -> dict[str, object]:
    """Return the schema of a golden file; `own`: keys that the test itself understands."""
    more = {key: {"description": "understood by the test itself"} for key in own}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["processor", "with"],
        "properties": {**ASKED, **SAID, **more},
        "$defs": {"texts": TEXTS, "verdict": VERDICT},
    }


def _map(description: str, each: Mapping[str, Any] | bool = True) -> dict[str, Any]:
    return {"description": description, "type": "object", "additionalProperties": each}


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "type": "string"}


def _list(description: str, each: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "type": "array", "items": each}


def _number(description: str) -> dict[str, Any]:
    return {"description": description, "type": "integer", "minimum": 0}


def _closed(description: str, **keys: object) -> dict[str, Any]:
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "properties": keys,
    }


WORDS = _list("words", _text("one word"))
TEXTS = {
    "description": "a text, or a list of them",
    "anyOf": [_text("a text"), _list("texts", _text("a text"))],
}

JOB = _closed(
    "keys of the job beside `with`, as a batch has them",
    requires=_map("capabilities of a node", _text("what is wanted")),
    env=_map("environment variables", _text("a value")),
    preflight=WORDS,
    workingDirectory=_text("a folder"),
    timeout=_text("a time, as 4h"),
    stallAfter=_text("a time, as 60s"),
    ifExists={
        "description": "what becomes of a destination",
        "enum": ["fail", "replace", "number"],
    },
    segments=_map("how a person wants targets cut"),
    onDecodeErrors={"description": "fail or warn", "enum": ["fail", "warn"]},
)

ASKED: Mapping[str, object] = {
    "processor": _text("the name of an installed processor"),
    "with": _map("the job's `with`, as a batch has it; paths as the processor gets them"),
    "job": JOB,
    "settings": _map("Settings of the job's own: name and spec", _map("a spec")),
    "facts": _map("what the probe found: its result"),
    "files": _map("texts of files that the probe left beside", _text("a text")),
    "room": _closed(
        "what the cluster could do; left out: two nodes with an instance and four cores each",
        instances=_number("over all nodes"),
        cores=_number("of the smallest node"),
        node_instances=_number("on that node"),
        storage=_text("cluster storage"),
        date=_text("ISO date of the batch"),
    ),
}

OUTCOME: Mapping[str, object] = {
    "task": _text("the end of the task's id; left out: the first task"),
    "ending": {
        "description": "how the command ended",
        "enum": ["exited", "limit", "stall", "killed", "unstarted", "lost"],
        "default": "exited",
    },
    "exitCode": _number("default 0"),
    "signal": _number("the signal that ended it"),
    "why": _text("the runner's sentence"),
    "result": _map("its result.json"),
    "logTail": _text("the last lines of its log"),
    "noticed": _list("lines that `notice` matched", _text("a line")),
}

CAUSES = ("failed", "crashed", "lost", "poison", "unready", "source", "cancelled")

VERDICT = {
    "description": "accept, or a mapping: reject, again, replan or rework with its sentence",
    "anyOf": [
        {"const": "accept"},
        _closed(
            "reject, again, replan or rework, and its sentence",
            reject=_text("why, in one sentence"),
            cause={"description": "default: failed", "enum": list(CAUSES)},
            final={"description": "whether no other try is worth it", "type": "boolean"},
            again=_text("why, in one sentence"),
            replan=_text("why, in one sentence"),
            rework=_text("why, in one sentence"),
            changes=_map("what is laid over the arguments"),
        ),
    ],
}

SAID: Mapping[str, object] = {
    "faults": _map("path in `with` -> fault; nothing else is said then", {"$ref": "#/$defs/texts"}),
    "claims": _map("path in `with` -> the file it writes", {"$ref": "#/$defs/texts"}),
    "media": _map("path in `with` -> the file it reads", {"$ref": "#/$defs/texts"}),
    "needs": _map("program -> the parts it must have", _list("parts", _text("a part"))),
    "plain": _list("kinds of tasks that need none of these", _text("a kind, as publish")),
    "runs": _map("path in `with` -> the program named there", {"$ref": "#/$defs/texts"}),
    "licences": _list("what its tasks hold", _text("a licence")),
    "followers": _list(
        "jobs that come after it",
        _closed("a job", path=_text("path in `with`"), job=_map("as a batch has it")),
    ),
    "probe": {"description": "arguments of the probe; empty: there is none"},
    "impossible": _text("why the facts make the job impossible, in one sentence"),
    "destinations": _map("target -> destination", _text("a path")),
    "segments": _map("target -> first and last of each", _list("spans", _text("first-last"))),
    "notes": _list("of all targets", _text("a sentence")),
    "gates": _map("target -> why it waits for a person", _text("a sentence")),
    "commands": _map("end of a task's id -> its command", _text("a command")),
    "inputs": _map("end of a task's id -> its input", _map("an input")),
    "progress": _map(
        "a line of output -> frames done; null: nothing", {"type": ["number", "null"]}
    ),
    "verdicts": _list(
        "an outcome, and what the processor thinks of it",
        {
            **_closed(
                "an outcome and its verdict", **OUTCOME, **{"is": {"$ref": "#/$defs/verdict"}}
            ),
            "required": ["is"],
        },
    ),
}
