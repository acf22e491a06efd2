"""Who guesses waits: longer after each wrong password from one address (T10)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from orchestrator.errors import Busy

FREE_TRIES = 3
"""So many wrong passwords cost nothing: people mistype."""

FIRST_S = 1.0
MOST_S = 300.0
ADDRESSES_MAX = 4096
"""So many are remembered; the one that was quiet longest is forgotten first."""


@dataclass(slots=True)
class _Count:
    failures: int = 0
    until: float = 0.0


class Backoff:
    """Counts wrong passwords for each address.  May be used from any thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def check(self, address: str) -> None:
        """Raise Busy if an address has to wait."""
        with self._lock:
            count = self._counts.get(_group(address))
            left = count.until - self._clock() if count else 0.0
        if left > 0:
            raise Busy(f"too many wrong passwords from here; try again in {ceil(left)} s")

    def failed(self, address: str) -> None:
        """Count a wrong password."""
        with self._lock:
            group = _group(address)
            count = self._counts.setdefault(group, _Count())
            self._counts.move_to_end(group)
            count.failures += 1
            doublings = min(count.failures - FREE_TRIES, 16)
            if doublings >= 0:
                count.until = self._clock() + min(MOST_S, FIRST_S * 2**doublings)
            if len(self._counts) > ADDRESSES_MAX:
                self._counts.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget the wrong ones."""
        with self._lock:
            self._counts.pop(_group(address), None)


def _group(address: str) -> str:
    """Return whom an address belongs to: a machine may have a whole network of IPv6."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        return str(known.ipv4_mapped or ip_network((known.packed[:8] + bytes(8), 64)))
    return str(known)
