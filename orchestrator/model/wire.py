"""What goes over the HTTP API beside the nouns of `talk`, and how a whole batch is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from orchestrator.model.codec import dump, load
from orchestrator.model.talk import BatchView, Role, Sheet, Verb
from orchestrator.model.work import AttemptId, Job, Priority

KEY = "Idempotency-Key"
"""The header of a submission: the same key and sheets again are the same batch (R6)."""

NAME = "Sent-By"
"""The header by which a client on the local socket says its name; proves nothing (F-ACC-7)."""

NEXT = "Next-Offset"
"""The header of a piece of a log: where the next piece begins."""

BODY_BYTES_MAX = 1 << 20
"""Of a request (T17)."""

SERVER_NAME = "controller"
"""What the certificate of every controller is made out to; its authority tells one from another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A password, to be exchanged for a token."""

    role: Role
    password: str = field(repr=False)
    name: str = ""  #: as batches say "Sent by"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What proves from now on who asks; shown once."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Who asks for a token over the local socket, where no password is needed."""

    name: str = ""  #: as batches say "Sent by"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheets:
    """A submission: one Batch document, and the settings that it uses."""

    sheets: tuple[Sheet, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What to do with a batch, job, target, segment or task."""

    verb: Verb
    id: str
    now: bool = False  #: of a pause: what runs is stopped, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """What to clean from cluster storage."""

    batch: str = ""  #: all that this one left; empty: what is due, of all


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Which batch is to go before or behind others."""

    id: str
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """A host key that a person has compared."""

    fingerprint: str  #: ``SHA256:…``


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A reason to look again: a number that differs from the last one has news behind it."""

    nodes: str
    batches: str


class Trouble(Enum):
    """What kind of answer a failure is; the client makes the exception of it."""

    REFUSED = "refused"  #: nothing was changed (400, 405, 408, 413, 415)
    WHO = "who"  #: no token, or not a good one; a wrong password (401)
    FORBIDDEN = "forbidden"  #: this client may not (403)
    NOT_THERE = "not-there"  #: 404
    CONFLICT = "conflict"  #: 409
    BUSY = "busy"  #: too much at once; later it will do (429, 503)
    NODE = "node"  #: a machine did not do what it was told (502)
    STORED_NOT = "not-stored"  #: the ledger cannot be written (503, 507)
    OURS = "ours"  #: a fault in the program (500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why something was not done."""

    error: str  #: one sentence, or the faults as lines
    kind: Trouble
    faults: tuple[str, ...] = ()  #: of a manifest or request: each with its place


def pack(view: BatchView) -> dict[str, Any]:
    """Return a batch as JSON data; each task names its job, which stands in the batch."""
    short = replace(view, tasks=tuple(replace(task, job=_stub(task.job)) for task in view.tasks))
    data: dict[str, Any] = dump(short)
    for task in data["tasks"]:
        task["job"] = task["job"]["id"]
    return data


def unpack(data: Mapping[str, Any]) -> BatchView:
    """Return the batch that `pack` packed; ValueError, TypeError or KeyError for anything else."""
    jobs = {each["id"]: load(Job, each) for each in data["batch"]["jobs"]}
    tasks = [{**task, "job": jobs[task["job"]]} for task in data["tasks"]]
    return load(BatchView, {**data, "tasks": tasks})


def is_attempt(id: AttemptId) -> bool:
    """Whether this can be the id of an attempt: one plain path component (T06)."""
    return 0 < len(id) <= 100 and all(each.isalnum() or each in "-_" for each in id)


def _stub(job: Job) -> Job:
    return Job(id=job.id, name="", processor="", asks={})
