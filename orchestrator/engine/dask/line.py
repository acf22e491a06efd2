"""What runs in the engine's loop of a cluster: a line to the scheduler, made anew when it breaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from itertools import count
from typing import Any
from uuid import uuid4

from orchestrator.engine.dask.base import Session
from orchestrator.engine.dask.parts import make_caller
from orchestrator.engine.dask.reports import Reports
from orchestrator.engine.protocol import SEES_S, TlsFiles
from orchestrator.model.codec import canonical
from orchestrator.model.node import Member
from orchestrator.model.work import AttemptId

log = logging.getLogger(__name__)

POLL_S = 0.5
POLL_GAP_S = 0.02
"""Between two looks, however much there is to hear."""

READ_S = 1.0
CONNECT_S = 10.0
AGAIN_AFTER_S = 0.5
ANSWER_S = 10.0
"""For the scheduler to answer; one that does not is left, and connected to anew."""

BUNDLE_MAX = 64
"""Letters at once; with 64 KiB each they stay a message that no loop stops for."""

LOST = (OSError, TimeoutError, ValueError)
"""What a broken line raises; the last, where it leads to something that is no scheduler of ours."""


class ClusterSession:
    """A cluster: the scheduler is a process of its own, and may be another one any time."""

    def __init__(
        self,
        address: Callable[[], str],
        files: TlsFiles,
        reports: Reports,
        changed: Callable[[], None],
    ) -> None:
        self._address = address
        self._files = files
        self._reports = reports
        self._changed = changed
        self._line: _Line | None = None
        self._stop = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop

    async def run(self, ready: Callable[[Session], None]) -> None:
        """Keep a line to the scheduler until `leave`; a new one whenever it breaks."""
        self.loop = asyncio.get_running_loop()
        ready(self)
        last_said = ""
        while not self._stop.is_set():
            self._line = _Line(self._address(), self._files)
            try:
                await self._line.hold(self._reports, self._changed, self._stop)
            except LOST as error:
                why = f"{type(error).__name__}: {error}"
                if why != last_said:
                    log.warning("scheduler: %s", why, extra={"action": "scheduler_lost"})
                last_said = why
            finally:
                await self._line.close()
                self._line = None
            await first(asyncio.sleep(AGAIN_AFTER_S), self._stop.wait())

    def leave(self) -> None:
        """End `run`."""
        self._stop.set()

    async def send(self, to: Member, text: str, limit_s: float) -> bool:
        """Deliver within `limit_s` seconds; False: unknown."""
        return await self._asked(to, {"op": "take", "spec": text}, limit_s) is True

    def tell(self, to: Member, message: Mapping[str, object]) -> None:
        """Send a message; without a connection it is lost, and whoever sent it looks again."""
        if self._line is not None:
            self._line.tell(to, canonical(message))

    async def read(self, to: Member, attempt: AttemptId, offset: int) -> bytes:
        """Return a part of an attempt's log; b"" when it is not to be had now."""
        message = {"op": "read", "attempt": attempt, "offset": offset}
        answer = await self._asked(to, message, READ_S)
        return answer if isinstance(answer, bytes) else b""

    async def sees(self, to: Member, paths: Sequence[str]) -> Mapping[str, int] | None:
        """Return the bytes of the files that a member sees; None when it is not to be had now."""
        answer = await self._asked(to, {"op": "sees", "paths": list(paths)}, SEES_S + READ_S)
        if not isinstance(answer, Mapping):
            return None
        return {
            path: size for path in paths if isinstance(size := answer.get(path), int) and size >= 0
        }

    async def _asked(self, to: Member, message: Mapping[str, object], limit_s: float) -> object:
        """Return a member's answer; None: none came."""
        if self._line is None:
            return None
        try:
            async with asyncio.timeout(limit_s):
                return await self._line.ask(to, canonical(message))
        except TimeoutError:
            return None


class _Line:
    """Connections to one scheduler, as long as it is the same."""

    def __init__(self, address: str, files: TlsFiles) -> None:
        self._scheduler = make_caller(address, files, CONNECT_S)
        self._life = ""
        self._numbers = (f"{uuid4().hex}-{number}" for number in count())
        self._letters: asyncio.Queue[tuple[str, str, str, str]] = asyncio.Queue()
        self._asked: dict[str, asyncio.Future[object]] = {}
        self._news = asyncio.Event()

    def tell(self, to: Member, message: str) -> None:
        """Send `message`; messages to one member arrive in order, or not at all."""
        self._letters.put_nowait((to.node, to.incarnation, message, ""))

    async def ask(self, to: Member, message: str) -> object:
        """Send `message`, and return its answer; None when the line breaks."""
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self._letters.put_nowait((to.node, to.incarnation, message, number))
        try:
            return await answer
        finally:
            del self._asked[number]

    async def hold(
        self, reports: Reports, changed: Callable[[], None], stop: asyncio.Event
    ) -> None:
        """Serve until `stop`; raises what `LOST` lists as soon as the line is broken."""
        reports.forget()
        doing = [self._post(), self._hear(), self._look(reports, changed), stop.wait()]
        tasks = [asyncio.ensure_future(each) for each in doing]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Let go; who waits for an answer gets none."""
        for each in self._asked.values():
            if not each.done():
                each.set_result(None)
        await self._scheduler.close_rpc()

    async def _post(self) -> None:
        """Pass on what is to be told, in order, as much at once as has come."""
        while True:
            letters = [await self._letters.get()]
            while len(letters) < BUNDLE_MAX and not self._letters.empty():
                letters.append(self._letters.get_nowait())
            await _in_time(self._scheduler.orchestrator_post(letters=letters))

    async def _hear(self) -> None:
        """Hand answers to those who asked, and have it looked where there is news."""
        while True:
            said = await _in_time(self._scheduler.orchestrator_hear())
            if self._life not in ("", said["life"]):
                raise OSError("it is another one")
            self._life = said["life"]
            for number, answer in said["answers"]:
                if (asked := self._asked.get(number)) and not asked.done():
                    asked.set_result(answer)
            if said["news"]:
                self._news.set()

    async def _look(self, reports: Reports, changed: Callable[[], None]) -> None:
        """Keep the reports fresh."""
        while True:
            self._news.clear()
            told = await _in_time(self._scheduler.orchestrator_look(known=reports.known))
            if reports.take(told):
                changed()
            await asyncio.sleep(POLL_GAP_S)
            await first(self._news.wait(), asyncio.sleep(POLL_S))


async def _in_time(asked: Coroutine[Any, Any, Any]) -> Any:
    async with asyncio.timeout(ANSWER_S):
        return await asked


async def first(*waits: Awaitable[object]) -> None:
    """Wait until the first is done, and drop the others."""
    tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
