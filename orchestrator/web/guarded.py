"""uvicorn with the limits that it has not: of a header's time, and of open connections (T17)."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import get_remote_addr

from orchestrator.web.guard import Bounds

STOP_S = 5
"""How long answers that are being given may still take when the server stops."""


class GuardedLoop(asyncio.SelectorEventLoop):
    """Ends a TLS handshake that takes too long: nobody has a minute for it."""

    handshake_s = 10.0

    async def create_server(self, *args: Any, **options: Any) -> asyncio.Server:
        """Make a server as always, with that limit."""
        if options.get("ssl"):
            options.setdefault("ssl_handshake_timeout", self.handshake_s)
            options.setdefault("ssl_shutdown_timeout", self.handshake_s)
        return await super().create_server(*args, **options)


def protocol(bounds: Bounds) -> type[asyncio.Protocol]:
    """Return the protocol of a connection under these bounds."""

    class Guarded(H11Protocol):
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            if self._is_too_many(get_remote_addr(transport)):
                transport.abort()
                return
            super().connection_made(transport)
            self._arm()

        def data_received(self, data: bytes) -> None:
            if self.transport is None or self.transport.is_closing():
                return
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._disarm()
            elif self._timer is None:
                self._arm()

        def on_response_complete(self) -> None:
            self._disarm()
            super().on_response_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._disarm()
            if self.transport is not None:
                super().connection_lost(exc)

        def _is_too_many(self, address: tuple[str, int] | None) -> bool:
            if len(self.connections) >= bounds.connections_max:
                return True
            clients = (each.client for each in self.connections if isinstance(each, H11Protocol))
            same = [each for each in clients if each and address and each[0] == address[0]]
            return len(same) >= bounds.connections_each_max

        def _arm(self) -> None:
            self._timer = self.loop.call_later(bounds.header_s, self.transport.abort)

        def _disarm(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Guarded


def config(app: ASGIApp, bounds: Bounds, context: ssl.SSLContext | None) -> uvicorn.Config:
    """Return how the API is served: nothing is believed that a header says of its sender."""
    return uvicorn.Config(
        app,
        interface="asgi3",
        http=protocol(bounds),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=STOP_S,
        h11_max_incomplete_event_size=bounds.header_bytes_max,
        ssl_context_factory=None if context is None else lambda *_: context,
    )
