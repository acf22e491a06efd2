"""The agent's own log: one event, one line of JSON, in a file that cannot grow for ever (T19)."""

from __future__ import annotations

import json
import logging
import logging.handlers
from datetime import UTC, datetime
from pathlib import Path

BYTES_MAX = 64 << 20
"""Of the file and the one before it; above that the oldest lines go."""

FILES_KEPT = 1
TRACE_CHARS_MAX = 4000


class Line(logging.Formatter):
    """A line of JSON; every control character in it is escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return `record` as one line."""
        said: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if action := getattr(record, "action", None):
            said["action"] = action
        if record.exc_info and record.exc_info[0] is not None:
            said["trace"] = self.formatException(record.exc_info)[-TRACE_CHARS_MAX:]
        return json.dumps(said)


def keep(file: Path, level: str) -> None:
    """Send all logging of this process to `file`; ``level`` as ``info``."""
    handler = logging.handlers.RotatingFileHandler(file, backupCount=FILES_KEPT, encoding="utf-8")
    handler.setFormatter(Line())
    logging.getLogger().handlers[:] = [handler]
    tune(level, BYTES_MAX)


def tune(level: str, bytes_max: int) -> None:
    """Keep lines from this level on, and so many bytes of them (F-LOG-2)."""
    root = logging.getLogger()
    root.setLevel(logging.getLevelNamesMapping().get(level.upper(), logging.INFO))
    for handler in root.handlers:
        if isinstance(handler, logging.handlers.RotatingFileHandler):
            handler.maxBytes = bytes_max // (1 + FILES_KEPT)
