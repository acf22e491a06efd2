"""Which files this node sees: asked by the controller of what jobs read (F-STOR-9, T04).

A dead mount never answers, so each look has a thread of its own that is not waited for.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Mapping, Sequence

from orchestrator.system import UNWAITED

LIMIT_S = 2.0
HUNG_MAX = 8
"""So many looks that never end; then nothing is looked for until one does."""


class Sight:
    """Looks for files, a limited time each."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._room = threading.BoundedSemaphore(HUNG_MAX)
        self._looks: dict[object, str] = {}  #: each look under way -> the folder it is in
        self._late: set[object] = set()  #: those that were given up: their folders are left alone

    def look(self, paths: Sequence[str]) -> Mapping[str, int] | None:
        """Return the bytes of each plain file that can be read; None: a disk does not answer."""
        hung = {self._looks.get(late) for late in list(self._late)}
        if any(os.path.dirname(path) in hung for path in paths):
            return None  # else one dead mount would soon take all room
        if not self._room.acquire(blocking=False):
            return None
        found: dict[str, int] = {}
        done, this = threading.Event(), object()

        def see() -> None:
            try:
                for path in paths:
                    self._looks[this] = os.path.dirname(path)
                    if (size := _size(path)) is not None:
                        found[path] = size
                done.set()
            finally:
                self._looks.pop(this, None)
                self._late.discard(this)
                self._room.release()

        threading.Thread(target=see, name="sight", daemon=True).start()
        if done.wait(self._limit_s):
            return dict(found)
        self._late.add(this)
        if this not in self._looks:  # it has just ended
            self._late.discard(this)
        return None


def _size(path: str) -> int | None:
    """Return the bytes of a plain file that can be opened for reading; None for anything else.

    A pipe or a device is not opened: that could wait for ever, or set something off (T06).
    """
    try:
        if not os.path.isabs(path) or not stat.S_ISREG(os.stat(path).st_mode):
            return None
        file = os.open(path, os.O_RDONLY | UNWAITED)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(file)
        return status.st_size if stat.S_ISREG(status.st_mode) else None
    finally:
        os.close(file)
