"""What every request meets first: how large its body may be and how long it may take (T17)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.model.wire import BODY_BYTES_MAX
from orchestrator.web.answers import Turned

_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much of a request is taken, and how long it is waited for."""

    body_bytes_max: int = BODY_BYTES_MAX
    header_s: float = 10.0  #: from its first byte, or from the connection's opening
    body_s: float = 10.0  #: from the end of its header
    connections_max: int = 200  #: open at once; one more is closed without a word
    connections_each_max: int = 50  #: the same, of one address
    header_bytes_max: int = 16 << 10


class Guard:
    """Counts and times what comes in, and says that no answer may be kept or guessed at."""

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self._app = app
        self._bounds = bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, bounded."""
        if scope["type"] != "http":
            return

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        intake = _Intake(receive, self._bounds, _announced(scope))
        await self._app(scope, intake, say)


class _Intake:
    """The body of one request, as far as it is taken."""

    def __init__(self, receive: Receive, bounds: Bounds, announced: int) -> None:
        self._receive = receive
        self._bounds = bounds
        self._announced = announced
        self._taken = 0
        self._ends = asyncio.get_running_loop().time() + bounds.body_s
        self._is_whole = False

    async def __call__(self) -> Message:
        """Return the next piece; Turned with 413 or 408 where it is too much or too slow."""
        if self._is_whole:
            return await self._receive()
        self._weigh(self._announced)
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self._receive()
        except TimeoutError:
            why = f"body: not here after {self._bounds.body_s:g} s; send it at once"
            raise Turned(408, why) from None
        self._taken += len(message.get("body", b""))
        self._weigh(self._taken)
        self._is_whole = not message.get("more_body", False)
        return message

    def _weigh(self, size: int) -> None:
        if size > self._bounds.body_bytes_max:
            most = self._bounds.body_bytes_max
            raise Turned(413, f"body: larger than the {most} bytes that are taken; send less")


def _announced(scope: Scope) -> int:
    """Return the size that the header says; 0 if it says none."""
    sizes = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(sizes[0]) if sizes and sizes[0].isdigit() else 0
