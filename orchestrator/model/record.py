"""The nouns of what was: how things stand and what was tried, for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.model.work import AttemptId, Kind, Outcome, Priority, State, TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A batch, job or target for people: what it is and how it stands."""

    id: str
    level: str
    name: str
    state: State
    reason: str = ""
    priority: Priority = Priority.MEDIUM  #: of a batch
    owner: str = ""  #: of a batch: id of the token it came with; empty: the controller's own user
    sent_by: str = ""  #: of a batch: as its client calls itself; empty: not said
    accepted: str = ""  #: ISO 8601 with zone: when the batch was accepted
    ended: str = ""  #: ISO 8601 with zone, or empty
    destination: str = ""  #: of a target
    notes: tuple[str, ...] = ()
    gate: str = ""  #: of a target: why it waits until a person resumes it; empty: it does not
    tasks: Mapping[tuple[Kind, State], int] = field(default_factory=dict)
    frames: int = 0  #: of a target's plan
    frames_done: int = 0  #: of its accepted segments
    processor: str = ""  #: of a job

    @property
    def told(self) -> str:
        """Its reason; of a target that waits for a person, that and what to type."""
        if self.gate and not self.reason:
            return f"{self.gate}; go on with: orchestrator resume {self.id}"
        return self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """An attempt as history: open or closed."""

    id: AttemptId
    task: TaskId
    node: str
    opened: str
    closed: str = ""
    accepted: bool = False
    cause: str = ""  #: of Cause; empty while open or if accepted
    why: str = ""
    outcome: Outcome | None = None
    command: str = ""  #: the words that were sent, secrets hidden
    incarnation: str = ""  #: the life of its node that it was given to


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to a batch or a part of it, in a sentence; or several alike."""

    at: str  #: ISO 8601 with zone
    kind: str  #: as of the ledger's event; ``work`` for what several tasks went through
    subject: str  #: id of a batch, job, target, segment or task
    says: str
    until: str = ""  #: of several: when the last one was; empty: it is one
