"""The nouns of a node: Member, Identity, Program, Spec, Report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from orchestrator.model.work import AttemptId, Outcome, Service, TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program a node has, as its plugin's own check found it."""

    name: str  #: ffmpeg
    path: str  #: "" where it is missing or unfit; `why` says it
    version: str = ""
    sha256: str = ""  #: of the binary: one build a target (F-ROLE-6)
    parts: frozenset[str] = frozenset()  #: what it can do, as encoder names
    why: str = ""  #: why it cannot be used, and what to do


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a node is, told once when it joins."""

    version: str  #: of orchestrator
    python: str  #: the interpreter's path on the node
    cores: int  #: those the system gives our process
    memory_bytes: int
    instances: Mapping[str, int]  #: service -> how many at once
    programs: tuple[Program, ...] = ()

    def program(self, name: str) -> Program | None:
        """Return the program called `name`, or None."""
        return next((program for program in self.programs if program.name == name), None)


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A node, in one life of its agent."""

    node: str
    incarnation: str  #: random at the agent's start, with the boot id


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What an agent is given: one attempt, complete.  As JSON at most 64 KiB."""

    cluster: str
    epoch: int  #: of the controller; an agent refuses one below the highest it has seen
    lease: int  #: the ledger's sequence number of the lease
    attempt: AttemptId
    task: str
    service: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    folder: str  #: the attempt's own directory, made by its runner; must not exist yet
    cwd: str | None = None
    preflight: tuple[str, ...] = ()
    limit_s: float | None = None
    stall_s: float | None = None
    watch: str | None = None
    input: Mapping[str, object] | None = None  #: small input, written to ``input.json``
    input_file: str | None = None  #: a larger one, on cluster storage …
    input_sha256: str | None = None  #: … and its hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things are on the node that an attempt goes to."""

    attempt: str  #: the attempt's own folder: the only place it may write to
    results: Mapping[TaskId, str] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)

    def source(self, path: str) -> str:
        """Return where the node sees `path` of a manifest."""
        return path

    def result(self, task: TaskId) -> str:
        """Return the folder of the accepted attempt of `task`; KeyError if it is not needed."""
        return self.results[task]

    def program(self, name: str) -> str:
        """Return the path of a program; ``python`` is the interpreter our own work runs in."""
        return self.programs[name]


class Phase(Enum):
    """Where an attempt stands on its node."""

    QUEUED = "queued"
    RUNNING = "running"
    EXITED = "exited"
    KILLED = "killed"  #: a tombstone, or ended by us
    REFUSED = "refused"  #: old epoch, tombstone, malformed

    @property
    def is_live(self) -> bool:
        """Whether it may still do something."""
        return self in {Phase.QUEUED, Phase.RUNNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an agent says of itself: its inventory, never touching a disk."""

    beat: int
    identity: Identity
    attempts: Mapping[AttemptId, tuple[Phase, str]] = field(default_factory=dict)  #: last progress
    outcomes: tuple[Outcome, ...] = ()  #: oldest first, repeated until acked


def service_instances(identity: Identity, service: Service) -> int:
    """Return how many tasks of `service` the node does at once; 0: it does not offer it."""
    return identity.instances.get(service.value, 0)
