"""What of cluster storage may go: what an attempt left, and what the ledger knows of it.

No I/O, no clock, no memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

DAY_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What the ledger knows of an attempt."""

    batch: str
    over_at: float | None = None  #: Unix seconds: when its batch ended; None: that is open
    is_open: bool = False  #: it runs, or may
    is_needed: bool = False  #: its result is the accepted one, and its job is not Successful
    may_come: bool = False  #: it was lost, and would still be accepted if it reported (R4)


class Lot(Enum):
    """What becomes of the files of an attempt."""

    KEEP = "keep"
    CLEAR = "clear"  #: its media go; log, report and results stay
    GO = "go"  #: all of it goes


def lot(fate: Fate | None, touched_at: float, now: float, keep_s: float) -> Lot:
    """Return what becomes of an attempt's files.

    An open batch never loses by age what it needs (F-STOR-4).  What the ledger knows nothing of
    (None) counts from when it was last `touched_at`: the ledger was put back, or has forgotten it.
    Times are Unix seconds.
    """
    if fate is None:
        return Lot.GO if now - touched_at >= keep_s else Lot.KEEP
    if fate.is_open:
        return Lot.KEEP
    if is_due(fate.over_at, now, keep_s):
        return Lot.GO
    return Lot.KEEP if fate.is_needed or fate.may_come else Lot.CLEAR


def is_due(over_at: float | None, now: float, keep_s: float) -> bool:
    """Whether the files of a batch that ended then go by their age (F-STOR-3)."""
    return over_at is not None and now - over_at >= keep_s
