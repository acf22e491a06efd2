"""The outbox of the ledger in dicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.ledger.memory_moves import stored
from orchestrator.ledger.protocol import Event
from orchestrator.ledger.store import Store
from orchestrator.model.notice import Letter, Notice


class MemoryOutbox:
    """Letters by number, and up to which event they were made."""

    _store: Store

    def noticed(self) -> int:
        return self._store.noticed

    def news(
        self, after: int, kinds: frozenset[str], limit: int = 1000
    ) -> tuple[int, tuple[Event, ...]]:
        events = [each for each in self._store.events if each.seq > after]
        found = [each for each in events if each.kind in kinds][:limit]
        if len(found) == limit:
            return found[-1].seq, tuple(found)
        return max(after, *(each.seq for each in events), 0), tuple(found)

    def post(self, letters: Sequence[Letter], upto: int) -> None:
        for each in letters:
            fresh = replace(each, notice=stored(Notice, each.notice), told=frozenset())
            self._store.letters.setdefault(each.number, fresh)
        self._store.noticed = upto

    def outbox(self, limit: int = 1000) -> tuple[Letter, ...]:
        letters = sorted(self._store.letters.values(), key=lambda each: each.number)
        return tuple(letters[:limit])

    def told(self, numbers: Sequence[int], way: str) -> None:
        letters = self._store.letters
        for number in numbers:
            if old := letters.get(number):
                letters[number] = replace(old, told=old.told | {way})

    def drop(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self._store.letters.pop(number, None)
