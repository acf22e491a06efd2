"""The caller of a loop that must not wait: what a plugin in another process says comes later.

Whoever meets `NotYet` leaves that part out; the answer wakes the loop, and its next look finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from orchestrator.model.node import Places
from orchestrator.model.work import (
    Command,
    Facts,
    Job,
    Outcome,
    Result,
    Review,
    Room,
    Target,
    Task,
    TaskId,
    Verdict,
)
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.proxy import FarProcessor

T = TypeVar("T")

PATIENCE_S = 0.05
"""So long is waited at once: most answers come in a thousandth of that."""

KEPT = 4096
"""Answers that nobody came back for; more than so many are forgotten."""


class NotYet(Exception):
    """A plugin has not answered; look again when we are woken."""


@dataclass(slots=True)
class Hasty(Caller):
    """Asks as `Caller`; of other processes it waits for nothing, and raises NotYet."""

    wake: Callable[[], None] = lambda: None
    _asked: dict[Hashable, Future[Any]] = field(default_factory=dict)
    _threads: dict[str, ThreadPoolExecutor] = field(default_factory=dict)

    @classmethod
    def beside(cls, caller: Caller, wake: Callable[[], None]) -> Hasty:
        """Return one that asks the same plugins, and remembers the same reviews."""
        return cls(caller.plugins, caller._reviews, wake)

    def review(self, job: Job) -> Review:
        """As `Caller`."""
        if job.id in self._reviews:
            return self._reviews[job.id]
        return self._soon(job, ("review", job.id), lambda: Caller.review(self, job))

    def plan(self, job: Job, facts: Facts, room: Room) -> tuple[Target, ...]:
        """As `Caller`; the answer may be for the room of a moment ago."""
        key = ("plan", job.id, facts.attempt)
        return self._soon(job, key, lambda: Caller.plan(self, job, facts, room))

    def command(self, task: Task, where: Places, done: Mapping[TaskId, Result]) -> Command:
        """As `Caller`."""
        key = ("command", task.id, where.attempt)
        return self._soon(task.job, key, lambda: Caller.command(self, task, where, done))

    def check(self, task: Task, outcome: Outcome) -> Verdict:
        """As `Caller`."""
        key = ("check", task.id, outcome.attempt)
        return self._soon(task.job, key, lambda: Caller.check(self, task, outcome))

    def size(self, job: Job, facts: Facts, frames: Mapping[str, int]) -> int:
        """As `Caller`; the room that a job takes is not known before it was told."""
        key = ("size", job.id, tuple(sorted(frames.items())))
        return self._soon(job, key, lambda: Caller.size(self, job, facts, frames))

    def ended(self, batch: str, failed: int) -> None:
        """As `Caller`."""
        if not self.plugins.are_others:
            return self.plugins.batch_ended(batch, failed)
        key = ("ended", batch)
        return self._later("", key, lambda: Caller.ended(self, batch, failed))

    def _soon(self, job: Job, key: Hashable, ask: Callable[[], T]) -> T:
        processor = self.plugins.processors.get(job.processor)
        if not isinstance(processor, FarProcessor):
            return ask()
        return self._later(processor.plugin, key, ask)

    def _later(self, plugin: str, key: Hashable, ask: Callable[[], T]) -> T:
        """Return the answer, if it is there or comes at once; one that asks already delays no other."""
        future = self._asked.get(key)
        if future is None:
            self._forget()
            waits = any(not each.done() for each in self._asked.values())
            if plugin not in self._threads:
                self._threads[plugin] = ThreadPoolExecutor(1, f"plugin {plugin}")
            future = self._asked[key] = self._threads[plugin].submit(ask)
            try:
                future.exception(0.0 if waits else PATIENCE_S)
            except Late:
                future.add_done_callback(lambda _: self.wake())
                raise NotYet from None
        if not future.done():
            raise NotYet
        del self._asked[key]
        return cast("T", future.result())

    def _forget(self) -> None:
        if len(self._asked) > KEPT:
            for key in [key for key, each in self._asked.items() if each.done()]:
                del self._asked[key]
