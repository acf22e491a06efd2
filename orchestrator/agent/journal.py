"""The agent's own log: one event, one line of JSON, in a file that cannot grow for ever (T19)."""

from __future__ import annotations

import json
import logging
import logging.handlers
from datetime import UTC, datetime
from pathlib import Path

FILE_BYTES_MAX = 1 << 20
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
    handler = logging.handlers.RotatingFileHandler(
        file, maxBytes=FILE_BYTES_MAX, backupCount=FILES_KEPT, encoding="utf-8"
    )
    handler.setFormatter(Line())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.getLevelNamesMapping().get(level.upper(), logging.INFO))
