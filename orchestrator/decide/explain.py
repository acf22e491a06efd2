"""Why something waits, failed or is done: nouns to sentences for people, and what to type next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from orchestrator.model.record import AttemptRecord, Standing
from orchestrator.model.work import (
    Batch,
    Cause,
    Job,
    Kind,
    Result,
    State,
    Task,
    TaskId,
)

NAMED_MAX = 5
"""So many tasks that something waits for are named; the rest are counted."""

AGAIN = "orchestrator run FILE  # the same manifest: it does only what is missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One batch as it stands, with all that an explanation may need."""

    batch: Batch
    standings: tuple[Standing, ...]  #: the batch, its jobs, its targets: parents first
    tasks: Mapping[TaskId, Task]
    attempts: Mapping[TaskId, tuple[AttemptRecord, ...]] = field(default_factory=dict)
    results: Mapping[TaskId, Result] = field(default_factory=dict)  #: of publish tasks
    now: datetime  #: with zone
    worked_on: bool = True  #: whether a controller works on this ledger now


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Why one part or task stands as it does."""

    id: str
    status: State
    why: str  #: one sentence
    tries: tuple[AttemptRecord, ...] = ()  #: oldest first
    waits_for: tuple[str, ...] = ()  #: ids of tasks and jobs
    files: tuple[str, ...] = ()  #: what it put where
    next: tuple[str, ...] = ()  #: what a person may type
    alike: int = 0  #: how many other tasks stand so for the same reason


def explain(scene: Scene, id: str) -> tuple[Account, ...]:
    """Return the account of `id`, then of what below it deserves one.

    `id` may name a batch, a job, a target, a segment or a task of the scene.  Of tasks that stand
    alike the first speaks for all.
    """
    if id in scene.tasks:
        return (_task(scene, scene.tasks[id]),)
    parts = [each for each in scene.standings if _is_below(each.id, id)]
    heads = [_part(scene, each) for each in parts if each.id == id or not _is_dull(scene, each)]
    below = [task for task in scene.tasks.values() if _is_below(task.id, id)]
    telling = [task for task in below if not heads or _speaks(scene, task)]
    return tuple(_once((*heads, *_merged(_task(scene, task) for task in telling))))


def _is_below(id: str, above: str) -> bool:
    return id == above or id.startswith(f"{above}/")


def _is_dull(scene: Scene, part: Standing) -> bool:
    """Whether a part below the one asked about has nothing to say that its tasks do not."""
    if part.reason:
        below = (task for task in scene.tasks.values() if _is_below(task.id, part.id))
        return any(part.reason in task.reason for task in below)
    return part.level != "target" or not any(_files(scene, part.id))


def _speaks(scene: Scene, task: Task) -> bool:
    """Whether a task explains its parents: it failed, runs, is held, or could go next."""
    if task.state is State.WAITING:
        return bool(task.reason) or (scene.worked_on and not _missing(scene, task))
    return task.state in {State.FAILED, State.PROCESSING, State.HOLD}


def _merged(accounts: Iterable[Account]) -> Iterator[Account]:
    """Let one account speak for all that say the same."""
    first: dict[tuple[str, State, str], Account] = {}
    for account in accounts:
        key = (account.id.rpartition("/")[2], account.status, account.why)
        if key in first:
            first[key] = replace(first[key], alike=first[key].alike + 1)
        else:
            first[key] = account
    yield from first.values()


def _once(accounts: Iterable[Account]) -> Iterator[Account]:
    """Say what to type where it is said first, and only there."""
    said: set[str] = set()
    for account in accounts:
        fresh = tuple(line for line in account.next if line not in said)
        said.update(fresh)
        yield replace(account, next=fresh)


# Parts: batch, job, target


def _part(scene: Scene, part: Standing) -> Account:
    files = tuple(_files(scene, part.id)) if part.state is State.SUCCESSFUL else ()
    return Account(
        id=part.id,
        status=part.state,
        why=_why_part(scene, part),
        files=files,
        waits_for=_jobs_before(scene, part) if part.state is State.WAITING else (),
        next=_next_for_part(scene, part),
    )


def _why_part(scene: Scene, part: Standing) -> str:
    if part.reason:
        return part.reason if part.state.is_final else f"a part of it has failed: {part.reason}"
    if part.state is State.SUCCESSFUL:
        return "verified and published" if any(_files(scene, part.id)) else "done"
    if part.state in {State.FAILED, State.CANCELLED}:
        return _count_ended(scene, part)
    if not scene.worked_on:
        return "no `orchestrator run` works on it now"
    if part.state is State.WAITING:
        return _why_not_begun(scene, scene_job(scene, part.id)) or "nothing of it has begun"
    return _count_segments(scene, part)


def _count_ended(scene: Scene, part: Standing) -> str:
    tasks = [task for task in scene.tasks.values() if _is_below(task.id, part.id)]
    counts = Counter(task.state for task in tasks)
    states = (State.SUCCESSFUL, State.FAILED, State.CANCELLED)
    said = ", ".join(f"{counts[state]} {state.value}" for state in states if counts[state])
    return f"of its {len(tasks)} tasks: {said}" if said else "nothing of it was done"


def _count_segments(scene: Scene, part: Standing) -> str:
    tasks = [
        task
        for task in scene.tasks.values()
        if _is_below(task.id, part.id) and task.kind in {Kind.ENCODE, Kind.RENDER}
    ]
    done = sum(task.state is State.SUCCESSFUL for task in tasks)
    running = sum(task.state is State.PROCESSING for task in tasks)
    if not tasks:
        return "its source is looked at"
    return f"{done} of {len(tasks)} segments done, {running} running"


def _files(scene: Scene, id: str) -> Iterator[str]:
    """Yield where the files of a Successful part or task are."""
    for task, result in scene.results.items():
        if _is_below(task, id) and "destination" in result.values:
            yield str(result.values["destination"])


def _next_for_part(scene: Scene, part: Standing) -> tuple[str, ...]:
    if part.level != "batch":
        return ()
    if part.state in {State.FAILED, State.CANCELLED, State.HOLD}:
        return (f"orchestrator logs {part.id}", AGAIN)
    if part.state.is_final:
        return ()
    return (f"orchestrator status {part.id} --every 5",) if scene.worked_on else (AGAIN,)


# Tasks


def _task(scene: Scene, task: Task) -> Account:
    tries = scene.attempts.get(task.id, ())
    account = Account(id=task.id, status=task.state, why="", tries=tries)
    match task.state:
        case State.WAITING:
            missing = _missing(scene, task)
            why = _why_waiting(scene, task, missing)
            return replace(account, why=why, waits_for=missing, next=_next_waiting(scene))
        case State.PROCESSING | State.POST:
            return replace(account, why=_why_running(scene, tries), next=_next_running(scene, task))
        case State.SUCCESSFUL:
            files = tuple(_files(scene, task.id))
            return replace(account, why=_why_done(tries), files=files)
        case State.FAILED:
            return replace(account, why=_why_failed(task, tries), next=_next_failed(task))
        case State.CANCELLED | State.HOLD:
            return replace(account, why=task.reason or _why_fell(scene, task), next=(AGAIN,))


def _missing(scene: Scene, task: Task) -> tuple[str, ...]:
    """Return the ids of what must be Successful before the task can be given out."""
    tasks = [
        need
        for need in task.needs
        if need not in scene.tasks or scene.tasks[need].state is not State.SUCCESSFUL
    ]
    if tasks or task.kind is not Kind.PROBE:
        return tuple(tasks)
    return _jobs_before(scene, _standing(scene, task.job.id))


def _jobs_before(scene: Scene, part: Standing | None) -> tuple[str, ...]:
    """Return the ids of the jobs that the part's job comes after and that are not Successful."""
    job = scene_job(scene, part.id) if part else None
    ids = [f"{scene.batch.id}/{name}" for name in job.after] if job else []
    standings = [(id, _standing(scene, id)) for id in ids]
    return tuple(id for id, each in standings if not each or each.state is not State.SUCCESSFUL)


