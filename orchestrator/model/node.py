"""The nouns of a node: Member, Identity, Program, Spec, Report."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from orchestrator.model.codec import canonical
from orchestrator.model.schedule import ALWAYS, WorkSchedule
from orchestrator.model.work import AttemptId, Outcome, Service, Task, TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that a node has, or a capability, as its plugin's own check found it."""

    name: str  #: ffmpeg
    path: str  #: "" where it is missing or unfit; `why` says it
    version: str = ""
    sha256: str = ""  #: of the binary: one build a target (F-ROLE-6)
    parts: frozenset[str] = frozenset()  #: what it can do, as encoder names
    why: str = ""  #: why it cannot be used, and what to do
    present: bool = False  #: it is no program, as a GPU or a font, and it is there

    @property
    def is_there(self) -> bool:
        """Whether the node has it."""
        return bool(self.path) or self.present


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a node is, told once when it joins."""

    version: str  #: of orchestrator
    python: str  #: the interpreter's path on the node
    cores: int  #: those the system gives our process
    memory_bytes: int
    instances: Mapping[str, int]  #: service -> how many at once
    programs: tuple[Program, ...] = ()
    python_minor: str = ""  #: as ``3.11``; as `plugins`, the same in a whole cluster (F-ROLE-6)
    plugins: Mapping[str, str] = field(default_factory=dict)  #: distribution -> version
    system: str = ""  #: as ``Linux x86_64``, for people
    settings: str = ""  #: digest of the AgentSettings it was started with
    bare: bool = False  #: an extended node: it does render tasks and nothing else
    boot: str = ""  #: the kernel's boot id: a newer one proves that nothing of before lives (R11)
    timezone: str = ""  #: of its wall clock, as ``Europe/Berlin``; empty: the system does not say
    schedule: WorkSchedule = ALWAYS  #: of a free node: a cluster that has it keeps to it

    def program(self, name: str) -> Program | None:
        """Return the program called `name`, or None."""
        return next((program for program in self.programs if program.name == name), None)


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A node, in one life of its agent."""

    node: str
    incarnation: str  #: random at the agent's start, with the boot id


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What an attempt's folder says of itself: a ledger that was put back knows the work by it."""

    attempt: AttemptId
    task: TaskId
    node: str
    incarnation: str
    epoch: int
    lease: int
    work: str  #: as `work_digest`: the same task with the same arguments on the same inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The newest lease that an agent was given: the ledger that gave it had come at least so far."""

    ledger: str  #: its id
    epoch: int  #: of the controller that gave it
    lease: int  #: sequence number of its event
    proof: str = ""  #: as its spec had it: only who gave it can have made that


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What an agent is given: one attempt, complete.  As JSON at most 64 KiB."""

    cluster: str
    epoch: int  #: of the controller; an agent refuses one below the highest it has seen
    lease: int  #: the ledger's sequence number of the lease
    proof: str = ""  #: of epoch and lease, for the agent to give back with them
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
    folders: tuple[str, ...] = ()  #: made in `folder` first
    notice: str | None = None
    postflight: tuple[str, ...] = ()
    input: Mapping[str, object] | None = None  #: small input, written to ``input.json``
    input_file: str | None = None  #: a larger one, on cluster storage …
    input_sha256: str | None = None  #: … and its hash
    head: str = ""  #: lines at the head of the attempt's log; no secret is in them
    storage: str = ""  #: cluster storage as the node sees it: its runner checks it first (R16)
    token: str = ""  #: what ``.orchestrator-storage`` there must hold; empty: it is not checked
    label: Label | None = None  #: written into the attempt's folder, before anything else


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things are on the node that an attempt goes to."""

    attempt: str  #: the attempt's own folder: the only place it may write to
    results: Mapping[TaskId, str] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)  #: as in a Node manifest (F-STOR-14)

    copies: Mapping[str, str] = field(default_factory=dict)
    #: file of a manifest -> its copy on cluster storage, where it was brought there (F-STOR-10)

    def source(self, path: str) -> str:
        """Return where the node sees `path` of a manifest, source or destination, or its copy."""
        return self.copies.get(path) or mapped(path, self.paths)

    def original(self, path: str) -> str:
        """Return the same, whether there is a copy or not."""
        return mapped(path, self.paths)

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
    unfit: str = ""  #: why it can do no work now, as "cannot write to /mnt/studio"; empty: it can
    left: bool = False  #: its last word: the agent ends in order, what it runs goes on
    seen: Seen | None = None  #: None: it was given nothing yet
    programs: tuple[Program, ...] | None = None
    #: of an extended node, once it was asked: they take the place of those of its identity


