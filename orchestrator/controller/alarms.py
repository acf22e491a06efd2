"""What waits for so long that somebody should look after it."""

from __future__ import annotations

from itertools import count

from orchestrator.decide.settle import Limits, paused_s
from orchestrator.ledger.protocol import Ledger

UNREADY_S = 3600.0
"""A condition that was not ready for so long is told of; the task goes on by itself all the same."""

NAMED_MAX = 5


def unready(ledger: Ledger, limits: Limits) -> tuple[str, ...]:
    """Return a sentence for each task that has waited so long; of many, for the first."""
    waits = next(n for n in count(1) if paused_s(n, limits) >= UNREADY_S)
    return tuple(
        f"task {task.id}: not ready for more than {UNREADY_S / 3600:g} h, and no try is counted: "
        f"{task.reason}"
        for task in ledger.unready(waits, NAMED_MAX)
    )
