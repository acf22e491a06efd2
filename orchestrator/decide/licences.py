"""How many licences renders hold, and who waits for one (`limits.licences`).

A render task holds each licence that its job names, from its lease until its attempt is closed: also
while its node is silent, which may hold it still.  What waits for one holds up nobody behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.model.cluster import Licence
from orchestrator.model.work import Kind, Task, TaskId

HOSTS_NAMED_MAX = 5

_PARTS_OF_JOB = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Licences:
    """What may be held, and what is, as one look sees it."""

    limits: Mapping[str, Licence] = field(default_factory=dict)
    of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: job -> what each of its render tasks holds, of that which is counted
    held: Mapping[tuple[str, str], int] = field(default_factory=dict)
    #: (licence, node) -> how many of its renders may run there

    def needed(self, task: Task) -> tuple[str, ...]:
        """Return what a task would hold."""
        return self.of.get(task.job.id, ()) if task.kind is Kind.RENDER else ()

    def short(self, job: str) -> str:
        """Return why no render of the job can begin anywhere, in one sentence; empty: it can."""
        pool = Pool(self)
        return next((why for name in self.of.get(job, ()) if (why := pool.used_up(name))), "")

    def why(self, job: str) -> str:
        """Return the same, or which hosts have no more of what it needs; empty: nothing lacks."""
        if said := self.short(job):
            return said
        return next((why for name in self.of.get(job, ()) if (why := self._hosts_full(name))), "")

    def _hosts_full(self, name: str) -> str:
        most = self.limits[name].host
        nodes = sorted(node for (each, node), n in self.held.items() if each == name and most == n)
        if not nodes:
            return ""
        more = f" and {len(nodes) - HOSTS_NAMED_MAX} more" if len(nodes) > HOSTS_NAMED_MAX else ""
        where = ", ".join(nodes[:HOSTS_NAMED_MAX]) + more
        return f"licence {name}: {most} of {most} in use on {where} (limits.licences)"


NO_LICENCES = Licences()


class Pool:
    """What is left while tasks are placed, one after the other."""

    def __init__(self, licences: Licences) -> None:
        self._licences = licences
        self._here = Counter(licences.held)
        self._all: Counter[str] = Counter()
        for (name, _), number in licences.held.items():
            self._all[name] += number

    def used_up(self, name: str) -> str:
        """Return that no more of a licence is left in the cluster; empty: there is one."""
        most = self._licences.limits[name].cluster
        if most is None or self._all[name] < most:
            return ""
        return f"licence {name}: {self._all[name]} of {most} in use (limits.licences)"

    def has(self, task: Task, node: str) -> bool:
        """Whether a task may be given to a node."""
        return all(
            not self.used_up(name) and self._is_left(name, node)
            for name in self._licences.needed(task)
        )

    def take(self, task: Task, node: str) -> None:
        """Count what a task holds now."""
        for name in self._licences.needed(task):
            self._here[name, node] += 1
            self._all[name] += 1

    def _is_left(self, name: str, node: str) -> bool:
        most = self._licences.limits[name].host
        return most is None or self._here[name, node] < most


def held(
    open_tasks: Iterable[tuple[TaskId, str]], of: Mapping[str, tuple[str, ...]]
) -> Mapping[tuple[str, str], int]:
    """Return what renders hold, of tasks that are open or may still run, each with its node."""
    found = (
        (name, node)
        for task, node in open_tasks
        if is_render(task)
        for name in of.get(job_of(task), ())
    )
    return Counter(found)


def is_render(task: TaskId) -> bool:
    """Whether a task holds what its job names."""
    return task.rpartition("/")[2] == Kind.RENDER.value


def job_of(task: TaskId) -> str:
    """Return the id of a task's job."""
    return "/".join(task.split("/")[:_PARTS_OF_JOB])
