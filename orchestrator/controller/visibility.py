"""Which node sees which files: asked of nodes, and remembered for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import Executor
from dataclasses import dataclass

from orchestrator.controller.brief import Paths, everywhere_alike
from orchestrator.decide.copying import Eyes, Media
from orchestrator.engine.protocol import SEES_MAX, Engine
from orchestrator.model.node import Member, mapped

AGAIN_S = 60.0
"""So long an answer counts while a job has not begun, or a node does not see a file."""

NOTHING_S = 5.0
"""So long the answer counts that a node sees nothing at all of it: somebody may be mounting it."""

SILENT_S = 10.0
"""A node that has not answered for so long is not waited for."""

PAUSE_S = 1.0
"""So long a node that does not answer is not asked again."""

KEPT = 4096
"""So many files, and so many questions that wait, are remembered of a node."""


@dataclass(slots=True)
class _Answer:
    """What a node said of a file."""

    asked_at: float  #: first time it was wanted, and not answered since
    at: float | None = None  #: None: it has not answered
    size: int | None = None  #: None: it does not see it


class Visibility:
    """Asks nodes which files they see, on other threads; a memory that may be lost."""

    def __init__(
        self,
        engine: Engine,
        pool: Executor,
        wake: Callable[[], None],
        paths: Paths = everywhere_alike,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._pool = pool
        self._wake = wake
        self._paths = paths
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[Member, dict[str, _Answer]] = {}
        self._away: set[Member] = set()
        self._not_before: dict[Member, float] = {}  #: who did not answer is left alone for a while
        self._turns: dict[Member, dict[tuple[str, ...], None]] = {}
        #: what each is still to be asked, the oldest first: one dead disk holds up no other question

    def keep(self, members: Set[Member]) -> None:
        """Forget all others: a node that comes anew is asked anew."""
        with self._lock:
            for gone in self._known.keys() - members:
                del self._known[gone]
            for gone in self._not_before.keys() - members:
                del self._not_before[gone]
            for gone in self._turns.keys() - members:
                del self._turns[gone]

    def look(self, members: Iterable[Member], media: Media) -> Eyes:
        """Return what is known; what is not, or no longer, is asked for."""
        now, wanted = self._clock(), media.wanted
        seen: dict[str, dict[str, int]] = {}
        asked, silent = set[str](), set[str]()
        due: list[Member] = []
        with self._lock:
            for member in members:
                answers = self._answers(member, wanted, now)
                if stale := self._stale(answers, now):
                    self._line_up(member, stale)
                    due.append(member)
                if all(each.at is not None for each in answers.values()):
                    sizes = {path: each.size for path, each in answers.items()}
                    seen[member.node] = {p: s for p, s in sizes.items() if s is not None}
                else:
                    first = min(each.asked_at for each in answers.values() if each.at is None)
                    (silent if now - first > SILENT_S else asked).add(member.node)
            due = [member for member in due if self._may_ask(member, now)]
            self._away |= {*due}
            turns = {member: self._next(member, now) for member in due}
        for member, paths in turns.items():
            self._pool.submit(self._ask, member, paths)
        return Eyes(seen=seen, asked=frozenset(asked), silent=frozenset(silent))

    def forget(self, paths: Iterable[str]) -> None:
        """Ask anew for these files: a person may have mended what was wrong with them."""
        with self._lock:
            for answers in self._known.values():
                for path in paths:
                    answers.pop(path, None)

    def _may_ask(self, member: Member, now: float) -> bool:
        return member not in self._away and now >= self._not_before.get(member, now)

    def _line_up(self, member: Member, paths: Sequence[str]) -> None:
        turns = self._turns.setdefault(member, {})
        if len(turns) > KEPT:
            turns.clear()
        turns.setdefault(tuple(paths[:SEES_MAX]))

    def _next(self, member: Member, now: float) -> Sequence[str]:
        """Return what is asked next; what has been answered meanwhile is passed over."""
        turns, stale = self._turns[member], list[str]()
        while turns and not stale:
            paths = next(iter(turns))
            del turns[paths]
            stale = self._stale(self._answers(member, paths, now), now)
        return stale

    def _answers(self, member: Member, paths: Sequence[str], now: float) -> dict[str, _Answer]:
        known = self._known.setdefault(member, {})
        if len(known) > KEPT:
            known.clear()
        return {path: known.setdefault(path, _Answer(now)) for path in paths}

    def _stale(self, answers: Mapping[str, _Answer], now: float) -> list[str]:
        is_blind = all(each.size is None for each in answers.values())
        after_s = NOTHING_S if is_blind else AGAIN_S
        return [p for p, each in answers.items() if each.at is None or now - each.at > after_s]

    def _ask(self, member: Member, paths: Sequence[str]) -> None:
        """Ask one node; it is not asked again meanwhile."""
        found = None
        try:
            there = self._there(member, paths)
            found = self._engine.sees(member, list(there.values()))
        finally:
            with self._lock:
                self._away.discard(member)
                now = self._clock()
                if found is None:
                    self._not_before[member] = now + PAUSE_S
                else:
                    known = self._known.get(member, {})
                    for path, name in there.items():
                        known[path] = _Answer(now, now, found.get(name))
            if found is not None:
                self._wake()

    def _there(self, member: Member, paths: Sequence[str]) -> dict[str, str]:
        """Return how the node calls these files (F-STOR-14)."""
        own = self._paths(member.node)
        return {path: mapped(path, own) for path in paths}
