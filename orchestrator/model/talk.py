"""What clients and controller say to each other: the nouns of the HTTP API.

As JSON they are what `codec.dump` makes of them.  Batches, tasks and attempts travel as the nouns of
`record` and `work`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from orchestrator.model.record import AttemptRecord, Standing
from orchestrator.model.work import Batch, Result, Task, TaskId


class Role(Enum):
    """What a client may do: each may do what those before it may."""

    NOBODY = "nobody"  #: see that there is a controller, and which authority it has
    USER = "user"  #: submit; see and change own batches (F-ACC-4)
    ADMIN = "admin"  #: everything (F-ACC-3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who asks: a correct password gives each client a token, and batches belong to that token."""

    role: Role
    owner: str = ""  #: id of its token; empty: the controller's own user, over the local socket
    name: str = ""  #: as it calls itself ("Sent by"); proves nothing (F-ACC-7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A manifest file as text."""

    name: str  #: for the place of a fault
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be applied."""

    sheets: tuple[Sheet, ...]
    cluster: str  #: which of the Cluster documents is this controller's
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: values of the references, resolved where `apply` was typed: ``access.userPassword``,
    #: ``access.adminPassword``, ``access.servicePassword``, ``nodes/NAME.servicePassword``,
    #: ``notify.smtp.password``, ``notify.webhooks/URL.secret``
    commit: str = ""  #: which commit it came from; empty: not known
    expect: str = ""  #: only on top of this revision; empty: whatever stands


class ChangeKind(Enum):
    """What becomes of a part of a cluster."""

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    UNCHANGED = "unchanged"
    DRIFT = "drift"  #: the machine differs from what was applied; `apply` mends it
    NOTE = "note"  #: to be known; nothing is done


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of a plan."""

    kind: ChangeKind
    subject: str  #: as ``cluster studio``, ``node mac-01``
    details: tuple[str, ...] = ()  #: as ``services.render.instances: 2 -> 4``

    @property
    def is_work(self) -> bool:
        """Whether `apply` has something to do."""
        return self.kind not in {ChangeKind.UNCHANGED, ChangeKind.NOTE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What `apply` would do."""

    changes: tuple[Change, ...]
    revision: str  #: that stands now; empty: nothing was ever applied
    next_revision: str  #: of what is wanted: sha256 of the canonical documents, 12 digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A revision that was applied."""

    revision: str
    commit: str = ""
    at: str = ""  #: ISO 8601 with zone
    changes: tuple[Change, ...] = ()


class NodePhase(Enum):
    """Where a node stands on its way to work, and away from it."""

    WAITING = "waiting"  #: its turn has not come
    CONNECTING = "connecting"
    INSTALLING = "installing"
    STARTING = "starting"
    JOINING = "joining"  #: started, not yet heard of
    READY = "ready"
    UNFIT = "unfit"  #: here, and cannot work: version, storage, name
    PAUSED = "paused"  #: `active: false`, or `pause NODE`; what runs is finished
    CLOSED = "closed"  #: outside its work schedule; it opens by itself
    QUARANTINED = "quarantined"  #: nothing went well there: it is given a task now and then
    DRAINING = "draining"  #: what runs is finished, then it restarts or leaves
    SUSPECT = "suspect"  #: silent, for too short a time to be lost
    LOST = "lost"
    LEFT = "left"  #: its agent was stopped in order, and not by us: its machine is shut down, say
    UNREACHABLE = "unreachable"  #: SSH does not get there; tried again by itself
    REFUSED = "refused"  #: a person must do something
    REMOVED = "removed"

    @property
    def is_settled(self) -> bool:
        """Whether nothing more comes by itself soon: what `apply` waits for."""
        return self in _SETTLED


_SETTLED = frozenset(
    {NodePhase.READY, NodePhase.UNFIT, NodePhase.PAUSED, NodePhase.CLOSED, NodePhase.UNREACHABLE}
    | {NodePhase.REFUSED, NodePhase.REMOVED, NodePhase.LOST, NodePhase.QUARANTINED}
    | {NodePhase.LEFT}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seats:
    """How many instances of a service a node has, and how many of them are busy."""

    instances: int
    busy: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DayHours:
    """When a node is open on one day, by its wall clock."""

    date: str  #: ISO 8601
    open: tuple[tuple[str, str], ...]  #: as ``("18:00", "24:00")``; empty: not at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A program or capability that plugins look for on a node."""

    name: str
    version: str = ""
    path: str = ""  #: of a program that is there
    why: str = ""  #: why the node does not have it; empty: it has


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """A node as people see it."""

    name: str
    display_name: str = ""
    host: str = ""
    address: str = ""
    phase: NodePhase
    why: str = ""  #: one sentence: what holds it up
    todo: str = ""  #: the command to type, where a person must do something
    is_managed: bool = True
    cluster: str = ""  #: the one that holds it
    services: Mapping[str, Seats] = field(default_factory=dict)
    version: str = ""
    python: str = ""
    system: str = ""
    programs: Mapping[str, str] = field(default_factory=dict)  #: name -> version, of what it has
    looked_for: tuple[Found, ...] = ()  #: the same and what it has not, by name
    cores: int = 0
    memory_bytes: int = 0
    silent_s: float = 0.0
    is_asked: bool = True  #: False: it is still to be asked (again), as after an `apply`
    notes: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()  #: from what was applied, as ``settings: changed on the node``
    timezone: str = ""  #: that of its work schedule, if it has one
    opens: str = ""  #: when it opens next, ISO 8601 in that zone; empty: it never closes, or opens
    closes: str = ""  #: when it closes next, likewise
    week: tuple[DayHours, ...] = ()  #: seven days from today on; empty: it has no schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterInfo:
    """A cluster as people see it."""

    name: str
    kind: str
    id: str
    version: str  #: of orchestrator
    display_name: str = ""
    revision: str = ""
    commit: str = ""
    applied: str = ""  #: ISO 8601 with zone
    role: Role = Role.NOBODY  #: of who asked
    address: str = ""  #: ``host:port`` of the API
    scheduler: str = ""
    storage: str = ""
    expires: str = ""  #: when the first of its certificates ends; ISO 8601
    alarms: tuple[str, ...] = ()
    nodes: int = 0
    ready: int = 0
    batches: int = 0  #: that are not over
    status_interval_s: float = 5.0  #: how often progress is told (F-ADM-7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What became of a submission."""

    batch: str
    arrival: str  #: new | resumed | retried
    notes: tuple[str, ...] = ()  #: as "no node can do job a now: …"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """One batch, complete: what `status` and `explain` are made from."""

    batch: Batch
    standings: tuple[Standing, ...]
    tasks: tuple[Task, ...]
    attempts: tuple[AttemptRecord, ...]
    results: Mapping[TaskId, Result] = field(default_factory=dict)
    paused: tuple[str, ...] = ()  #: ids of it that a person has paused
    refused: Mapping[TaskId, Mapping[str, str]] = field(default_factory=dict)
    #: waiting task -> node -> why it is not given it; of many tasks, the first in line
    full: Mapping[str, str] = field(default_factory=dict)
    #: ``targets`` or ``segments`` -> why no more of them are worked on now (F-SEG-10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one batch takes of cluster storage."""

    batch: str
    state: str  #: as of State
    size_bytes: int = 0  #: of its attempts' files
    input_bytes: int = 0  #: of what was stored for its commands
    attempts: int = 0  #: that left something
    goes: str = ""  #: ISO 8601: when its files are deleted; empty: it is not over


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageView:
    """Cluster storage as people see it."""

    path: str
    why: str = ""  #: why no new work starts on it, in one sentence; empty: it may
    at: str = ""  #: ISO 8601: when the files were counted
    whole_bytes: int = 0
    free_bytes: int = 0
    kept_free_bytes: int = 0  #: with less than that no new work starts
    trash_bytes: int = 0  #: is being deleted
    other_bytes: int = 0  #: of attempts that the ledger does not know
    delete_after_days: int = 7
    batches: tuple[Share, ...] = ()  #: oldest first; only those that left something


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What was cleaned from cluster storage."""

    batches: tuple[str, ...] = ()  #: whose files are gone, all of them
    attempts: int = 0  #: of which something was deleted
    freed_bytes: int = 0


class Verb(Enum):
    """What may be done with a batch, job, target, segment or node."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """How a node or a whole cluster goes: by itself when its work is done, or sooner."""

    deadline_s: float | None = None  #: then what still runs is stopped and done elsewhere
    now: bool = False
