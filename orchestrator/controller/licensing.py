"""Which licences the renders of a job hold, remembered from look to look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from orchestrator.decide.licences import NO_LICENCES, Licences, held, is_render, job_of
from orchestrator.decide.reconcile import Attempt
from orchestrator.errors import PluginError
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.cluster import Licence
from orchestrator.model.work import Job, Kind, Task, TaskId, task_id
from orchestrator.plugin.caller import Caller

JOBS_KEPT = 10_000
"""Of so many it is known; then it is asked anew."""


@dataclass(slots=True)
class Licensing:
    """Counts what is in use; where a cluster limits nothing it asks nothing."""

    ledger: Ledger
    caller: Caller
    told: Mapping[TaskId, str] = field(default_factory=dict)
    #: as the last look saw it: ``batch/job/render`` of jobs whose renders wait -> the sentence
    now: Licences = NO_LICENCES  #: as the look that goes on sees it
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _telling: dict[TaskId, str] = field(default_factory=dict)

    def see(self, attempts: Iterable[Attempt], limits: Mapping[str, Licence]) -> None:
        """Begin a look; `attempts`: those that are open, or go on although they were given up."""
        self._telling = {}
        if not limits:
            self.now = NO_LICENCES
            return
        if len(self._known) > JOBS_KEPT:
            self._known.clear()
        renders = [(each.task, each.node) for each in attempts if is_render(each.task)]
        for job in {job_of(task) for task, _ in renders} - self._known.keys():
            batch = self.ledger.batch(job.partition("/")[0])
            for each in batch.jobs if batch else ():
                self._known[each.id] = self._names(each)
        self.now = self._counted(limits)
        self.now = replace(self.now, held=held(renders, self.now.of))
        self.waiting()  # said also where no instance is free

    def waiting(self) -> frozenset[str]:
        """Return the jobs (ids) of which it is known that no render can begin now."""
        short = {job: why for job in self.now.of if (why := self.now.short(job))}
        self._tell(short)
        return frozenset(short)

    def learn(self, tasks: Iterable[Task]) -> None:
        """Take the jobs of these tasks into account."""
        if not self.now.limits:
            return
        new = {task.job.id: task.job for task in tasks if task.job.id not in self._known}
        if new:
            self._known |= {id: self._names(job) for id, job in new.items()}
            self.now = replace(self._counted(self.now.limits), held=self.now.held)

    def unseated(self, tasks: Iterable[Task]) -> frozenset[str]:
        """Return the jobs (ids) of those of the tasks that hold a licence: others may go on."""
        jobs = frozenset(task.job.id for task in tasks if self.now.needed(task))
        self._tell({job: why for job in jobs if (why := self.now.why(job))})
        return jobs

    def tell(self) -> None:
        """Let everybody know what the look that ends has seen."""
        self.told = self._telling

    def _tell(self, said: Mapping[str, str]) -> None:
        for job, why in said.items():
            self._telling.setdefault(task_id(job, Kind.RENDER), why)

    def _counted(self, limits: Mapping[str, Licence]) -> Licences:
        found = {job: tuple(n for n in names if n in limits) for job, names in self._known.items()}
        return Licences(limits=limits, of={job: names for job, names in found.items() if names})

    def _names(self, job: Job) -> tuple[str, ...]:
        try:
            review = self.caller.review(job).licences
        except PluginError:  # its command will raise the same
            review = ()
        return tuple(dict.fromkeys((*review, *job.licences)))
