"""The controller's desk in the scheduler of a cluster, where the controller is another process.

No task of Dask's is made here: a spec goes to its member over the stream that the member opened, as
every other message, and so does the answer.  That keeps the order, needs no pickle from anybody,
and was measured at several times the rate of one task for each delivery.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from typing import Any
from uuid import uuid4

from distributed import Scheduler

from orchestrator.engine.dask.parts import Desk
from orchestrator.model.node import Member

ANSWER_OP = "orchestrator-answer"
REPORT_OP = "orchestrator-report"
"""What Workers say on their stream: an answer to what was numbered, a report between two beats."""

HEAR_S = 0.5
"""How long `hear` waits for something to tell."""

GOODBYE_S = 3.0
"""So long a member that said goodbye is still shown: its controller looks more often."""

ANSWERS_MAX = 10_000
"""More are not kept for a controller that does not ask; what it does not hear is unknown to it."""


class ClusterDesk(Desk):
    """Who is here and what each said, and a way to tell them something."""

    def __init__(self) -> None:
        super().__init__()
        self._life = uuid4().hex
        self._reports: dict[str, tuple[int, str]] = {}  #: address -> beat and text, off the beat
        self._left: dict[str, tuple[float, list[object]]] = {}  #: address -> until when, last word
        self._answers: list[tuple[str, object]] = []
        self._is_news = False
        self._bell = asyncio.Event()

    async def start(self, scheduler: Scheduler) -> None:
        """Open the desk: for the controller, and for what Workers say on their streams."""
        await super().start(scheduler)
        scheduler.handlers |= {
            "orchestrator_look": self.look,
            "orchestrator_post": self.take_post,
            "orchestrator_hear": self.hear,
        }
        scheduler.stream_handlers |= {ANSWER_OP: self.answered, REPORT_OP: self.reported}

    async def look(self, known: Mapping[str, int]) -> dict[str, object]:
        """Return who is here, by address, oldest connection first; `known`: address -> beat.

        Each is node, incarnation, identity (where the address is not known), beat, and report
        (where the beat is another one); both as JSON text, None where left out or never heard.
        """
        there = {
            address: self._seen(address, worker, known.get(address))
            for address, worker in self._scheduler.workers.items()
            if "member" in worker.extra
        }
        return {**self._gone({str(told[0]) for told in there.values()}), **there}

    def _gone(self, back: Set[str]) -> dict[str, list[object]]:
        """Return who has just said goodbye, but for nodes that are back."""
        now = asyncio.get_running_loop().time()
        self._left = {
            address: (until, told)
            for address, (until, told) in self._left.items()
            if now < until and told[0] not in back
        }
        return {address: told for address, (_, told) in self._left.items()}

    async def take_post(self, letters: Sequence[tuple[str, str, str, str]]) -> None:
        """Pass on letters, in order: node, incarnation, message, number (empty: no answer)."""
        for node, incarnation, message, number in letters:
            if not self.post(self.address(Member(node, incarnation)), message, number) and number:
                self.answered(number, None)

    async def hear(self) -> dict[str, object]:
        """Return as soon as there is something to hear, or after `HEAR_S`.

        ``life`` of this scheduler, ``answers`` (number and answer), ``news``: a look is worth it.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), HEAR_S)
        self._bell.clear()
        answers, self._answers = self._answers, []
        news, self._is_news = self._is_news, False
        return {"life": self._life, "answers": answers, "news": news}

    def answered(self, number: str, answer: object, **_: object) -> None:
        """Take an answer for the controller."""
        if len(self._answers) < ANSWERS_MAX:
            self._answers.append((number, answer))
        self._bell.set()

    def reported(
        self, beat: int, report: str, worker: str, *, left: bool = False, **_: object
    ) -> None:
        """Take a report that could not wait for the next heartbeat; `left`: it is the last one."""
        self._reports[worker] = (beat, report)
        known = self._scheduler.workers.get(worker)
        if left and known is not None and "member" in known.extra:
            until = asyncio.get_running_loop().time() + GOODBYE_S
            self._left[worker] = (until, self._seen(worker, known, None))
        self._news()

    async def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        """Say at once that somebody has come."""
        await super().add_worker(scheduler, worker)
        self._news()

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: object) -> None:
        """Say at once that somebody has gone."""
        self._reports.pop(worker, None)
        self._news()

    def _news(self) -> None:
        self._is_news = True
        self._bell.set()

    def _seen(self, address: str, worker: Any, beat: int | None) -> list[object]:  # a `WorkerState`
        node, incarnation = worker.extra["member"]
        told = [worker.metrics.get("report"), self._reports.get(address)]
        now, text = max((each for each in told if each), default=(0, None))
        identity = worker.extra.get("identity") if beat is None else None
        return [node, incarnation, identity, now, None if now == beat else text]
