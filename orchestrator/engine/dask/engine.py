"""The engine on Dask, for one computer: all in this process, nothing listens."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from orchestrator.engine.dask.base import LoopEngine, Session
from orchestrator.engine.protocol import Table
from orchestrator.model.node import Member, Report
from orchestrator.model.work import AttemptId


class InprocEngine(LoopEngine):
    """Implements `engine.protocol.Engine` over the tables of this process.

    Scheduler, client and Workers share one loop in a thread of the engine's own.  `look` reads the
    tables themselves: no beat has to be waited for.
    """

    def __init__(self, tables: Sequence[Table], scratch: Path) -> None:
        """`scratch` is a folder for Dask's own; nothing there matters."""
        super().__init__(scratch, encrypted=False)
        self._tables = {table.member: table for table in tables}

    def open(self, wake: Callable[[], None]) -> None:
        for table in self._tables.values():
            table.on_change(wake)
        self._thread.start()

    def look(self) -> Mapping[Member, Report]:
        self._check()
        return {m: t.report() for m, t in self._tables.items() if not t.is_dismissed}

    def read(self, to: Member, attempt: AttemptId, offset: int) -> bytes:
        table = self._tables.get(to)
        return table.read(attempt, offset) if table else b""

    def sees(self, to: Member, paths: Sequence[str]) -> Mapping[str, int] | None:
        table = self._tables.get(to)
        return table.sees(paths) if table and not table.is_dismissed else None

    def _make_session(self) -> Session:
        module = importlib.import_module("orchestrator.engine.dask.session")
        session: Session = module.InprocSession(list(self._tables.values()))
        return session

    def _is_here(self, member: Member) -> bool:
        table = self._tables.get(member)
        return table is not None and (not table.is_dismissed)
