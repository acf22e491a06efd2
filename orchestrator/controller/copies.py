"""Which jobs wait for a copy of what they read: looked up here, decided by `decide`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.controller.visibility import Visibility
from orchestrator.decide import copying
from orchestrator.decide.copying import Copy, Eyes, InPlace, Media, Refused, Unsure, Verdict
from orchestrator.decide.place import lacks
from orchestrator.decide.reconcile import Bring, Refuse, Reprobe
from orchestrator.errors import PluginError
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.node import Member, Report, service_instances
from orchestrator.model.work import Copying, Job, Kind, Task, task_id
from orchestrator.plugin.caller import Caller

EARLY_S = 1.0
"""How often it is looked for jobs that are copied at submission …"""

EARLY_MOST = 100
"""… and at how many of them each time, so that no look lasts long."""

KEPT = 4096
"""So many jobs and batches are remembered."""

REFERS, ABSENT = "refers", "absent"
"""Where a probe names files that its source refers to (in its result; when it is done once more, in
its arguments), and says that it could not read them where it was done."""


@dataclass(slots=True)
class Copies:
    """Asked at each look; all that it remembers it could ask again."""

    ledger: Ledger
    caller: Caller
    visibility: Visibility
    clock: Callable[[], float] = time.monotonic
    told: Mapping[str, str] = field(default_factory=dict)
    #: copy task -> why its job waits to learn whether there is to be one, by the last look
    blind: dict[str, Mapping[str, str]] = field(default_factory=dict)
    #: job or copy task -> node that is given nothing of it -> why
    actions: list[Bring | Reprobe | Refuse] = field(
        default_factory=list
    )  #: that follow from the look under way
    _why: dict[str, str] = field(default_factory=dict)
    _policy: Copying = Copying.AS_NEEDED
    _members: Mapping[Member, Report] = field(default_factory=dict)  #: that take work
    _closed: Mapping[Member, Report] = field(default_factory=dict)  #: that are here and do not
    _done: dict[str, bool] = field(default_factory=dict)  #: by the look under way; whether it waits
    _batches: dict[str, Copying | None] = field(default_factory=dict)
    _saw: dict[str, set[str]] = field(default_factory=dict)  #: job or copy -> nodes that saw all
    _early_at: float = float("-inf")
    _early_from: int = 0  #: with which of them it goes on next time
    _calm: set[str] = field(default_factory=set)  #: jobs that need no early copy …
    _calm_among: frozenset[Member] = frozenset()  #: … as long as these take work

    def see(
        self, members: Mapping[Member, Report], closed: Mapping[str, str], policy: Copying
    ) -> None:
        """Begin a look."""
        self._members = {m: report for m, report in members.items() if m.node not in closed}
        self._closed = {m: report for m, report in members.items() if m.node in closed}
        self._policy = policy
        self.visibility.keep(members.keys())
        self.told, self._why = self._why, {}
        self._done, self.actions = {}, []
        memories: tuple[dict[str, Any], ...] = (self.blind, self._batches, self._saw)
        for memory in memories:
            if len(memory) > KEPT:
                memory.clear()

    def without_sight(self, tasks: Iterable[Task]) -> frozenset[str]:
        """Return the jobs of tasks that wait until it is known who sees what they read."""
        waiting = set()
        for task in tasks:
            key = task.id if task.kind is Kind.COPY else task.job.id
            if key not in self._done:
                self._done[key] = self._look_at(task, key)
            if self._done[key]:
                waiting.add(task.job.id)
        return frozenset(waiting)

    def plannable(self, jobs: Iterable[Job]) -> tuple[Job, ...]:
        """Return the jobs that may be planned now."""
        return tuple(job for job in jobs if self._may_plan(job))

    def early(self) -> None:
        """Look at jobs that are copied at submission, now and then."""
        now = self.clock()
        if now - self._early_at < EARLY_S:
            return
        self._early_at = now
        if self._calm_among != self._members.keys():
            self._calm, self._calm_among = set(), frozenset(self._members)
        jobs = [job for job in self.ledger.early() if job.id not in self._calm]
        first = self._early_from if self._early_from < len(jobs) else 0
        self._early_from = first + EARLY_MOST
        for job in jobs[first : self._early_from]:
            media = self._media(job)
            found = self._judged(job, media) if media else None
            if isinstance(found, Copy):
                self.actions.append(Bring(copying.copying(job, found), at_once=True))
            elif found == InPlace() and self._members:
                self._calm.add(job.id)

    def _look_at(self, task: Task, key: str) -> bool:
        """Decide about a task that is next in line; return whether it waits."""
        if task.kind is Kind.COPY:
            paths = copying.paths_of(task)
            self.blind[key] = self._begun(task.job, Media(others=paths), key)
            return False
        media = self._media(task.job, task if task.kind is Kind.PROBE else None)
        if media is None or not media.wanted:
            self.blind.pop(key, None)
            return False
        if task.kind is Kind.PROBE:
            found = self._verdict(task.job, media)
            if isinstance(found, Copy) and media.copied:
                self.actions.append(Reprobe(task.job, {}, "more of what it reads is to be copied"))
                return True
            return self._settled(task.job, found)
        self.blind[key] = self._begun(task.job, media, key)
        return False

    def _begun(self, job: Job, media: Media, key: str) -> Mapping[str, str]:
        """Return who is given nothing, each with the reason; remember who saw all."""
        eyes, before = self._eyes(job, media), self._saw.setdefault(key, set())
        before |= {node for node, sizes in eyes.seen.items() if sizes.keys() >= {*media.wanted}}
        return copying.begun(media, eyes, before).blind

    def _settled(self, job: Job, found: Verdict) -> bool:
        """Do what a verdict on a job that has not begun asks for; return whether the job waits."""
        match found:
            case InPlace(blind):
                self.blind[job.id] = blind
                return False
            case Unsure(why):
                self._why[task_id(job.id, Kind.COPY)] = why
            case Copy():
                self.actions.append(Bring(copying.copying(job, found)))
            case Refused(why):
                self.actions.append(Refuse(job, why))
        return True

    def _may_plan(self, job: Job) -> bool:
        media = self._media(job)
        if media is None:
            return True
        probe = task_id(job.id, Kind.PROBE)
        result = self.ledger.results([probe]).get(probe)
        if result is None:  # it has none: nothing has been decided yet
            has_copy = self.ledger.task(task_id(job.id, Kind.COPY)) is not None
            return has_copy or not self._settled(job, self._verdict(job, media))
        if not media.refers:
            return True
        found = self._verdict(job, media)
        is_absent = result.values.get(ABSENT) is True
        is_again = isinstance(found, Copy) or (isinstance(found, InPlace) and is_absent)
        if is_again and not self._is_second(job):
            why = "its source refers to other files, and is looked at once more with these"
            self.actions.append(Reprobe(job, {REFERS: list(media.refers)}, why))
            return False
        return isinstance(found, Copy) or not self._settled(job, found)

    def _is_second(self, job: Job) -> bool:
        """Whether the probe knew already what the source refers to."""
        task = self.ledger.task(task_id(job.id, Kind.PROBE))
        return task is not None and REFERS in task.args

    def _verdict(self, job: Job, media: Media) -> Verdict:
        """Decide about a job that has not begun, and whose turn has come.

        What was seen is forgotten where it may be mended before the job is tried again.
        """
        found = self._judged(job, media)
        if isinstance(found, Copy | Refused) or (isinstance(found, InPlace) and found.is_missing):
            self.visibility.forget(media.wanted)
        return found

    def _judged(self, job: Job, media: Media) -> Verdict:
        eyes = self._eyes(job, media)
        if gone := eyes.gone(media):
            others = self.visibility.look(self._able(job, self._closed), Media(others=gone))
            if why := copying.elsewhere(gone, others):
                return Unsure(why)
        return copying.decide(self._policy_of(job), media, eyes)

    def _eyes(self, job: Job, media: Media) -> Eyes:
        return self.visibility.look(self._able(job, self._members), media)

    def _policy_of(self, job: Job) -> Copying:
        if job.batch not in self._batches:
            batch = self.ledger.batch(job.batch)
            self._batches[job.batch] = batch.copy if batch else None
        return self._batches[job.batch] or self._policy

    def _media(self, job: Job, probe: Task | None = None) -> Media | None:
        """Return what a job reads; None: nothing that anybody names.  `probe`: if it is known."""
        try:
            files = [file for _, file in self.caller.review(job).media]
        except PluginError:
            return None  # its command will raise the same, and then it has an attempt to tell of
        if not files:
            return None
        first, second = task_id(job.id, Kind.COPY), task_id(job.id, Kind.PROBE)
        results = self.ledger.results([first, second])
        probe = None if second in results else probe or self.ledger.task(second)
        told = results[second].values if second in results else probe.args if probe else {}
        refers = told.get(REFERS)
        return Media(
            source=tuple(files[:1]),
            refers=tuple(map(str, refers)) if isinstance(refers, list | tuple) else (),
            others=tuple(files[1:]),
            copied=frozenset(copying.paths_of(self.ledger.task(first)) if first in results else ()),
        )

    def _able(self, job: Job, among: Mapping[Member, Report]) -> list[Member]:
        """Return who would work on a job; extended nodes are believed to see what others see.

        Where these alone have its programs, those who do the rest of it are asked.
        """
        try:
            review = self.caller.review(job)
        except PluginError:
            return []
        offering = {
            member: report.identity
            for member, report in among.items()
            if not report.identity.bare and service_instances(report.identity, job.service) > 0
        }
        able = [m for m, who in offering.items() if lacks(job, review.needs, who) is None]
        return able or ([*offering] if review.plain else [])
