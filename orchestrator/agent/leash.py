"""How long a runner goes on without its cluster (R5).  Standard library only.

The agent notes in its spool when it last heard of the cluster; a runner reads that note, whether
the agent still lives or not: what nobody remembers must not render for ever.
"""

from __future__ import annotations

import json

from orchestrator.agent.process import boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself takes 5 ms to import
    from typing import Any

HEARD = "heard.json"
"""In the spool: ``{"at": seconds of now_s, "boot": id, "stop_after_s": seconds}``."""


class Leash:
    """When a runner ends its command, unless something is heard by then."""

    def __init__(self, file: str) -> None:
        """Without a `file`, as on one computer alone, it goes on for ever."""
        self._file = file
        self.length_s = 0.0
        self.due: float | None = None  #: in seconds of `now_s`; None: never
        self._look()

    def is_over(self, now: float) -> bool:
        """Whether nothing was heard for too long; the file is read only when it looks so."""
        if self.due is None or now < self.due:
            return False
        self._look()
        return self.due is not None and now >= self.due

    def _look(self) -> None:
        note = heard(self._file)
        if note is None:
            self.due = None
        else:
            self.length_s = note["stop_after_s"]
            self.due = note["at"] + note["stop_after_s"]


def heard(file: str) -> dict[str, Any] | None:
    """Return the note if there is one of this boot that can be read, else None."""
    try:
        with open(file, "rb") as stream:
            note = json.load(stream)
        if note["boot"] != boot_id():
            return None
        return {"at": float(note["at"]), "stop_after_s": float(note["stop_after_s"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
