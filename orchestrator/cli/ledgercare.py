"""What a controller process does for its ledger: history ends, copies are made, a full disk is told."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.controller.history import Historian
from orchestrator.decide.history import KEPT_S
from orchestrator.errors import LedgerError, LedgerFull
from orchestrator.ledger.backups import Backups, Copyist
from orchestrator.ledger.sqlite import SqliteLedger

log = logging.getLogger(__name__)

ROOM_AFTER_S = 5.0
"""So long after its disk was full it is opened again."""


def opened(file: Path) -> SqliteLedger:
    """Open the ledger for writing, as soon as there is room for that on its disk."""
    told = False
    while True:
        try:
            return SqliteLedger(file)
        except LedgerFull as error:
            if not told:
                log.error("%s", error, extra={"action": "ledger_full"})  # one line
            told = True
            time.sleep(ROOM_AFTER_S)


class LedgerCare:
    """Tended between two looks."""

    def __init__(self, ledger: SqliteLedger, file: Path) -> None:
        self.kept_s: float = KEPT_S
        self._ledger = ledger
        self._historian = Historian(ledger)
        self._copyist = Copyist(Backups(file))
        self._full = ""  #: a sentence: its disk was full when it was last written to
        self._full_at = 0  #: after so many writes

    def open(self) -> None:
        """Begin with a copy, unless there is a new one."""
        self._copyist.tend(datetime.now(UTC), begin=True)

    def close(self) -> None:
        """Wait for a copy that is being made."""
        self._copyist.close()

    def tend(self) -> None:
        """Let history end, and copy it once a day.

        Raises LedgerError where its disk failed under somebody else (R13).
        """
        self._historian.tend(self.kept_s)
        if self._ledger.failed:
            raise LedgerError(self._ledger.failed)
        if self._ledger.writes != self._full_at:
            self._full = ""
        self._copyist.tend(datetime.now(UTC))

    def ran_full(self, error: LedgerFull) -> None:
        """Take that nothing could be stored, so that nothing was begun."""
        if not self._full:
            log.error("%s", error, extra={"action": "ledger_full"})
        self._full, self._full_at = f"{error}; nothing is begun until then", self._ledger.writes

    def alarms(self) -> tuple[str, ...]:
        """Return what people should know of its disk."""
        return (self._full,) if self._full else ()
