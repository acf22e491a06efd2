"""The nouns of work: Batch, Job, Target, Segment, Task, Command, Outcome, Verdict."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

TaskId = str  #: ``batch/job/target/segment/kind``; levels that do not apply are left out
AttemptId = str  #: never used again; one path component, as ``3f9c21-000017``

COMPONENT_BYTES_MAX = 255
"""Of the name of a file, as most file systems have it."""


class Service(Enum):
    """What a node offers."""

    COMPRESSOR = "compressor"  #: encoding
    RENDER = "render"  #: frames and UNIX commands


class Priority(Enum):
    """Which batch goes first; nothing running is stopped for a higher one (F-SUB-3)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class IfExists(Enum):
    """What `publish` does when the destination is there already (F-SUB-15)."""

    FAIL = "fail"
    REPLACE = "replace"
    NUMBER = "number"  #: the first free ``name-2.ext``, ``name-3.ext``, …


class Kind(Enum):
    """The step of a target that a task is."""

    COPY = "copy"  #: ours, not the processor's: brings what the job reads to cluster storage
    PROBE = "probe"
    ANALYSE = "analyse"
    ENCODE = "encode"
    RENDER = "render"
    AUDIO = "audio"
    STREAMS = "streams"
    ASSEMBLE = "assemble"
    VERIFY = "verify"
    PUBLISH = "publish"
    ACTION = "action"

    @property
    def is_first(self) -> bool:
        """Whether such a task comes before any plan: what is worked on is not known yet."""
        return self in {Kind.COPY, Kind.PROBE}

    @property
    def is_post(self) -> bool:
        """Whether a target with only such tasks left is PostProcessing (F-SEG-11)."""
        return self in {Kind.ASSEMBLE, Kind.VERIFY, Kind.PUBLISH, Kind.ACTION}


