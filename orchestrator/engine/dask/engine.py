"""The engine on Dask, for one computer: all in this process, nothing listens."""

from __future__ import annotations

import asyncio
import importlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.engine.dask import config
from orchestrator.engine.protocol import Table
from orchestrator.errors import OrchestratorError
from orchestrator.model.codec import canonical
from orchestrator.model.node import Member, Report, Spec
from orchestrator.model.work import AttemptId

if TYPE_CHECKING:
    from orchestrator.engine.dask.session import Session

log = logging.getLogger(__name__)

SEND_S = 10.0
CLOSE_S = 5.0
SPARE_S = 1.0
"""For the loop to notice that a delivery's time is over; then we stop asking it."""


class InprocEngine:
    """Implements `engine.protocol.Engine` over the tables of this process.

    Scheduler, client and Workers share one loop in a thread of the engine's own.  `look` reads the
    tables themselves: no beat has to be waited for.
    """

    def __init__(self, tables: Sequence[Table], scratch: Path) -> None:
        """`scratch` is a folder for Dask's own; nothing there matters."""
        self._tables = {table.member: table for table in tables}
        self._scratch = scratch
        self._session: Future[Session] = Future()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._is_closed = False

    def open(self, wake: Callable[[], None]) -> None:
        for table in self._tables.values():
            table.on_change(wake)
        self._thread.start()

    def close(self) -> None:
        self._is_closed = True
        if not self._thread.is_alive():
            return
        self._post(lambda session: session.leave())
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            log.warning("not closed in %g s", CLOSE_S, extra={"action": "engine_not_closed"})

    def look(self) -> Mapping[Member, Report]:
        if self._session.done() and (error := self._session.exception()):
            raise OrchestratorError(f"engine: it does not run: {error}") from error
        return {m: t.report() for m, t in self._tables.items() if not t.is_dismissed}

    def send(self, to: Member, spec: Spec) -> bool:
        table = self._tables.get(to)
        if table is None or table.is_dismissed or self._is_closed:
            return False
        try:
            session = self._session.result(SEND_S)
        except FutureTimeout:
            return False
        text = canonical(spec)
        try:
            done = asyncio.run_coroutine_threadsafe(session.send(to, text, SEND_S), session.loop)
        except RuntimeError:  # the loop has ended
            return False
        try:
            return done.result(SEND_S + SPARE_S)
        except (FutureTimeout, CancelledError):
            done.cancel()
            return False

    def kill(self, to: Member, attempt: AttemptId, grace: float) -> None:
        self._tell(to, {"op": "kill", "attempt": attempt, "grace": float(grace)})

    def ack(self, to: Member, attempts: Sequence[AttemptId]) -> None:
        self._tell(to, {"op": "ack", "attempts": list(attempts)})

    def read(self, to: Member, attempt: AttemptId, offset: int) -> bytes:
        table = self._tables.get(to)
        return table.read(attempt, offset) if table else b""

    def dismiss(self, to: Member, reason: str) -> None:
        self._tell(to, {"op": "dismiss", "reason": reason})

    def _run(self) -> None:
        """Serve, in the engine's thread; importing Dask takes long, and belongs after its settings."""
        try:
            config.apply(self._scratch)
            module = importlib.import_module("orchestrator.engine.dask.session")
            asyncio.run(module.Session(list(self._tables.values())).run(self._session.set_result))
        except Exception as error:  # the link is one of the four doors
            log.exception("the engine has ended", extra={"action": "engine_failed"})
            if not self._session.done():
                self._session.set_exception(error)

    def _tell(self, to: Member, message: Mapping[str, object]) -> None:
        if to in self._tables and not self._is_closed:
            self._post(lambda session: session.tell(to, message))

    def _post(self, act: Callable[[Session], None]) -> None:
        """Do `act` in the engine's loop, as soon as there is one, in the order of the calls."""

        def post(ready: Future[Session]) -> None:
            if ready.exception() is not None:
                return
            session = ready.result()
            with suppress(RuntimeError):  # the loop has ended
                session.loop.call_soon_threadsafe(act, session)

        self._session.add_done_callback(post)
