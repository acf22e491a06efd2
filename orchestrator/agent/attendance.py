"""When the cluster was last heard of, noted in the spool for the runners (R5)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

from orchestrator.agent.files import now_s, write_whole
from orchestrator.agent.leash import HEARD, heard
from orchestrator.agent.process import boot_id

log = logging.getLogger(__name__)


class Attendance:
    """Heard is what an answered heartbeat, a delivery or a message says.

    An agent that starts goes on from the note of the one before: starting again and again does not
    keep runners alive.
    """

    def __init__(
        self, spool: Path, stop_after_s: float, clock: Callable[[], float] = now_s
    ) -> None:
        self._file = spool / HEARD
        self._stop_after_s = stop_after_s
        self._clock = clock
        note = heard(str(self._file))
        self._at = clock() if note is None else min(float(note["at"]), clock())
        self._noted: float | None = None

    def heard(self) -> None:
        """Say that the cluster was heard of; touches no disk."""
        self._at = self._clock()

    @property
    def silent_s(self) -> float:
        """For how long nothing was heard."""
        return self._clock() - self._at

    @property
    def is_over(self) -> bool:
        """Whether that is so long that what runs here ends by itself."""
        return self.silent_s >= self._stop_after_s

    def note(self) -> None:
        """Write it down, if there is anything new; a disk that refuses is asked again next time."""
        at = self._at
        if at == self._noted:
            return
        note = {"at": at, "boot": boot_id(), "stop_after_s": self._stop_after_s}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            write_whole(self._file, json.dumps(note).encode())
            self._noted = at
        except OSError as error:
            log.warning("%s: %s", self._file, error.strerror, extra={"action": "note_not_written"})
