"""Whether a service that stopped by itself is started again (F-REC-2)."""

from __future__ import annotations

from collections.abc import Sequence

RESTARTS_MAX = 4
RESTARTS_AT_ONCE = 2
RAN_LEAST_S = 10.0
"""A third or fourth restart needs that it had run so long; a broken one does not start in a circle."""

FORGIVEN_S = 3600.0
"""After so long without a stop the count begins anew (F-REC-4)."""


def may_restart(ran: Sequence[float], restarts_max: int = RESTARTS_MAX) -> bool:
    """Return whether to start it again; `ran`: seconds that it had run before each of its stops."""
    counted = recent(ran)
    if len(counted) > restarts_max:
        return False
    return len(counted) <= RESTARTS_AT_ONCE or counted[-1] >= RAN_LEAST_S


def recent(ran: Sequence[float]) -> tuple[float, ...]:
    """Return the stops that still count: those since it last ran for an hour."""
    forgiven = [number for number, seconds in enumerate(ran) if seconds >= FORGIVEN_S]
    return tuple(ran[forgiven[-1] :]) if forgiven else tuple(ran)
