"""Keeps jobs from beginning that cluster storage has no room for, by estimates of processors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from orchestrator.controller.storage import Storage, kept_free
from orchestrator.decide.reconcile import Attempt
from orchestrator.decide.spaces import Need, crowded, frames_of, need
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.work import Facts, Job, Kind, Task, task_id
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.hasty import NotYet

COUNTED_S = 5.0
"""So long it counts how much of a job is done."""

KEPT = 4096
"""So many jobs are remembered."""

PROBE, COPY = (f"/{kind.value}" for kind in (Kind.PROBE, Kind.COPY))


@dataclass(slots=True)
class Spaces:
    """Asked at each look; all that it remembers it could ask again."""

    ledger: Ledger
    caller: Caller
    storage: Storage
    told: Mapping[str, str] = field(default_factory=dict)  #: job -> why it waits, by the last look
    why: dict[str, str] = field(default_factory=dict)  #: likewise, by the one under way
    _now: float = 0.0
    _running: frozenset[str] = frozenset()  #: jobs that something runs of, beside their probe
    _copying: frozenset[str] = frozenset()  #: copy tasks that run
    _granted: list[Need] = field(default_factory=list)  #: that may begin since the last look
    _needs: dict[str, tuple[float, Need]] = field(default_factory=dict)

    def see(self, attempts: Iterable[Attempt], now: float) -> None:
        """Begin a look at `now` (Unix seconds)."""
        tasks = [attempt.task for attempt in attempts if not attempt.task.endswith(PROBE)]
        self._copying = frozenset(task for task in tasks if task.endswith(COPY))
        self._running = frozenset(
            "/".join(task.split("/")[:2]) for task in tasks if task not in self._copying
        )
        self._now = now
        self._granted.clear()
        self.told, self.why = self.why, {}
        if len(self._needs) > KEPT:
            self._needs.clear()

    def without_room(self, tasks: Sequence[Task]) -> frozenset[str]:
        """Return the jobs (ids) of these tasks that wait for room, and remember why."""
        later = set[str]()  # what a plugin has not said the size of
        for task in tasks:
            if task.kind is Kind.COPY and task.id not in self.why:
                with _heard(later, task.job.id):
                    self._decide(_copied(task))
        jobs = {task.job.id: task.job for task in tasks if not task.kind.is_first}
        for job in jobs.values():
            if job.id in self._running or job.id in self.why or not self.caller.can_size(job):
                continue
            with _heard(later, job.id):
                self._look_at(job)
        copies = frozenset(task.job.id for task in tasks if task.id in self.why)
        return copies | later | (frozenset(self.why) & jobs.keys())

    def _look_at(self, job: Job) -> None:
        self._decide(self._need(job.id, job))

    def _decide(self, wanted: Need) -> None:
        space = self.storage.space()
        if wanted.has_begun or not wanted.whole_bytes or space is None:
            return
        begun = [self._need(id) for id in self._running] + self._granted
        begun += [_copied(task) for id in self._copying if (task := self.ledger.task(id))]
        free, whole = space
        if why := crowded(wanted, begun, free, kept_free(whole)):
            self.why[wanted.job] = f"cluster storage {self.storage.root} {why}"
        else:
            self._granted.append(wanted)

    def _need(self, id: str, job: Job | None = None) -> Need:
        counted_at, known = self._needs.get(id, (0.0, None))
        if known and self._now - counted_at < COUNTED_S:
            return known
        parts = self.ledger.standings(id.partition("/")[0])
        whole = known.whole_bytes if known else self._size(id, job, frames_of(id, parts))
        found = need(id, whole, parts)
        self._needs[id] = (self._now, found)
        return found

    def _size(self, id: str, job: Job | None, frames: Mapping[str, int]) -> int:
        if job is None:
            batch = self.ledger.batch(id.partition("/")[0])
            job = next((each for each in batch.jobs if each.id == id), None) if batch else None
        if job is None or not self.caller.can_size(job):
            return 0
        probe = task_id(id, Kind.PROBE)
        result = self.ledger.results([probe]).get(probe)
        return self.caller.size(job, Facts(values=result.values if result else {}), frames)


@contextmanager
def _heard(later: set[str], job: str) -> Iterator[None]:
    """Note a job of which a plugin has not told yet what must be known."""
    try:
        yield
    except NotYet:
        later.add(job)


def _copied(task: Task) -> Need:
    """Return what a copy takes; it stays until its job is over."""
    size = task.args.get("bytes")
    return Need(job=task.id, whole_bytes=size if isinstance(size, int) else 0)
