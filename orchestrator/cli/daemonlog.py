"""The controller's log: one event, one line of JSON, in a file that has an end (T19)."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

BYTES_MAX = 64 << 20
"""Of ``controller.log`` and ``controller.log.1`` before it; above that the oldest lines go."""

FILES_KEPT = 1

TEXT_MAX = 8192
"""So many characters of one text are kept."""

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """An event as one line of ASCII: nothing in it can move a cursor or begin another line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        data = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "action": str(getattr(record, "action", "")),
            "text": _cut(record.getMessage()),
        }
        if not data["action"]:
            data["action"] = record.name
        for key in sorted(vars(record).keys() - _OWN - {"action"}):
            data[key] = _cut(str(vars(record)[key]))
        if record.exc_info:
            data["traceback"] = _cut(self.formatException(record.exc_info), at_end=True)
        return json.dumps(data, ensure_ascii=True).replace("\x7f", "\\u007f")


class Keeping:
    """How a log is kept: from which level on, and how much of it (F-LOG-2)."""

    def __init__(self, handler: RotatingFileHandler, ours: logging.Logger) -> None:
        self._handler = handler
        self._ours = ours
        self.tune("info", BYTES_MAX)

    def tune(self, level: str, bytes_max: int) -> None:
        """Keep lines from this level on, as ``info``, and so many bytes of them."""
        self._ours.setLevel(logging.getLevelNamesMapping().get(level.upper(), logging.INFO))
        self._handler.maxBytes = bytes_max // (1 + FILES_KEPT)


@contextmanager
def logging_to(path: Path) -> Iterator[Keeping]:
    """Write what this process tells to the file until left, and to a terminal if there is one.

    Of other people's libraries only warnings are kept.
    """
    path.touch(mode=0o600)
    handler = RotatingFileHandler(path, backupCount=FILES_KEPT, encoding="utf-8")
    handler.setFormatter(JsonLines())
    handler.addFilter(_worth)
    root, ours = logging.getLogger(), logging.getLogger("orchestrator")
    before, others = ours.level, [] if sys.stderr.isatty() else root.handlers[:]
    for other in others:  # stderr is a file there, and has no end
        root.removeHandler(other)
    root.addHandler(handler)
    try:
        yield Keeping(handler, ours)
    finally:
        root.removeHandler(handler)
        ours.setLevel(before)
        for other in others:
            root.addHandler(other)
        handler.close()


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last events of a log as sentences; none where there is no log."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - count * TEXT_MAX))
            lines = file.read().decode("utf-8", "replace").splitlines()[-count:]
    except OSError:
        return []
    return [said for line in lines if (said := sentence(line))]


def _worth(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == "orchestrator" or record.levelno >= logging.WARNING


def sentence(line: str) -> str:
    """Return an event of a controller's or an agent's log for people; another line as it is."""
    try:
        data = json.loads(line)
        time, text = (
            (data["time"], data["text"]) if "text" in data else (data["at"], data["message"])
        )
        return f"{time} {data['level']} {text}"
    except (ValueError, KeyError, TypeError):
        return line


def _cut(text: str, *, at_end: bool = False) -> str:
    if len(text) <= TEXT_MAX:
        return text
    left_out = f"[{len(text) - TEXT_MAX} characters left out]"
    return f"{left_out} {text[-TEXT_MAX:]}" if at_end else f"{text[:TEXT_MAX]} {left_out}"