def scene_job(scene: Scene, id: str) -> Job | None:
    """Return the job that a part or task belongs to; None for the batch itself."""
    return next((job for job in scene.batch.jobs if _is_below(id, job.id)), None)


def _standing(scene: Scene, id: str) -> Standing | None:
    return next((each for each in scene.standings if each.id == id), None)


def _why_waiting(scene: Scene, task: Task, missing: tuple[str, ...]) -> str:
    if missing:
        more = f" and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
        return f"it waits for {', '.join(missing[:NAMED_MAX])}{more}"
    if task.cause is Cause.UNREADY:
        return f"{task.reason}; it is tried again by itself, which costs no try"
    if not scene.worked_on:
        return "no `orchestrator run` works on it now"
    if reason := _why_not_begun(scene, task.job):
        return reason
    free = f"it waits for a free instance of the {task.job.service.value} service"
    return f"{free}, to be tried again: {task.reason}" if task.reason else free


def _why_not_begun(scene: Scene, job: Job | None) -> str:
    """Return what holds up a whole job or batch, or an empty text."""
    if job and (before := _jobs_before(scene, _standing(scene, job.id))):
        return f"it comes after {', '.join(before)}"
    start = _start(scene)
    if start and start > scene.now:
        when = start.astimezone(scene.now.tzinfo).isoformat(timespec="seconds")
        return f"it does not start before {when}"
    return ""


