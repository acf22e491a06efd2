"""Look, decide, act.  The clock is asked here and nowhere else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.controller.act import Hands
from orchestrator.controller.look import Lookout
from orchestrator.decide.reconcile import View, reconcile

GATHER_S = 0.005
"""So long is waited between two looks: what happens meanwhile shares one look, one transaction."""

IDLE_S = 0.5
"""A look at least this often: a wake may be lost (trap: events are only hints)."""


@dataclass(slots=True)
class Controller:
    """Holds no state of its own: all it knows, it sees at the next look."""

    lookout: Lookout
    hands: Hands
    clock: Callable[[], float]  #: Unix seconds
    woken: threading.Event = field(default_factory=threading.Event)
    draining: bool = False  #: running work ends, nothing new starts

    def wake(self) -> None:
        """Say "look now"; from any thread."""
        self.woken.set()

    def turn(self) -> tuple[View, bool]:
        """Look once, decide, act; return what was seen, and whether to look again at once."""
        now = self.clock()
        view = self.lookout.look(now, self.draining)
        return view, self.hands.act(reconcile(view), view, now)

    def run(self, done: Callable[[View], bool], each: Callable[[View], None]) -> None:
        """Turn until `done`, calling `each` after every turn; sleep while nothing changes."""
        while True:
            self.woken.clear()
            view, changed = self.turn()
            each(view)
            if done(view):
                return
            if not changed:
                self.woken.wait(IDLE_S)
            time.sleep(GATHER_S)
