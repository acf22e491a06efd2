"""One batch as it stands, for those who explain it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestrator.decide.active import STORAGE, active, held_up
from orchestrator.decide.place import SPARING
from orchestrator.model.record import AttemptRecord, Standing
from orchestrator.model.talk import NodeView
from orchestrator.model.work import Batch, Job, Kind, Result, State, Task, TaskId, task_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A batch with all that an explanation may need; indexed once, for a batch may be large."""

    batch: Batch
    standings: tuple[Standing, ...]  #: the batch, its jobs, its targets: parents first
    tasks: Mapping[TaskId, Task]
    attempts: Mapping[TaskId, tuple[AttemptRecord, ...]] = field(default_factory=dict)
    results: Mapping[TaskId, Result] = field(default_factory=dict)  #: of publish tasks
    now: datetime  #: in the zone that times are shown in
    worked_on: bool = True  #: whether a controller works on this ledger now
    shut: str = ""  #: how long this computer is closed by its work schedule; empty: it is open
    paused: frozenset[str] = frozenset()  #: ids that a person has paused
    nodes: tuple[NodeView, ...] | None = None  #: of the cluster; None: this computer alone
    refused: Mapping[TaskId, Mapping[str, str]] = field(default_factory=dict)
    #: task that could go next -> node -> why it is not given it
    full: Mapping[str, str] = field(default_factory=dict)
    #: which limits of what is worked on are reached, each with a sentence (F-SEG-10)
    _jobs: Mapping[str, Job] = field(init=False, repr=False)
    _parts: Mapping[str, Standing] = field(init=False, repr=False)
    _below: Mapping[str, Sequence[Task]] = field(init=False, repr=False)
    _active: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        below: defaultdict[str, list[Task]] = defaultdict(list)
        for task in self.tasks.values():
            parts = task.id.split("/")
            for end in range(1, len(parts)):  # batch, job, target, segment
                below["/".join(parts[:end])].append(task)
        running = (task.id for task in self.tasks.values() if task.state is State.PROCESSING)
        object.__setattr__(self, "_active", active(running).targets)
        object.__setattr__(self, "_below", below)
        object.__setattr__(self, "_jobs", {job.id: job for job in self.batch.jobs})
        object.__setattr__(self, "_parts", {part.id: part for part in self.standings})

    def part(self, id: str) -> Standing | None:
        """Return a batch, job or target; None for a segment or a task."""
        return self._parts.get(id)

    def below(self, id: str) -> Sequence[Task]:
        """Return the tasks of a batch, job, target or segment, in order."""
        return self._below.get(id, ())

    def job(self, id: str) -> Job | None:
        """Return the job that a part or task belongs to; None for the batch itself."""
        return self._jobs.get("/".join(id.split("/")[:2]))

    def files(self, id: str) -> tuple[str, ...]:
        """Return where the files of a part or task are that was published."""
        asked = [self.tasks[id]] if id in self.tasks else self.below(id)
        done = (self.results.get(task.id) for task in asked if task.kind is Kind.PUBLISH)
        found = (result.values.get("destination") for result in done if result)
        return tuple(dict.fromkeys(str(file) for file in found if file))  # frames have one pattern

    def jobs_before(self, id: str) -> tuple[str, ...]:
        """Return the ids of the jobs that must be Successful before this one, and are not yet."""
        job = self.job(id)
        ids = [f"{self.batch.id}/{name}" for name in job.after] if job else []
        parts = [(each, self.part(each)) for each in ids]
        return tuple(each for each, part in parts if not part or part.state is not State.SUCCESSFUL)

    def paused_by(self, id: str) -> str:
        """Return the id whose pause holds `id`: its own, or of the nearest part it is in; or ""."""
        while id and id not in self.paused:
            id = id.rpartition("/")[0]
        return id

    def gate_of(self, id: str) -> str:
        """Return why the plan holds `id` until a person resumes it; empty: it does not."""
        part = self._parts.get(self.paused_by(id))
        return part.gate if part else ""

    def gates(self, id: str) -> tuple[str, ...]:
        """Return the targets at or below a part that wait by their plan for a person."""
        return tuple(
            part.id for part in self.standings if part.gate and f"{part.id}/".startswith(f"{id}/")
        )

    def missing(self, task: Task) -> tuple[str, ...]:
        """Return the ids of what must be Successful before the task can be given out."""
        needed = ((need, self.tasks.get(need)) for need in task.needs)
        tasks = tuple(
            need for need, other in needed if not other or other.state is not State.SUCCESSFUL
        )
        return tasks if tasks or task.needs else self.jobs_before(task.id)

    def held_up(self, task: Task) -> str:
        """Return which limit keeps a task that could go next from being given out; or ""."""
        if STORAGE in self.full and task.kind not in SPARING:
            return self.full[STORAGE]
        if asked := self.full.get(task_id(task.job.id, Kind.COPY)):
            return asked
        if task.kind is Kind.RENDER and (short := self.full.get(task_id(task.job.id, Kind.RENDER))):
            return short
        crowded = "" if task.kind.is_first else self.full.get(task.job.id, "")
        return crowded or held_up(task.id, self._active, self.full)

    def starts(self) -> datetime | None:
        """Return when the batch may start, if that is still to come."""
        head = self.part(self.batch.id)
        start = None
        if self.batch.not_before:
            start = datetime.fromisoformat(self.batch.not_before)
        elif self.batch.delay_s and head and head.accepted:
            start = datetime.fromisoformat(head.accepted) + timedelta(seconds=self.batch.delay_s)
        return start if start and start.astimezone() > self.now else None

    def time(self, when: str | datetime) -> str:
        """Return a time as it is shown: ISO 8601, to the second."""
        known = datetime.fromisoformat(when) if isinstance(when, str) else when
        return known.astimezone(self.now.tzinfo).isoformat(timespec="seconds")
