"""What a controller process is asked for from outside: to look, or to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType


@dataclass(slots=True)
class Wishes:
    """What was asked of the process since it last looked."""

    stop: bool = False
    look: threading.Event = field(default_factory=threading.Event)

    def end(self) -> None:
        """Ask it to stop; from any thread, or a signal's handler."""
        self.stop = True
        self.look.set()

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Take SIGTERM and Ctrl-C for the wish to stop, until left."""

        def ask(number: int, frame: FrameType | None) -> None:
            self.end()

        before = {each: signal.signal(each, ask) for each in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