def _start(scene: Scene) -> datetime | None:
    batch = scene.batch
    if batch.not_before:
        when = datetime.fromisoformat(batch.not_before)
        return when if when.tzinfo else when.astimezone()
    head = _standing(scene, batch.id)
    if batch.delay_s and head and head.accepted:
        return datetime.fromisoformat(head.accepted) + timedelta(seconds=batch.delay_s)
    return None


def _why_running(scene: Scene, tries: tuple[AttemptRecord, ...]) -> str:
    running = next((each for each in reversed(tries) if not each.closed), None)
    if running is None:
        return "it was given out, and its end is being settled"
    opened = datetime.fromisoformat(running.opened).astimezone(scene.now.tzinfo)
    since = opened.isoformat(timespec="seconds")
    where = f"on {running.node} since {since}, as attempt {running.id}"
    if scene.worked_on:
        return f"it runs {where}"
    return f"it was given out {where}; no `orchestrator run` waits for it now"


def _why_done(tries: tuple[AttemptRecord, ...]) -> str:
    accepted = next((each for each in tries if each.accepted), None)
    if accepted is None:
        return "done"
    before = len(tries) - 1
    after = f", after {before} that did not end well" if before else ""
    return f"attempt {accepted.id} on {accepted.node} was accepted{after}"


def _why_failed(task: Task, tries: tuple[AttemptRecord, ...]) -> str:
    """Sum the tries up: ``3x exit code 1: no such file``."""
    counts = Counter(each.why for each in tries if each.cause in _COUNTED and each.why)
    if not counts:
        return task.reason or "given up"
    return "; ".join(f"{number}x {why}" if number > 1 else why for why, number in counts.items())


_COUNTED = {Cause.FAILED.value, Cause.CRASHED.value, Cause.LOST.value, Cause.SOURCE.value}


def _why_fell(scene: Scene, task: Task) -> str:
    fallen = (
        other.id
        for other in scene.tasks.values()
        if other.job.id == task.job.id
        and other.state is State.FAILED
        and other.target in {task.target, ""}
    )
    culprit = next(fallen, "")
    return f"{culprit} failed, so it is not needed" if culprit else "it is no longer wanted"


def _next_waiting(scene: Scene) -> tuple[str, ...]:
    return () if scene.worked_on else (AGAIN,)


def _next_running(scene: Scene, task: Task) -> tuple[str, ...]:
    return (f"orchestrator logs -f {task.id}",) if scene.worked_on else (AGAIN,)


def _next_failed(task: Task) -> tuple[str, ...]:
    return (f"orchestrator logs {task.id}", AGAIN)
