"""What the ledger has to tell of one batch or part, read a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from orchestrator.ledger.protocol import Event

PAGE = 1000


class Tells(Protocol):
    """A ledger, as far as its events are asked for."""

    def events(self, after: int = 0, limit: int = 1000, under: str = "") -> tuple[Event, ...]:
        """Return the events after a sequence number, in order, as `Ledger.events`."""


def history(ledger: Tells, under: str) -> Iterator[Event]:
    """Yield the events about an id, about what is below it and what it is in, oldest first."""
    after = 0
    while page := ledger.events(after, PAGE, under):
        yield from page
        after = page[-1].seq
