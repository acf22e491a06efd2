"""`/v1/events`: "look again", as server-sent events."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from orchestrator.controller.front import Front
from orchestrator.errors import OrchestratorError
from orchestrator.model.codec import canonical
from orchestrator.model.talk import Client, Role
from orchestrator.model.wire import Tick
from orchestrator.web.answers import Turned
from orchestrator.web.who import client_of, told

LOOK_S = 0.5
"""How often somebody looks while anybody follows: once for all of them."""

FOLLOW_S_MAX = 600.0

STOPPING = "orchestrator.stopping"
"""The key of an ASGI scope: what says whether the server is about to stop."""


class Ticks:
    """The numbers of the state that stands: others, when it is another."""

    def __init__(self, front: Front, clock: Callable[[], float] = time.monotonic) -> None:
        self._front = front
        self._clock = clock
        self._lock = threading.Lock()
        self._last: tuple[float, Tick] | None = None

    def now(self) -> Tick:
        """Return the numbers, not older than `LOOK_S`."""
        with self._lock:
            if self._last is None or self._clock() - self._last[0] >= LOOK_S:
                who = Client(role=Role.ADMIN)
                nodes, batches = self._front.nodes(who), self._front.batches(who)
                tick = Tick(nodes=_number(nodes), batches=_number(batches))
                self._last = (self._clock(), tick)
            return self._last[1]


def routes(ticks: Ticks) -> APIRouter:
    """Return the route that follows."""
    router = APIRouter(prefix="/v1", tags=["events"])

    @router.get("/events", **told(Role.USER, gives="text/event-stream"))
    async def events(
        request: Request, seconds: Annotated[float, Query(ge=0, le=FOLLOW_S_MAX)] = 60
    ) -> StreamingResponse:
        """Follow the cluster for some seconds: an event, whose data is a `Tick`, at each change."""
        stream = _stream(request, ticks, asyncio.get_running_loop().time() + seconds)
        return StreamingResponse(stream, media_type="text/event-stream")

    return router


async def _stream(request: Request, ticks: Ticks, ends: float) -> AsyncIterator[str]:
    clock = asyncio.get_running_loop().time
    told_last = None
    while True:
        try:
            await run_in_threadpool(client_of, request)  # its token may be gone meanwhile
            tick = await run_in_threadpool(ticks.now)
        except (OrchestratorError, Turned):
            return  # whoever follows asks again, and gets the sentence
        yield ": still here\n\n" if tick == told_last else f"data: {canonical(tick)}\n\n"
        told_last = tick
        if clock() + LOOK_S > ends or _is_stopping(request):
            return
        await asyncio.sleep(LOOK_S)


def _is_stopping(request: Request) -> bool:
    asked = request.scope.get(STOPPING)
    return bool(asked and asked())


def _number(nouns: object) -> str:
    return hashlib.sha256(canonical(nouns).encode("utf-8", "replace")).hexdigest()[:16]
