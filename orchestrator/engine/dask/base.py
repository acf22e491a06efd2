"""A loop in a thread, and calls into it that end in time: what both our engines are made of."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from orchestrator.engine.dask import config
from orchestrator.errors import OrchestratorError
from orchestrator.model.codec import canonical
from orchestrator.model.node import Member, Spec
from orchestrator.model.work import AttemptId

log = logging.getLogger(__name__)

SEND_S = 10.0
CLOSE_S = 5.0
SPARE_S = 1.0
"""For the loop to notice that a delivery's time is over; then we stop asking it."""


class Session(Protocol):
    """What runs in the engine's loop."""

    loop: asyncio.AbstractEventLoop

    async def run(self, ready: Callable[[Session], None]) -> None:
        """Open everything, call `ready`, and stay until `leave`."""

    def leave(self) -> None:
        """End `run`."""

    async def send(self, to: Member, text: str, limit_s: float) -> bool:
        """Deliver within `limit_s` seconds; False: unknown."""

    def tell(self, to: Member, message: Mapping[str, object]) -> None:
        """Send a message; without a connection it is lost, and whoever sent it looks again."""


class LoopEngine:
    """The half of `engine.protocol.Engine` that is the same wherever the scheduler is."""

    def __init__(self, scratch: Path, *, encrypted: bool) -> None:
        """`scratch` is a folder for Dask's own; nothing there matters."""
        self._scratch = scratch
        self._encrypted = encrypted
        self._session: Future[Session] = Future()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._is_closed = False

    def close(self) -> None:
        self._is_closed = True
        if not self._thread.is_alive():
            return
        self._post(lambda session: session.leave())
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            log.warning("not closed in %g s", CLOSE_S, extra={"action": "engine_not_closed"})

    def send(self, to: Member, spec: Spec) -> bool:
        if self._is_closed or not self._is_here(to):
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

    def dismiss(self, to: Member, reason: str) -> None:
        self._tell(to, {"op": "dismiss", "reason": reason})

    def _make_session(self) -> Session:
        """Return what is to run; called in the engine's thread, after Dask's settings."""
        raise NotImplementedError

    def _is_here(self, member: Member) -> bool:
        """Whether a delivery to `member` is worth trying."""
        raise NotImplementedError

    def _check(self) -> None:
        """Raise OrchestratorError if the loop has ended by a fault."""
        if self._session.done() and (error := self._session.exception()):
            raise OrchestratorError(f"engine: it does not run: {error}") from error

    def _run(self) -> None:
        """Serve, in the engine's thread; importing Dask takes long, and belongs after its settings."""
        try:
            config.apply(self._scratch, encrypted=self._encrypted)
            asyncio.run(self._make_session().run(self._session.set_result))
        except Exception as error:  # the link is one of the four doors
            log.exception("the engine has ended", extra={"action": "engine_failed"})
            if not self._session.done():
                self._session.set_exception(error)

    def _tell(self, to: Member, message: Mapping[str, object]) -> None:
        if self._is_here(to) and not self._is_closed:
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
