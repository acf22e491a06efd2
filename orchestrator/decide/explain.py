"""Why something waits, failed or is done: nouns to sentences for people, and what to type next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from orchestrator.decide import windows
from orchestrator.decide.scene import Scene
from orchestrator.model.record import AttemptRecord, Standing
from orchestrator.model.talk import NodePhase, NodeView, Seats
from orchestrator.model.work import Cause, Job, Kind, State, Task

NAMED_MAX = 5
"""So many tasks that something waits for are named; the rest are counted."""

AGAIN = "orchestrator run FILE  # the same manifest: it does only what is missing"
RETRY = "orchestrator retry {batch}  # it does only what is missing"
IDLE = "no `orchestrator run` works on it now"


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
    return tuple(
        replace(each, next=tuple(_typed(scene, line) for line in each.next))
        for each in _accounts(scene, id)
    )


def _typed(scene: Scene, line: str) -> str:
    """Return a command as it must be typed for this cluster; what is remarked on it stays behind."""
    if scene.nodes is None:
        return line
    words, gap, remark = line.partition("  #")
    return f"{words} --cluster {scene.batch.cluster}{gap}{remark}"


def _accounts(scene: Scene, id: str) -> tuple[Account, ...]:
    if id in scene.tasks:
        return (_task(scene, scene.tasks[id]),)
    asked = scene.part(id)
    below = (part for part in scene.standings if part.id.startswith(f"{id}/"))
    parts = [asked, *(part for part in below if _speaks(scene, part))] if asked else []
    tasks = [task for task in scene.below(id) if not parts or _tells(scene, task)]
    accounts = [_part(scene, part) for part in parts]
    return tuple(_once((*accounts, *_merged(_task(scene, task) for task in tasks))))


def _speaks(scene: Scene, part: Standing) -> bool:
    """Whether a part below the one asked about has to say what its tasks do not."""
    if part.reason:
        return not any(part.reason in task.reason for task in scene.below(part.id))
    return part.level == "target" and bool(part.gate or scene.files(part.id))


def _tells(scene: Scene, task: Task) -> bool:
    """Whether a task explains its parents: it failed, runs, is held, or could go next."""
    if task.state is State.WAITING:
        return bool(task.reason) or (scene.worked_on and not scene.missing(task))
    if task.state is State.HOLD and scene.gate_of(task.id):
        return False  # its target says it for all
    return task.state in {State.FAILED, State.PROCESSING, State.HOLD}


def _merged(accounts: Iterable[Account]) -> Iterator[Account]:
    """Let one account speak for all that say the same."""
    first: dict[tuple[str, State, str], Account] = {}
    alike: Counter[tuple[str, State, str]] = Counter()
    for account in accounts:
        key = (account.id.rpartition("/")[2], account.status, account.why)
        first.setdefault(key, account)
        alike[key] += 1
    yield from (replace(account, alike=alike[key] - 1) for key, account in first.items())


def _once(accounts: Iterable[Account]) -> Iterator[Account]:
    """Say what to type where it is said first, and only there."""
    said: set[str] = set()
    for account in accounts:
        fresh = tuple(line for line in account.next if line not in said)
        said.update(fresh)
        yield replace(account, next=fresh)


# Parts: batch, job, target


def _part(scene: Scene, part: Standing) -> Account:
    return Account(
        id=part.id,
        status=part.state,
        why=_why_part(scene, part),
        files=scene.files(part.id),
        waits_for=scene.jobs_before(part.id) if part.state is State.WAITING else (),
        next=_next_for_part(scene, part),
    )


def _why_part(scene: Scene, part: Standing) -> str:
    if part.state is State.HOLD and (by := scene.paused_by(part.id)):
        return _why_paused(scene, part.id, by)
    if part.reason:
        return part.reason if part.state.is_final else f"a part of it has failed: {part.reason}"
    if part.state is State.SUCCESSFUL:
        return "verified and published" if scene.files(part.id) else "done"
    if part.state.is_final:
        return _tasks_ended(scene, part)
    if part.state is State.HOLD and scene.gates(part.id):
        return "all that is left of it waits for a person"
    if not scene.worked_on:
        return IDLE
    if part.state is State.WAITING:
        why = _why_not_begun(scene, part.id) or _why_no_node(scene, None)
        return why or _why_full(scene, part) or "nothing of it has begun"
    if part.state is State.HOLD:
        return "all that is left of it is on Hold: a person decides"
    return _segments_done(scene, part)


def _why_full(scene: Scene, part: Standing) -> str:
    """Return which limit keeps all of it from beginning; or ""."""
    could = [task for task in scene.below(part.id) if _could_go(scene, task)]
    said = {scene.held_up(task) for task in could[:NAMED_MAX]}
    return said.pop() if len(said) == 1 else ""


def _could_go(scene: Scene, task: Task) -> bool:
    return task.state is State.WAITING and not scene.missing(task)


def _tasks_ended(scene: Scene, part: Standing) -> str:
    counts = Counter(task.state for task in scene.below(part.id))
    states = (State.SUCCESSFUL, State.FAILED, State.CANCELLED)
    said = ", ".join(f"{counts[state]} {state.value}" for state in states if counts[state])
    return f"of its {counts.total()} tasks: {said}" if said else "nothing of it was done"


def _segments_done(scene: Scene, part: Standing) -> str:
    kinds = {Kind.ENCODE, Kind.RENDER}
    counts = Counter(task.state for task in scene.below(part.id) if task.kind in kinds)
    if not counts:
        copies = any(
            task.kind is Kind.COPY and not task.state.is_final for task in scene.below(part.id)
        )
        return f"its source is {'copied to cluster storage' if copies else 'looked at'}"
    done, running = counts[State.SUCCESSFUL], counts[State.PROCESSING]
    return f"{done} of {counts.total()} segments done, {running} running"


def _next_for_part(scene: Scene, part: Standing) -> tuple[str, ...]:
    if part.state is State.HOLD and (by := scene.paused_by(part.id)):
        return _resume(scene, by)
    if part.state is State.HOLD and (gates := scene.gates(part.id)):
        return tuple(line for gate in gates for line in _resume(scene, gate))
    if part.level != "batch" or part.state is State.SUCCESSFUL:
        return ()
    again, logs = _again(scene), f"orchestrator logs {part.id}"
    if part.state is State.HOLD and scene.nodes is not None:
        return (logs, again, f"orchestrator cancel {part.id}  # or give it up")
    if part.state.is_final or part.state is State.HOLD:
        return (logs, again)
    return (f"orchestrator status {part.id} --every 5",) if scene.worked_on else (again,)


def _again(scene: Scene) -> str:
    """Return what to type so that what is missing is done."""
    return AGAIN if scene.nodes is None else RETRY.format(batch=scene.batch.id)


def _resume(scene: Scene, id: str) -> tuple[str, ...]:
    """Return what to type so that what is paused, or waits at a gate, goes on."""
    job = id.rpartition("/")[0]
    give_up = (f"orchestrator cancel {job}  # or give it up",) if scene.gate_of(id) else ()
    return (f"orchestrator resume {id}", *give_up)


def _why_paused(scene: Scene, id: str, by: str) -> str:
    if why := scene.gate_of(by):
        return f"it waits for a person: {why}" if by == id else f"{by} waits for a person: {why}"
    return "a person has paused it" if by == id else f"a person has paused {by}"


# Tasks


def _task(scene: Scene, task: Task) -> Account:
    tries = scene.attempts.get(task.id, ())
    account = Account(id=task.id, status=task.state, why="", tries=tries)
    match task.state:
        case State.WAITING:
            missing = scene.missing(task)
            why = _why_waiting(scene, task, missing)
            again = () if scene.worked_on else (_again(scene),)
            return replace(account, why=why, waits_for=missing, next=again)
        case State.PROCESSING | State.POST:
            follow = f"orchestrator logs -f {task.id}" if scene.worked_on else _again(scene)
            return replace(account, why=_why_running(scene, tries), next=(follow,))
        case State.SUCCESSFUL:
            return replace(account, why=_why_done(tries), files=scene.files(task.id))
        case State.FAILED:
            lines = (f"orchestrator logs {task.id}", _again(scene))
            return replace(account, why=_why_failed(task, tries), next=lines)
        case State.HOLD if by := scene.paused_by(task.id):
            why = _why_paused(scene, task.id, by)
            return replace(account, why=why, next=_resume(scene, by))
        case State.CANCELLED | State.HOLD:
            why = task.reason or _why_fell(scene, task)
            return replace(account, why=why, next=(_again(scene),))


def _why_waiting(scene: Scene, task: Task, missing: tuple[str, ...]) -> str:
    if missing:
        more = f" and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
        return f"it waits for {', '.join(missing[:NAMED_MAX])}{more}"
    if task.cause is Cause.UNREADY:
        return f"{task.reason}; it is tried again by itself, which costs no try"
    if not scene.worked_on:
        return IDLE
    if reason := _why_not_begun(scene, task.id):
        return reason
    able, refusing = _refusing(scene, task)
    if refusing and not able:
        return f"no node that is ready can do it: {refusing}"
    if reason := _why_no_node(scene, task.job):
        return reason
    if reason := scene.held_up(task):
        return reason
    where = f" on {_some(able)}; others cannot do it: {refusing}" if refusing else ""
    free = f"it waits for a free instance of the {task.job.service.value} service{where}"
    return f"{free}, to be tried again: {task.reason}" if task.reason else free


def _refusing(scene: Scene, task: Task) -> tuple[list[str], str]:
    """Return which nodes that are ready can do a task, and why the others cannot; "": all can."""
    refused = scene.refused.get(task.id, {})
    ready = [node.name for node in scene.nodes or () if node.phase is NodePhase.READY]
    said = [f"{name} ({refused[name].rstrip('.')})" for name in ready if name in refused]
    return [name for name in ready if name not in refused], _some(said)


def _some(words: Sequence[str]) -> str:
    """Return a list in words; of many, the first."""
    more = f" and {len(words) - NAMED_MAX} more" if len(words) > NAMED_MAX else ""
    return ", ".join(words[:NAMED_MAX]) + more


def _why_not_begun(scene: Scene, id: str) -> str:
    """Return what holds up a whole job or batch, or an empty text."""
    if before := scene.jobs_before(id):
        return f"it comes after {', '.join(before)}"
    if start := scene.starts():
        return f"it does not start before {scene.time(start)}"
    return ""


def _why_no_node(scene: Scene, job: Job | None) -> str:
    """Return why no node of the cluster can begin with it now, each with its reason; or ""."""
    if scene.nodes is None:
        return f"this computer is {scene.shut}" if scene.shut else ""
    if not scene.nodes:
        return "the cluster has no node: add one to its manifest, or wait for a free one"
    ready = [node for node in scene.nodes if node.phase is NodePhase.READY]
    if shut := windows.all_closed(scene.nodes, scene.now):
        return shut
    if not ready:
        return f"no node is ready: {_closed(scene.nodes)}"
    if job is None:
        return ""
    offering = [node for node in ready if node.services.get(job.service.value, _NONE).instances]
    if not offering:
        closed = [node for node in scene.nodes if node not in ready]
        more = f"; others are not ready: {_closed(closed)}" if closed else ""
        return f"no node that is ready offers the {job.service.value} service{more}"
    lacking = {name for name in job.requires if not any(name in n.programs for n in offering)}
    if lacking:
        return f"no node that is ready has {', '.join(sorted(lacking))}, which the job requires"
    return ""


_NONE = Seats(instances=0)


def _closed(nodes: Sequence[NodeView]) -> str:
    """Return each node with what holds it up; of many, the first are named."""
    return _some([f"{node.name} ({node.why or node.phase.value})" for node in nodes])


def _why_running(scene: Scene, tries: tuple[AttemptRecord, ...]) -> str:
    running = next((each for each in reversed(tries) if not each.closed), None)
    if running is None:
        return "it was given out, and its end is being settled"
    where = f"on {running.node} since {scene.time(running.opened)}, as attempt {running.id}"
    if scene.worked_on:
        return f"it runs {where}{_silence(scene, running.node)}"
    return f"it was given out {where}; no `orchestrator run` waits for it now"


def _silence(scene: Scene, node: str) -> str:
    """Say for how long nothing was heard of the node; empty: it is heard of."""
    silent_s = next((each.silent_s for each in scene.nodes or () if each.name == node), 0.0)
    return f"; nothing was heard of that node for {silent_s:.0f} s" if silent_s else ""


def _why_done(tries: tuple[AttemptRecord, ...]) -> str:
    accepted = next((each for each in tries if each.accepted), None)
    if accepted is None:
        return "done"
    before = len(tries) - 1
    after = f", after {before} that did not end well" if before else ""
    return f"attempt {accepted.id} on {accepted.node} was accepted{after}"


def _why_failed(task: Task, tries: tuple[AttemptRecord, ...]) -> str:
    """Sum the tries up: ``3x exit code 1: no such file``."""
    counts = Counter(each.why for each in tries if each.cause in _AGAINST_IT and each.why)
    if not counts:
        return task.reason or "given up"
    return "; ".join(f"{number}x {why}" if number > 1 else why for why, number in counts.items())


_AGAINST_IT = {Cause.FAILED.value, Cause.CRASHED.value, Cause.LOST.value, Cause.SOURCE.value}


def _why_fell(scene: Scene, task: Task) -> str:
    fallen = (
        other.id
        for other in scene.below(task.job.id)
        if other.state is State.FAILED and other.target in {task.target, ""}
    )
    culprit = next(fallen, "")
    return f"{culprit} failed, so it is not needed" if culprit else "it is no longer wanted"
