"""Wakes the loop when a node opens or closes.  It decides nothing: a timer that fails costs a look."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger


class EdgeTimer:
    """One trigger a node, at its next edge; whoever looks then sets the one after it."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called at every edge, from a thread of ours."""
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        self._wake = wake
        self._timers = BackgroundScheduler(
            timezone=UTC, executors={"default": ThreadPoolExecutor(1)}
        )

    def open(self) -> None:
        """Begin."""
        self._timers.start()

    def close(self) -> None:
        """Wake nobody any more."""
        self._timers.shutdown(wait=False)

    def arm(self, name: str, edge: datetime) -> None:
        """Let the next edge of a node be this one; one that has passed meanwhile is due at once."""
        self._timers.add_job(
            self._wake,
            DateTrigger(edge),
            id=name,
            replace_existing=True,
            misfire_grace_time=None,
        )