class State(Enum):
    """Where a batch, job, target or task stands, as the original's monitor names it (F-MON-2).

    `decide.settle.NEXT` lists every legal move of a task; a task is never PostProcessing.
    """

    WAITING = "Waiting"  #: for a free instance, for other tasks, or for a condition to end
    PROCESSING = "Processing"  #: has an open attempt, or something of it has
    POST = "PostProcessing"  #: all segments are accepted; joining, verifying, publishing
    HOLD = "Hold"  #: a person decides
    SUCCESSFUL = "Successful"  #: its result was verified and accepted
    CANCELLED = "Cancelled"  #: somebody no longer wants it, or what it comes after failed
    FAILED = "Failed"  #: given up; the attempts say why

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen unless a person asks."""
        return self in {State.SUCCESSFUL, State.CANCELLED, State.FAILED}


class Copying(Enum):
    """Whether what a job reads is brought to cluster storage (F-STOR-10)."""

    AS_NEEDED = "as-needed"  #: what a node that would work cannot read
    ALWAYS = "always"
    NEVER_SOURCE = "never-source"  #: not the source and what it refers to, but anything else
    NEVER = "never"


class Cause(Enum):
    """Why an attempt did not end well; each is counted apart (docs/rules.md)."""

    FAILED = "failed"  #: exit code, refused by a gate, no progress, time limit; costs a try
    CRASHED = "crashed"  #: a signal that was not ours; costs a try
    LOST = "lost"  #: the runner vanished without a word; costs no try
    POISON = "poison"  #: as lost, and too many lives of nodes ended with it; a person decides
    UNREADY = "unready"  #: storage or program missing; costs nothing, goes on when it ends
    SOURCE = "source"  #: the source is missing, unreadable or changed; never tried again
    CANCELLED = "cancelled"  #: no longer wanted


@dataclass(frozen=True, slots=True)
class Secret:
    """A word that must reach the node but never a log, a plan or the ledger."""

    value: str

    def __str__(self) -> str:
        return "***"

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Command:
    """One program to run on one node: words, not a shell line.

    Raises ValueError for no words at all.
    """

    argv: tuple[str | Secret, ...]
    env: Mapping[str, str | Secret] = field(default_factory=dict)
    limit_s: float | None = None  #: seconds until it is killed; None: the job's `timeout`, if any
    stall_s: float | None = None  #: None: its silence is no fault
    watch: str | None = None  #: a regular expression; a line it matches is progress, not log
    input: Mapping[str, object] | None = None  #: stands as ``input.json`` in the attempt's folder
    cwd: str | None = None  #: None: the attempt's folder
    folders: tuple[str, ...] = ()  #: made in the attempt's folder before it starts
    notice: str | None = None  #: a regular expression; the first lines it matches come back
    postflight: tuple[str, ...] = ()
    #: words run on the node itself once the command has ended by itself, whatever its exit code:
    #: they look at what it left, and write ``result.json`` in the attempt's folder

    def __post_init__(self) -> None:
        if not self.argv:
            raise ValueError("a command needs at least one word")

    def __str__(self) -> str:
        return " ".join("***" if isinstance(w, Secret) else shlex.quote(w) for w in self.argv)

    def words(self) -> list[str]:
        """The words as the runner needs them.  Never log these; log `str(command)`."""
        return [w.value if isinstance(w, Secret) else w for w in self.argv]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How a person wants a target cut (job key `segments`); all None: the planner's rule."""

    seconds: float | None = None
    frames: int | None = None
    cuts: tuple[int, ...] | None = None  #: the first frame of each segment but the first
    spread: str = "auto"  #: auto | always: whether a small job may stay on one node
    scenes: str = "auto"  #: auto | always | never: whether the rule's cuts move to scene changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One source or scene of a batch, and what to do with it."""

    id: str  #: ``batch/job``
    name: str
    processor: str
    asks: Mapping[str, object]  #: the manifest's `with`, valid against the processor's schema
    service: Service = Service.RENDER  #: the processor's: whose instances all its tasks take
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  #: name -> spec
    after: tuple[str, ...] = ()  #: names of jobs of the batch that must be Successful first
    requires: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    preflight: tuple[str, ...] = ()  #: words run before the command of every segment
    working_directory: str | None = None
    timeout_s: float | None = None  #: of each task; None: the processor's
    stall_s: float | None = None  #: None: the processor's
    if_exists: IfExists = IfExists.FAIL
    split: Split = Split()
    on_decode_errors: str = "fail"  #: fail | warn
    actions: tuple[Mapping[str, object], ...] = ()
    licences: tuple[str, ...] = ()  #: what each render holds beside what its processor says

    @property
    def batch(self) -> str:
        """The batch's id."""
        return self.id.partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is submitted: jobs, and how they stand among others."""

    id: str  #: ``name-NNNN``; before the ledger has numbered it, the name alone
    name: str
    jobs: tuple[Job, ...]
    cluster: str = "this-computer"
    plus: bool = False
    priority: Priority = Priority.MEDIUM
    not_before: str | None = None  #: ISO 8601 with zone; nothing starts earlier
    delay_s: float | None = None  #: counted from acceptance
    copy: Copying | None = None  #: None: as the cluster says
    copy_at_submit: bool = False  #: at once, not when the job's turn comes (F-STOR-12)
    notify: Mapping[str, object] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a probe task found out; of a kind without probe, nothing."""

    values: Mapping[str, object] = field(default_factory=dict)  #: its ``result.json``
    files: Mapping[str, bytes] = field(default_factory=dict)  #: those it named, hash checked
    attempt: AttemptId = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the cluster could do at once when the job is planned."""

    instances: int  #: of the processor's service, over all nodes that can do it
    cores: int  #: of the smallest such node
    node_instances: int  #: of the processor's service on that node
    storage: str | None = None  #: cluster storage, for ``{storage}``; None on This Computer
    date: str = ""  #: ISO date of the batch's acceptance, for ``{date}``

    @property
    def threads(self) -> int:
        """How many threads a task may use: cores shared out over instances, at least 1."""
        return max(1, self.cores // max(1, self.node_instances))


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a target: the output frames `[start, end)`, counted from 0."""

    index: int
    start: int
    end: int

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One step of a target that a node is given, and how it stands."""

    id: TaskId
    job: Job
    kind: Kind
    target: str = ""  #: name of the target; empty: of the job itself, as its probe
    segment: Segment | None = None
    args: Mapping[str, object] = field(default_factory=dict)  #: the processor's own; JSON
    needs: tuple[TaskId, ...] = ()  #: tasks that must be Successful first
    weight: float = 0.0  #: predicted seconds of work that hang on it; the heaviest goes first
    state: State = State.WAITING
    tries: int = 0  #: attempts that failed or crashed
    losses: int = 0  #: attempts that were lost
    agains: int = 0  #: attempts that a processor wanted repeated with changed arguments
    waits: int = 0  #: attempts in a row that met a condition that was not ready
    reason: str = ""  #: why it waits, failed or was cancelled, in one sentence
    cause: Cause | None = None  #: of the last attempt that did not end well


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One output of a job: its segments in order, without gap or overlap, and its tasks."""

    name: str  #: unique in its job; one path component
    tasks: tuple[Task, ...]
    segments: tuple[Segment, ...] = ()
    destination: str = ""  #: where the file will stand, tokens filled in
    notes: tuple[str, ...] = ()  #: what a person should know: why it is one segment, …
    gate: str = ""  #: why its tasks wait until a person resumes it, once; empty: they do not

    @property
    def frames(self) -> int:
        """How many output frames it has."""
        return sum(segment.frames for segment in self.segments)


