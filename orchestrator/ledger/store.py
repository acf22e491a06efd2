"""What the ledger in dicts remembers, and what can be read off it.

It counts where the real one keeps counters, so that the two can be held against each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.decide.reconcile import Attempt, Tally
from orchestrator.ledger import rows
from orchestrator.ledger.protocol import HERE, Application, AttemptRecord, Event, Origin
from orchestrator.model.cluster import Node
from orchestrator.model.notice import Letter
from orchestrator.model.work import AttemptId, Result, State, Task, TaskId


@dataclass(slots=True)
class Part:
    """A batch, job or target."""

    id: str
    level: str
    name: str
    noun: Any  # Batch, Job or Target, as `level` says
    place: int  #: among its siblings
    parent: Part | None = None
    children: list[Part] = field(default_factory=list)  #: in order
    state: State = State.WAITING
    reason: str = ""
    ended: str = ""
    accepted: str = ""
    digest: str = ""
    origin: Origin = HERE
    not_before: float = 0.0
    planned: bool = False
    probe: TaskId | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is not closed."""
        return self.state is State.WAITING


@dataclass(slots=True)
class Step:
    """A task, and where it stands in line."""

    task: Task
    order: tuple[int, int, float, int]  #: as the line is ordered
    not_before: float = 0.0
    accepted: Result | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Batch and position."""
        return self.order[1], self.order[3]


@dataclass(slots=True)
class Store:
    """All that is remembered, in the order it came."""

    parts: dict[str, Part] = field(default_factory=dict)
    steps: dict[TaskId, Step] = field(default_factory=dict)
    records: dict[AttemptId, AttemptRecord] = field(default_factory=dict)
    open: dict[AttemptId, Attempt] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    holds: set[str] = field(default_factory=set)  #: ids that a person has paused
    gates: dict[str, str] = field(default_factory=dict)  #: targets that wait -> why
    opened: set[str] = field(default_factory=set)  #: those whose gate a person has opened
    late: dict[AttemptId, Attempt] = field(default_factory=dict)  #: given up in silence
    cancelled: dict[AttemptId, Attempt] = field(default_factory=dict)  #: it may still run
    aside: dict[str, str] = field(default_factory=dict)  #: node -> why; empty: it was taken back
    forgiven: dict[str, int] = field(
        default_factory=dict
    )  #: node -> so many attempts count no more
    submissions: dict[str, tuple[str, str]] = field(default_factory=dict)  #: key -> batch, digest
    applied: Application | None = None
    paused_nodes: set[str] = field(default_factory=set)
    leaving: tuple[Node, ...] = ()
    letters: dict[int, Letter] = field(default_factory=dict)
    noticed: int = 0  #: letters were made of the events up to this one
    anchor: tuple[int, str] = (0, "")  #: of the last event that has left
    serials: dict[str, int] = field(default_factory=dict)  #: name -> last number of those gone
    attempts: int = 0  #: how many there ever were

    @property
    def next_seq(self) -> int:
        """The number that the next event has."""
        return (self.events[-1].seq if self.events else self.anchor[0]) + 1

    def next_attempt(self) -> int:
        """Return a number that no attempt had."""
        self.attempts += 1
        return self.attempts

    def of(self, level: str, parent: Part | None = None) -> list[Part]:
        """Return the parts of a level, of one parent if given, in order."""
        if parent is not None:
            return list(parent.children)
        found = (part for part in self.parts.values() if part.level == level)
        return sorted(found, key=lambda p: (p.parent.id if p.parent else "", p.place))

    def add(self, part: Part) -> Part:
        """Store a part, below its parent if it has one."""
        self.parts[part.id] = part
        if part.parent:
            part.parent.children.append(part)
        return part

    def under(self, part: Part) -> list[Step]:
        """Return the tasks of a part, in order."""
        found = (step for step in self.steps.values() if step.task.id.startswith(f"{part.id}/"))
        return sorted(found, key=lambda step: step.place)

    def after(self, job: Part) -> list[Part]:
        """Return the jobs that come after `job`, by id."""
        found = (part for part in self.of("job", job.parent) if job.name in part.noun.after)
        return sorted(found, key=lambda part: part.id)

    def reach(self, batch: Part, id: str) -> list[Part]:
        """Return a job of a batch and those that it comes after, near and far; of a batch all."""
        jobs = self.of("job", batch)
        found = [job for job in jobs if id in {batch.id, job.id}]
        for job in found:  # it grows
            found += [each for each in jobs if each.name in job.noun.after and each not in found]
        return found

    def unmet(self, job: Part) -> int:
        """Count the jobs that it comes after and that are not Successful."""
        siblings = self.of("job", job.parent)
        return sum(
            part.name in job.noun.after and part.state is not State.SUCCESSFUL for part in siblings
        )

    def is_in_line(self, step: Step) -> bool:
        """Whether a task waits for nothing but its turn and its time."""
        job = self.parts[step.task.job.id]
        return (
            step.task.state is State.WAITING
            and all(self.steps[need].accepted for need in step.task.needs)
            and not rows.is_held(step.task.id, self.holds)
            and not (job.probe == step.task.id and self.unmet(job))
        )

    def shown(self, step: Step) -> Task:
        """Return a task as it is told: one that waits and is paused is on Hold."""
        task = step.task
        is_held = task.state is State.WAITING and rows.is_held(task.id, self.holds)
        return replace(task, state=State.HOLD) if is_held else task

    def lift(self, id: str) -> bool:
        """Forget the pauses at and below `id`; whether there were any."""
        gone = {each for each in self.holds if id in rows.lineage(each)}
        self.holds -= gone
        return bool(gone)

    def shut(self, id: str) -> bool:
        """Hold a target if it has a gate that nobody has opened; whether it has."""
        if id not in self.gates or id in self.opened:
            return False
        self.holds.add(id)
        return True

    def gate(self, id: str) -> str:
        """Return why a target waits for a person; empty: it does not, or not by its plan."""
        return self.gates.get(id, "") if id in self.holds and id not in self.opened else ""

    def open_gates(self, id: str) -> None:
        """Let no later plan hold again what is resumed."""
        held = self.gates.keys() & self.holds
        self.opened |= {each for each in held if id in rows.lineage(each)}

    def forget_gates(self, job: str) -> None:
        """Let the gates of a plan that is dropped hold nothing; those that were opened stay so."""
        for id in [id for id in self.gates.keys() - self.opened if job in rows.lineage(id)]:
            self.holds.discard(id)
            del self.gates[id]

    def tally(self, part: Part) -> Tally:
        """Count what is left of a part."""
        states = list(self._states(part))
        return Tally(
            id=part.id,
            level=part.level,
            left=sum(not state.is_final for state in states),
            failed=states.count(State.FAILED),
            cancelled=states.count(State.CANCELLED),
            reason=part.reason,
        )

    def is_over(self, part: Part) -> bool:
        """Whether a part is open and nothing of it is left."""
        if not part.is_open or any(not state.is_final for state in self._states(part)):
            return False
        tally = self.tally(part)
        return part.level != "job" or part.planned or bool(tally.failed or tally.cancelled)

    def _states(self, part: Part) -> Iterator[State]:
        """Yield how the jobs of a batch stand, or the tasks of another part."""
        if part.level == "batch":
            yield from (job.state for job in part.children)
            return
        head = f"{part.id}/"
        yield from (step.task.state for id, step in self.steps.items() if id.startswith(head))

    def is_unplanned(self, job: Part) -> bool:
        """Whether a job can be planned now."""
        probed = job.probe is None or self.steps[job.probe].accepted is not None
        return job.is_open and not job.planned and probed and not self.unmet(job)


def batch_of(job: Part) -> Part:
    """Return the batch of a job."""
    if job.parent is None:
        raise AssertionError(f"{job.id} is not a job")
    return job.parent
