"""Ledgers under test: builders of work, a clock to set, and what must hold of any story."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from orchestrator.decide.settle import Reach
from orchestrator.ledger.events import is_whole
from orchestrator.ledger.fold import fold
from orchestrator.ledger.protocol import Ledger, Only, Settlement
from orchestrator.ledger.rows import is_held
from orchestrator.model.node import Member
from orchestrator.model.work import (
    Batch,
    Cause,
    Ending,
    Job,
    Kind,
    Outcome,
    Priority,
    Segment,
    Service,
    State,
    Target,
    Task,
    task_id,
)

NODE = Member("n1", "life-1")
LONG_AGO = 0.0


@dataclass
class Clock:
    """A wall clock that stands still until it is set."""

    unix: float = 1_800_000_000.0

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.unix, UTC)


@dataclass
class Desk:
    """What a controller would do with a ledger, a step at a time."""

    ledger: Ledger
    clock: Clock = field(default_factory=Clock)

    def accept(self, batch: Batch, *, probes: bool = True, not_before: float = 0.0) -> Batch:
        tasks = [probe(job) for job in batch.jobs] if probes else []
        self.ledger.accept(batch, f"digest of {batch.name}", tasks, not_before)
        return batch

    def ready(self, limit: int = 100, service: Service = Service.RENDER, **only) -> list[str]:
        found = self.ledger.ready(service, limit, self.clock.unix, Only(**only))
        return [task.id for task in found]

    def state(self, task: str) -> State:
        found = self.ledger.task(task)
        assert found is not None, task
        return found.state

    def lease(self, *tasks: str):
        found = [self.ledger.task(task) for task in tasks]
        return self.ledger.lease([(task, NODE) for task in found if task is not None])

    def end(self, attempt, to=State.SUCCESSFUL, *, result=None, not_before=0.0, **changes) -> bool:
        """Settle an attempt: its task goes to `to`."""
        task = self.ledger.task(attempt.task)
        assert task is not None
        reach = changes.pop("reach", Reach.NOTHING)
        outcome = Outcome(
            attempt=attempt.id, ending=Ending.EXITED, exit_code=0, result=result or {}
        )
        settlement = Settlement(
            attempt=attempt.id,
            outcome=outcome,
            task=replace(task, state=to, **changes),
            accepted=to is State.SUCCESSFUL,
            reach=reach,
            not_before=not_before,
        )
        (done,) = self.ledger.settle([settlement])
        return done

    def do(self, task: str, to: State = State.SUCCESSFUL, **changes) -> bool:
        (attempt,) = self.lease(task)
        return self.end(attempt, to, **changes)

    def fail(self, task: str, why: str = "exit code 1", reach: Reach = Reach.TARGET) -> bool:
        return self.do(task, State.FAILED, reason=why, cause=Cause.FAILED, tries=3, reach=reach)

    def plan(self, job: Job, *names: str, segments: int = 2) -> None:
        self.ledger.plan(job.id, [target(job, name, segments) for name in names or ("t",)])

    def finish(self, *, closing: bool = True) -> None:
        """Do all that is in line, plan what can be, close what is over, until nothing moves."""
        moved = True
        while moved:
            moved = False
            for id in self.ready():
                moved |= self.do(id)
            for job in self.ledger.unplanned():
                self.plan(job)
                moved = True
            for part in self.ledger.over() if closing else ():
                self.close(part)
                moved = True

    def close(self, part) -> None:
        state = State.CANCELLED if part.cancelled else State.SUCCESSFUL
        state = State.FAILED if part.failed else state
        self.ledger.close_part(part.id, part.level, state, part.reason)

    def states(self, batch: str) -> dict[str, State]:
        return {part.id: part.state for part in self.ledger.standings(batch)}

    def kinds(self) -> list[str]:
        return [event.kind for event in self.ledger.events()]


def batch(*jobs: str, name="b", number=1, after=None, service=Service.RENDER, **keys) -> Batch:
    """Return ``b-0001`` with jobs of those names; `after`: name -> names."""
    id = f"{name}-{number:04d}"
    made = tuple(
        Job(
            id=f"{id}/{job}",
            name=job,
            processor="frames",
            asks={"scene": "a.ma"},
            after=(after or {}).get(job, ()),
            service=service,
        )
        for job in jobs or ("j",)
    )
    return Batch(id=id, name=name, jobs=made, **{"priority": Priority.MEDIUM, **keys})


def probe(job: Job) -> Task:
    return Task(
        id=task_id(job.id, Kind.PROBE), job=job, kind=Kind.PROBE, args={"deep": False}, weight=1e9
    )


def target(job: Job, name: str = "t", segments: int = 2) -> Target:
    """Return a target: segments that need nothing, assemble, publish."""
    parts = tuple(Segment(i, i * 10, i * 10 + 10) for i in range(segments))

    def step(kind: Kind, needs=(), segment=None) -> Task:
        number = segment.index if segment else None
        return Task(
            id=task_id(job.id, kind, name, number),
            job=job,
            kind=kind,
            target=name,
            segment=segment,
            needs=tuple(task.id for task in needs),
        )

    encodes = [step(Kind.ENCODE, (), segment) for segment in parts]
    join = step(Kind.ASSEMBLE, encodes)
    tasks = (*encodes, join, step(Kind.PUBLISH, [join]))
    return Target(name=name, tasks=tasks, segments=parts, destination=f"/out/{name}.mov")


def events_of(ledger: Ledger):
    found, after = [], 0
    while more := ledger.events(after, 500):
        found += more
        after = more[-1].seq
    return found


def check(ledger: Ledger) -> None:
    """Assert what must hold after any step (reliability: I1-I4, I7)."""
    batches = [standing.id for standing in ledger.standings()]
    tasks = [task for id in batches for task in ledger.tasks(id)]
    attempts = [record for id in batches for record in ledger.attempts(id)]
    accepted = Counter(record.task for record in attempts if record.accepted)
    still_open = {record.task for record in attempts if not record.closed}
    results = ledger.results([task.id for task in tasks])
    for task in tasks:
        is_done = task.state is State.SUCCESSFUL
        assert is_done == (task.id in results), task.id  # I1
        assert accepted[task.id] or not is_done, task.id
        assert (task.id in still_open) == (task.state is State.PROCESSING), task.id  # I2, I4
    assert len(still_open) == len(ledger.open_attempts())
    open_ids = [attempt.id for attempt in ledger.open_attempts()]
    assert open_ids == sorted(a.id for a in attempts if not a.closed)
    told = fold(events_of(ledger))
    told_tasks, told_parts, paused = told.tasks, told.all_parts, told.holds
    assert paused == set(ledger.paused())
    assert told.paused_nodes == ledger.paused_nodes()
    for id, state in told_tasks.items():  # a waiting task that is paused is shown on Hold
        if state is State.WAITING and is_held(id, paused):
            told_tasks[id] = State.HOLD
    assert told_tasks == {task.id: task.state for task in tasks}  # I7
    stored_parts = [part for id in batches for part in ledger.standings(id)]
    assert told_parts == {
        part.id: part.state if part.state.is_final else State.WAITING for part in stored_parts
    }
    _check_attempts_grow(ledger)
    assert is_whole(events_of(ledger), ledger.anchor()[1])  # I7


def _check_attempts_grow(ledger: Ledger) -> None:
    leased = [e.data["attempt"] for e in events_of(ledger) if e.kind == "leased"]
    assert leased == sorted(set(leased))  # I3
