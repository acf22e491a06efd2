"""What a command says: progress apart from log, and when it last moved (R14).

Standard library only.
"""

from __future__ import annotations

import os
import re

from orchestrator.agent.files import now_s
from orchestrator.agent.logs import LogWriter, clean
from orchestrator.system import UNWAITED

LINE_BYTES_MAX = 64 << 10
"""A longer line is no progress; it goes into the log as it comes."""

SAID_BYTES_MAX = 400
"""Of a progress line; with the attempt's id it stays below every system's PIPE_BUF."""

SAY_EVERY_S = 0.2

NOTICED_MAX = 8
NOTICED_CHARS_MAX = 300
"""Of lines that a command's `notice` matches, the first: they say what began the trouble."""

SEARCHED_CHARS_MAX = 1000
"""So much of a line is searched: an expression may need the third power of that."""

_END = re.compile(rb"[\r\n]+")


class Watch:
    """Divides output into progress and log.

    With a pattern, progress means that the text it matched *changed*: a stuck encoder repeats
    itself.  Without one, that output came.
    """

    def __init__(
        self, log: LogWriter, pattern: str | None, herald: Herald, notice: str | None = None
    ) -> None:
        self._log = log
        self._pattern = re.compile(pattern) if pattern else None
        self._notice = re.compile(notice) if notice else None
        self._herald = herald
        self._rest = b""
        self._matched: str | None = None
        self.noticed: list[str] = []
        self.moved_at = now_s()

    def feed(self, data: bytes) -> None:
        """Take the next output."""
        if self._pattern is None:
            self.moved_at = now_s()
            if self._notice is None:
                self._log.write(data)
                return
        data = self._rest + data
        cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        whole, self._rest = data[:cut], data[cut:]
        if len(self._rest) > LINE_BYTES_MAX:
            self._log.write(self._rest)
            self._rest = b""
        self._log.write(b"".join(line for line in _lines(whole) if not self._is_progress(line)))

    def finish(self) -> None:
        """Take what came last, without an end of line."""
        rest, self._rest = self._rest, b""
        if rest and not self._is_progress(rest):
            self._log.write(rest)

    def _is_progress(self, line: bytes) -> bool:
        """Whether a line is no log, but how far it is; what is to be noticed in it is."""
        if len(line) > LINE_BYTES_MAX:
            return False
        text = clean(line).strip()[:SEARCHED_CHARS_MAX]
        said = text[:NOTICED_CHARS_MAX]  # searched as it is told: who reads it searches it again
        if self._notice and self._is_new(said) and self._notice.search(said):
            self.noticed.append(said)
        if self._pattern is None or (match := self._pattern.search(text)) is None:
            return False
        if match.group() != self._matched:
            self._matched = match.group()
            self.moved_at = now_s()
            self._herald.say(text)
        return True

    def _is_new(self, said: str) -> bool:
        """Whether there is room for it; one that comes with every frame hides no other."""
        return len(self.noticed) < NOTICED_MAX and said not in self.noticed


class Herald:
    """Tells the agent the last progress line, through a FIFO, or a file that it reads.

    Nobody there is no fault."""

    def __init__(self, fifo: str, attempt: str) -> None:
        self._fifo = fifo
        self._attempt = attempt
        self._line: str | None = None
        self._due = 0.0

    @property
    def due(self) -> float | None:
        """When `flush` has something to tell, in seconds of `now_s`; None: nothing waits."""
        return None if self._line is None else self._due

    def say(self, line: str) -> None:
        """Tell `line` now, or with the next one if the last was just told."""
        self._line = line
        self.flush()

    def flush(self, *, last: bool = False) -> None:
        """Tell what waits, if it is time or `last`."""
        now = now_s()
        if self._line is None or (now < self._due and not last):
            return
        line = self._line.encode()[:SAID_BYTES_MAX].decode("utf-8", "ignore")
        self._line, self._due = None, now + SAY_EVERY_S
        try:
            pipe = os.open(self._fifo, os.O_WRONLY | os.O_APPEND | UNWAITED)
        except OSError:
            return
        try:
            os.write(pipe, f"{self._attempt}\t{line}\n".encode())
        except OSError:
            return
        finally:
            os.close(pipe)


def _lines(data: bytes) -> list[bytes]:
    """Return the lines of `data`, each with its end; a lone carriage return ends one, too."""
    lines, start = [], 0
    for end in _END.finditer(data):
        lines.append(data[start : end.end()])
        start = end.end()
    return lines
