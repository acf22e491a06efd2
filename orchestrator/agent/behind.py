"""Which programs an extended node has, asked over the way that leads there (F-EXT-6)."""

from __future__ import annotations

import threading
from collections.abc import Callable

from orchestrator.agent.identity import programs_behind
from orchestrator.agent.versions import UNASKED
from orchestrator.model.node import AgentSettings, Program

AGAIN_S = 15.0


class Behind:
    """Asks once the machine can work, and again while it could not be asked for something.

    From a thread of its own: the agent joins meanwhile, and its end waits for no answer.
    """

    def __init__(
        self,
        settings: AgentSettings,
        found: Callable[[tuple[Program, ...]], None],
        unfit: Callable[[], str],
    ) -> None:
        """`found` takes the answer; `unfit` says why the machine can do no work now, or nothing."""
        self._settings = settings
        self._found = found
        self._unfit = unfit
        self._closed = threading.Event()

    def open(self) -> None:
        """Begin, if there is a way to another machine."""
        if self._settings.wrap:
            threading.Thread(target=self._ask, name="behind", daemon=True).start()

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()

    def _ask(self) -> None:
        settings = self._settings
        while not self._closed.is_set():
            if not self._unfit():
                found = programs_behind(settings.checks, settings.programs, settings.wrap)
                self._found(found)
                if not any(UNASKED in each.why for each in found):
                    return
            self._closed.wait(AGAIN_S if not self._unfit() else 1.0)
