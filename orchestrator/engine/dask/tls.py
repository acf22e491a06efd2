"""The engine on Dask, for a cluster: the scheduler is another process, all goes over TLS."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from orchestrator.engine.dask.base import LoopEngine, Session
from orchestrator.engine.dask.reports import Reports
from orchestrator.engine.protocol import SEES_S, TlsFiles
from orchestrator.model.node import Member, Report
from orchestrator.model.work import AttemptId

if TYPE_CHECKING:
    from orchestrator.engine.dask.line import ClusterSession

READ_S = 2.0
SEES_LIMIT_S = SEES_S + 2.0

T = TypeVar("T")


class TlsEngine(LoopEngine):
    """Implements `engine.protocol.Engine` over a scheduler process, wherever its agents are.

    `look` is the last poll, at most a beat of the node and one of ours old.  While there is no
    scheduler, the beats of all stand still; who has not come to a new one is not listed.
    """

    def __init__(self, address: Callable[[], str] | str, files: TlsFiles, scratch: Path) -> None:
        """`address`: of the scheduler, as ``tls://10.0.0.1:50000``, asked at each connection;
        `files`: the client's; `scratch`: a folder for Dask's own, nothing there matters.
        """
        super().__init__(scratch, encrypted=True)
        self._address = address
        self._files = files
        self._reports = Reports()

    def open(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._thread.start()

    def look(self) -> Mapping[Member, Report]:
        self._check()
        return self._reports.seen

    def read(self, to: Member, attempt: AttemptId, offset: int) -> bytes:
        return self._asked(lambda session: session.read(to, attempt, offset), to, READ_S) or b""

    def sees(self, to: Member, paths: Sequence[str]) -> Mapping[str, int] | None:
        return self._asked(lambda session: session.sees(to, paths), to, SEES_LIMIT_S)

    def _asked(
        self, ask: Callable[[ClusterSession], Coroutine[Any, Any, T]], to: Member, limit_s: float
    ) -> T | None:
        """Return what a member answers in time; None: it is not to be had now."""
        if self._is_closed or not self._is_here(to) or not self._session.done():
            return None
        session = cast("ClusterSession", self._session.result())
        question = ask(session)
        try:
            asked = asyncio.run_coroutine_threadsafe(question, session.loop)
        except RuntimeError:  # the loop has ended
            question.close()
            return None
        try:
            return asked.result(limit_s)
        except (FutureTimeout, CancelledError):
            asked.cancel()
            return None

    def _make_session(self) -> Session:
        module = importlib.import_module("orchestrator.engine.dask.line")
        asked, address = self._address, str(self._address)
        where = asked if callable(asked) else lambda: address
        session: Session = module.ClusterSession(where, self._files, self._reports, self._wake)
        return session

    def _is_here(self, member: Member) -> bool:
        return self._reports.address(member) is not None
