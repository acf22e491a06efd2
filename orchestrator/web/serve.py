"""The server of the API: a unix socket for the owner of this computer's controller, TLS for others."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.web.follow import STOPPING
from orchestrator.web.guard import Bounds
from orchestrator.web.guarded import GuardedLoop, config
from orchestrator.web.listen import Address, Certificate, bind, bind_local, demand_tls, load, tls
from orchestrator.web.who import LOCAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where a server is to listen."""

    local: Path | None  #: its unix socket; who can open it is administrator
    address: Address | None = None
    certificate: Certificate | None = None
    bounds: Bounds = field(default_factory=Bounds)


class Server:
    """Serves an app from threads of its own.

    Its sockets are bound when it is made (Refusal if that cannot be), so its port is known before
    anything is served; `start` serves, `stop` ends after what is being answered.
    """

    def __init__(self, app: ASGIApp, listening: Listening) -> None:
        self._certificate = listening.certificate
        self._context: ssl.SSLContext | None = None
        self._local = listening.local
        self._entrances: list[_Entrance] = []
        self.host, self.port = "", 0
        if listening.address:
            demand_tls([listening.address.host], listening.certificate)
            self._context = tls(listening.certificate) if listening.certificate else None
            sock = bind(listening.address)
            self.host, self.port = sock.getsockname()[:2]
            self._add(app, sock, listening.bounds, self._context)
        if listening.local:
            try:
                sock = bind_local(listening.local)
            except BaseException:
                self.stop()
                raise
            self._add(app, sock, listening.bounds, None)

    def start(self) -> None:
        """Serve; returns when connections are taken."""
        for entrance in self._entrances:
            entrance.start()

    def stop(self) -> None:
        """Take no more connections, end what is being answered within seconds, and let go."""
        for entrance in self._entrances:
            entrance.ask_to_stop()
        for entrance in self._entrances:
            entrance.join()
        if self._local and self._entrances and self._entrances[-1].is_local:
            with contextlib.suppress(OSError):
                self._local.unlink()
        self._entrances = []

    def renew(self) -> None:
        """Take the certificate as its files are now, for whoever connects from here on."""
        if self._context and self._certificate:
            load(self._context, self._certificate)

    def _add(
        self, app: ASGIApp, sock: socket.socket, bounds: Bounds, context: ssl.SSLContext | None
    ) -> None:
        how = config(app, bounds, context)
        self._entrances.append(_Entrance(app, how, sock))


class _Entrance:
    """One socket, and the thread that serves it: who comes by one does not wait for the other."""

    def __init__(self, app: ASGIApp, how: uvicorn.Config, sock: socket.socket) -> None:
        self.is_local = sock.family not in (socket.AF_INET, socket.AF_INET6)
        self._app = app
        how.app = self._enter
        self._sock = sock
        self._server = _Server(how)
        self._thread = threading.Thread(target=self._serve, name="api", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._server.up.wait()

    def ask_to_stop(self) -> None:
        self._server.should_exit = True

    def join(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()
        self._sock.close()

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[LOCAL] = self.is_local
        scope[STOPPING] = lambda: self._server.should_exit
        await self._app(scope, receive, send)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=GuardedLoop) as runner:
            runner.run(self._server.serve([self._sock]))


class _Server(uvicorn.Server):
    """Says when it takes connections."""

    def __init__(self, how: uvicorn.Config) -> None:
        super().__init__(how)
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as always."""
        try:
            await super().startup(sockets)
        finally:
            self.up.set()