def one_line(text: str) -> str:
    """Return a sentence of a stranger's as one line: one event is one line (T19)."""
    return "\\n".join(text.strip().splitlines())


def is_component(text: str) -> bool:
    """Whether a text can be one component of a path, and of an id."""
    fits = 0 < len(text.encode("utf-8", "replace")) <= COMPONENT_BYTES_MAX
    return fits and text not in (".", "..") and "/" not in text and min(text) >= " "


def task_id(job: str, kind: Kind, target: str = "", segment: int | None = None) -> TaskId:
    """Return ``batch/job[/target[/segment]]/kind``; a segment's number has six digits."""
    parts = [job, target, "" if segment is None else f"{segment:06d}", kind.value]
    return "/".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an accepted attempt left behind."""

    attempt: AttemptId
    values: Mapping[str, object] = field(default_factory=dict)  #: its ``result.json``


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an attempt is."""

    frames: float  #: done, with the part of the one it is at; never more than the segment has
    speed: float | None = None  #: frames a second


class Ending(Enum):
    """How a command came to its end."""

    EXITED = "exited"  #: by itself: an exit code, or a signal that was not ours
    LIMIT = "limit"  #: its time was over
    STALL = "stall"  #: no progress for `stall_s`
    KILLED = "killed"  #: we were asked to
    UNSTARTED = "unstarted"  #: the program could not be started; `why` says it
    LOST = "lost"  #: the runner is gone and left no exit record


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one attempt came to.  Written by the runner, settled by the controller."""

    attempt: AttemptId
    ending: Ending
    exit_code: int | None = None  #: None: it did not exit by itself
    signal: int | None = None  #: the signal that ended it
    why: str = ""  #: the runner's sentence, where it has one
    cause: Cause | None = None  #: where the runner knows it (no space: unready)
    result: Mapping[str, object] = field(default_factory=dict)  #: ``result.json``, <= 8 KiB
    log_tail: str = ""  #: the last lines of its log, <= 4 KiB
    noticed: tuple[str, ...] = ()  #: the first lines that the command's `notice` matched
    seconds: float = 0.0

    @property
    def exit_fault(self) -> Reject | None:
        """Return what a non-zero exit code says, with the last line of the log; None for 0."""
        if self.exit_code == 0:
            return None
        last = self.log_tail.strip().rpartition("\n")[2].strip()
        return Reject(f"exit code {self.exit_code}" + (f": {last}" if last else ""))


@dataclass(frozen=True, slots=True)
class Accept:
    """The result is right."""


@dataclass(frozen=True, slots=True)
class Reject:
    """The result is not; `why` is one sentence for people."""

    why: str
    cause: Cause = Cause.FAILED
    final: bool = False  #: another try cannot end otherwise: the task is given up at once


@dataclass(frozen=True, slots=True)
class Again:
    """Do this task once more with `changes` laid over its arguments; costs no try."""

    changes: Mapping[str, object]
    why: str


@dataclass(frozen=True, slots=True)
class Replan:
    """Probe the job once more with `changes` laid over the probe's arguments, and plan anew."""

    changes: Mapping[str, object]
    why: str


@dataclass(frozen=True, slots=True)
class Rework:
    """Do tasks that this one needs once more, with changes laid over their arguments, then this one.

    Costs no try.  Each of them may be asked so as often as by an `Again`; where one cannot be done
    again, the task that asks is given up.
    """

    changes: Mapping[TaskId, Mapping[str, object]]
    why: str


Verdict = Accept | Reject | Again | Replan | Rework


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a job's `with` beyond its schema; `path` leads to the place."""

    path: tuple[str | int, ...]  #: from `with` on, as ``("outputs", 0, "destination")``
    text: str  #: what is wrong; what to do


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """A job that another asks for: it comes after that one, and is a job of the batch as any."""

    path: tuple[str | int, ...]  #: from `with` on: what asks for it; its faults are told there
    job: Mapping[str, object]  #: as a manifest has it, paths absolute; without `after`


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What the manifest alone shows about a job, before anything runs."""

    faults: tuple[Fault, ...] = ()
    claims: tuple[tuple[tuple[str | int, ...], str], ...] = ()  #: (path in `with`, file it writes)
    needs: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    #: program -> (part it must have, who needs it), as ffmpeg -> ((libx265, setting hevc-10bit),)
    plain: frozenset[Kind] = frozenset()
    #: kinds of its tasks that run none of these: nodes that lack a program may do them
    runs: tuple[tuple[tuple[str | int, ...], str], ...] = ()
    #: (path in `with`, program that a person named there): `access.executables` may shut it out
    media: tuple[tuple[tuple[str | int, ...], str], ...] = ()
    #: (path in `with`, file it reads), the source first: every node that works must see these
    licences: tuple[str, ...] = ()
    #: what each of its render tasks holds while it runs: counted by `limits.licences`
