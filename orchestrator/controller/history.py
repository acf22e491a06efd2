"""Letting history end, a little at a time, beside the work (F-ADM-6)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from orchestrator.ledger.protocol import Ledger
from orchestrator.system import now_s

log = logging.getLogger(__name__)

TEND_EVERY_S = 3600.0

LEAP_S = 600.0
"""A wall clock that went so much further than the time that passed is not believed at once (R9)."""

PIECES_MAX = 100
"""So many batches, or cuts of the chain, leave at the end of a `run`."""


def now_utc() -> datetime:
    """Return the wall clock's time."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Historian:
    """Lets one piece go at each call of `tend`, while there is one; then rests for an hour."""

    ledger: Ledger
    wall: Callable[[], datetime] = now_utc
    clock: Callable[[], float] = now_s  #: seconds, by a clock nobody sets
    _due: float = 0.0
    _seen: tuple[datetime, float] | None = None  #: both clocks when last looked at

    def tend(self, kept_s: float) -> bool:
        """Let something go that was over for so long; whether something did: there may be more."""
        now = self.clock()
        if now < self._due:
            return False
        self._due = now + TEND_EVERY_S  # also where it fails: work must not wait for it
        if self._has_leapt(now) or not self._let_go(kept_s):
            return False
        self._due = now
        return True

    def _let_go(self, kept_s: float) -> bool:
        before = self.wall() - timedelta(seconds=kept_s)
        went = self.ledger.compact(before.isoformat(timespec="milliseconds"))
        if went:
            log.info("history: a part of it has left", extra={"action": "history_compacted"})
        return went

    def _has_leapt(self, now: float) -> bool:
        """Whether the wall clock was set forward since the last look; then it is watched first."""
        wall, seen = self.wall(), self._seen
        self._seen = wall, now
        if seen is None:
            return False
        return (wall - seen[0]).total_seconds() - (now - seen[1]) > LEAP_S


def let_go(ledger: Ledger, kept_s: float) -> None:
    """Let go what was over for so long, where nobody stays to tend it; bounded."""
    historian = Historian(ledger)
    for _ in range(PIECES_MAX):
        if not historian.tend(kept_s):
            return
