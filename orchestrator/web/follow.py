"""`/v1/events`: "look again", as server-sent events."""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from orchestrator.controller.front import Front
from orchestrator.errors import NotThere, OrchestratorError
from orchestrator.model.codec import canonical
from orchestrator.model.record import Standing
from orchestrator.model.talk import Client, NodeView, Role
from orchestrator.model.wire import Tick
from orchestrator.web.answers import Turned
from orchestrator.web.who import client_of, told

LOOK_S = 0.5
"""How often somebody looks while anybody follows: once for all of them."""

FOLLOW_S_MAX = 600.0

STOPPING = "orchestrator.stopping"
"""The key of an ASGI scope: what says whether the server is about to stop."""

_DIGITS = re.compile(r"[0-9]+")
_ALL = Client(role=Role.ADMIN)


class Ticks:
    """The numbers of what stands: others at once where a state is another one.

    Where it is progress alone, others once in the cluster's `statusInterval` (F-ADM-7).
    """

    def __init__(self, front: Front, clock: Callable[[], float] = time.monotonic) -> None:
        self._front = front
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._told: tuple[float, Tick, Tick] | None = None  #: when, what, and the states in it
        self._states: dict[str, tuple[Standing, str]] = {}  #: of batches, as they stood then

    def now(self) -> Tick:
        """Return the numbers, not older than `LOOK_S`."""
        with self._lock:
            if self._told is None or self._clock() - self._looked >= LOOK_S:
                self._told = self._look(self._told)
                self._looked = self._clock()
            return self._told[1]

    def _look(self, last: tuple[float, Tick, Tick] | None) -> tuple[float, Tick, Tick]:
        nodes, batches = self._front.nodes(_ALL), self._front.batches(_ALL)
        whole = Tick(nodes=_number(nodes), batches=_number(batches))
        states = Tick(
            nodes=_number([_state(node) for node in nodes]),
            batches=_number(list(self._states_of(batches))),
        )
        if last is not None and states == last[2]:
            at, tick, _ = last
            if whole == tick or self._clock() - at < self._front.info(_ALL).status_interval_s:
                return last
        return self._clock(), whole, states

    def _states_of(self, batches: Sequence[Standing]) -> Iterator[str]:
        """Yield the states of batches and their parts; one that stands as it did is not read."""
        before, self._states = self._states, {}
        for batch in batches:
            known = before.get(batch.id)
            if known is None or known[0] != batch:
                known = (batch, self._parts_of(batch))
            self._states[batch.id] = known
            yield known[1]

    def _parts_of(self, batch: Standing) -> str:
        if batch.state.is_final:  # and so are its parts
            return _number(batch)
        try:
            parts = self._front.parts(_ALL, batch.id)
        except NotThere:  # it has left the history meanwhile
            parts = ()
        return _number([(each.id, each.state, each.reason, each.priority) for each in parts])


def routes(ticks: Ticks) -> APIRouter:
    """Return the route that follows."""
    router = APIRouter(prefix="/v1", tags=["events"])

    @router.get("/events", **told(Role.USER, gives="text/event-stream"))
    async def events(
        request: Request, seconds: Annotated[float, Query(ge=0, le=FOLLOW_S_MAX)] = 60
    ) -> StreamingResponse:
        """Follow the cluster for some seconds: an event, whose data is a `Tick`, at each change.

        A change of state is told at once, progress once in the cluster's `statusInterval`.
        """
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


def _state(node: NodeView) -> tuple[str, str, str, str]:
    """Return what of a node is no progress: how long it has been silent, say, makes no state."""
    return node.name, node.phase.value, _DIGITS.sub("#", node.why), node.todo


def _number(nouns: object) -> str:
    return hashlib.sha256(canonical(nouns).encode("utf-8", "replace")).hexdigest()[:16]
