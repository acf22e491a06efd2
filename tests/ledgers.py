"""Ledgers under test: builders of work, a clock to set, and what must hold of any story."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from orchestrator.decide.settle import Reach
from orchestrator.ledger.events import is_whole
from orchestrator.ledger.protocol import Ledger, Settlement
from orchestrator.ledger.rows import is_held, lineage
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

    def ready(self, limit: int = 100, service: Service = Service.RENDER, **kinds) -> list[str]:
        return [task.id for task in self.ledger.ready(service, limit, self.clock.unix, **kinds)]

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


def fold(ledger: Ledger) -> tuple[dict[str, State], dict[str, State]]:
    """Return the states of tasks and of parts as the events alone tell them."""
    tasks: dict[str, State] = {}
    parts: dict[str, State] = {}
    for event in events_of(ledger):
        for task, state in _moves(event, tasks):
            if state is None:
                tasks.pop(task, None)
            else:
                tasks[task] = state
        _close_or_open(event, parts)
    return tasks, parts


def _moves(event, tasks) -> Iterator[tuple[str, State | None]]:
    data, subject = event.data, event.subject
    if event.kind == "accepted" and "batch" in data:
        yield from ((task["id"], State.WAITING) for task in data["tasks"])
    elif event.kind == "planned":
        for each in data["targets"]:
            yield from ((task["id"], State.WAITING) for task in each["tasks"])
    elif event.kind == "leased":
        yield subject, State.PROCESSING
    elif "state" in data:
        yield subject, State(data["state"])
    elif event.kind in {"replanned", "retried"}:
        for job in [subject] if event.kind == "replanned" else data["restart"]:
            below = [task for task in tasks if task.startswith(f"{job}/")]
            yield from ((task, State.WAITING if task == f"{job}/probe" else None) for task in below)
        yield from ((task, State.WAITING) for task in data.get("tasks", ()))
    else:
        to = State.WAITING if event.kind == "paused" else State.CANCELLED
        yield from ((task, to) for task in data.get("tasks", ()))


def _close_or_open(event, parts) -> None:
    if event.kind == "accepted" and "batch" in event.data:
        parts[event.subject] = State.WAITING
        parts |= {job["id"]: State.WAITING for job in event.data["batch"]["jobs"]}
    elif event.kind == "planned":
        names = (each["name"] for each in event.data["targets"])
        parts |= {f"{event.subject}/{name}": State.WAITING for name in names}
    elif event.kind in {"replanned", "retried"}:
        for job in [event.subject] if event.kind == "replanned" else event.data["restart"]:
            for part in [part for part in parts if part.startswith(f"{job}/")]:
                del parts[part]
        batch = event.subject.partition("/")[0]  # a job that is retried opens its batch, too
        opened = [batch, event.subject, *event.data.get("parts", ())]
        parts |= {part: State.WAITING for part in opened}
    elif "level" in event.data:
        parts[event.subject] = State(event.kind.capitalize())


def holds(ledger: Ledger) -> set[str]:
    """Return what is paused as the events alone tell it."""
    found: set[str] = set()
    for event in events_of(ledger):
        if event.kind == "paused":
            found.add(event.subject)
        elif event.kind == "resumed" or "level" in event.data:
            found = {id for id in found if event.subject not in lineage(id)}
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
    told_tasks, told_parts = fold(ledger)
    paused = holds(ledger)
    assert paused == set(ledger.paused())
    for id, state in told_tasks.items():  # a waiting task that is paused is shown on Hold
        if state is State.WAITING and is_held(id, paused):
            told_tasks[id] = State.HOLD
    assert told_tasks == {task.id: task.state for task in tasks}  # I7
    for id in batches:
        for part in ledger.standings(id):
            stored = part.state if part.state.is_final else State.WAITING
            assert told_parts[part.id] is stored, part.id
    _check_attempts_grow(ledger)
    assert is_whole(events_of(ledger))  # I7


def _check_attempts_grow(ledger: Ledger) -> None:
    leased = [e.data["attempt"] for e in events_of(ledger) if e.kind == "leased"]
    assert leased == sorted(set(leased))  # I3