def work_digest(task: Task, inputs: Mapping[TaskId, AttemptId]) -> str:
    """Return what tells a task's work from any other; `inputs`: the accepted attempts it needs."""
    needs = [[need, inputs.get(need)] for need in task.needs]
    same = [task.id, task.kind, task.target, task.segment, task.args, task.job, needs]
    return hashlib.sha256(canonical(same).encode("utf-8", "surrogatepass")).hexdigest()


def service_instances(identity: Identity, service: Service) -> int:
    """Return how many tasks of `service` the node does at once; 0: it does not offer it."""
    return identity.instances.get(service.value, 0)


def mapped(path: str, paths: Mapping[str, str]) -> str:
    """Return `path` under the longest folder of `paths` that it is in, called as `paths` says."""
    folders = [each for each in paths if path == each or path.startswith(each.rstrip("/") + "/")]
    if not folders:
        return path
    folder = max(folders, key=len)
    return paths[folder].rstrip("/") + path[len(folder.rstrip("/")) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """All that an agent is started with; a changed one means: drain, stop, start again."""

    node: str
    cluster: str
    cluster_id: str  #: the cluster's own, made once: two clusters may have one name
    scheduler: str  #: as ``tls://10.0.0.1:50000``
    host: str = (
        ""  #: the address or interface it binds to; empty: the one that leads to `scheduler`
    )
    ports: str = ""  #: ``50001:50999``; empty: the system picks
    instances: Mapping[str, int | None] = field(
        default_factory=dict
    )  #: service -> count; None: auto
    programs: Mapping[str, str] = field(default_factory=dict)  #: name -> path, where said
    checks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: as of the programs hook
    storage: str = ""  #: cluster storage as the node sees it; empty: not checked
    token: str = ""  #: what ``.orchestrator-storage`` there must hold
    lost_after_s: float = 60.0
    orphan_stop_after_s: float = 3600.0
    heartbeat_s: float = 0.5
    wrap: tuple[str, ...] = ()  #: words before each command: those of an extended node
    look: tuple[str, ...] = ()
    #: words that print why the storage cannot be used where `wrap` leads; nothing: it can
    log_level: str = "info"
    log_bytes_max: int = 64 << 20
    schedule: WorkSchedule = ALWAYS  #: of a free node; that of any other its controller knows

    @property
    def digest(self) -> str:
        """Return what tells these settings from all others; an agent's Identity shows it.

        The heartbeat is left out: it follows the number of nodes, and a new one can wait.
        """
        text = canonical(replace(self, heartbeat_s=0.5))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeSettings:
    """All that a free node is started with; its keys stand beside it, in files of their own."""

    node: str
    id: str  #: made once
    instances: Mapping[str, int | None] = field(default_factory=dict)  #: None: auto
    programs: Mapping[str, str] = field(default_factory=dict)
    managed_only: bool = False  #: it grants nothing (F-MAN-3)
    is_open: bool = False  #: whoever asks may run code there (F-ACC-8)
    discovery: bool = True
    interface: str = ""  #: name or address; empty: all
    ports: str = ""  #: ``50000:50999``, the first one is for claims; empty: 50000 if it is free
    orphan_stop_after_s: float = 3600.0  #: at most: a cluster may say less
    log_level: str = "info"
    log_bytes_max: int = 64 << 20
    schedule: WorkSchedule = ALWAYS  #: outside it nothing is granted, nor announced (F-SCHED-11)
