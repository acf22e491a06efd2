"""The queue of one service: first come, first served, as many at once as it has instances."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

Work = Callable[[], None]


class Lane:
    """Does each piece of work in a thread of its own; idle, it has none and costs nothing."""

    def __init__(self, name: str, room: int) -> None:
        self._name = name
        self._room = room
        self._busy = 0
        self._queue: deque[Work] = deque()
        self._lock = threading.Lock()
        self._closed = False

    def put(self, work: Work) -> None:
        """Do `work` as soon as there is room."""
        with self._lock:
            self._queue.append(work)
            free = self._busy < self._room and not self._closed
            self._busy += free
        if free:
            self._start(None)

    def hold(self, work: Work) -> None:
        """Do `work` now, whether there is room or not: it already runs."""
        with self._lock:
            self._busy += 1
        self._start(work)

    def close(self) -> None:
        """Start nothing more; what runs goes on."""
        with self._lock:
            self._closed = True

    def _start(self, work: Work | None) -> None:
        threading.Thread(target=self._go, args=(work,), name=self._name, daemon=True).start()

    def _go(self, work: Work | None) -> None:
        while work := work or self._next():
            try:
                work()
            except BaseException:
                self._start(None)  # somebody else takes our place
                raise
            work = None

    def _next(self) -> Work | None:
        """Return what is next; where there is nothing, the place is given back."""
        with self._lock:
            if self._queue and self._busy <= self._room and not self._closed:
                return self._queue.popleft()
            self._busy -= 1
            return None
