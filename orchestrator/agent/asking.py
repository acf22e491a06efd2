"""Ask a program something: bounded in time and in what is kept of its words, and nothing stays.

Standard library only: checks on a node use it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

KEPT_BYTES = 1 << 20
"""Of each stream that it prints; the rest is read and dropped."""

GRACE_S = 3.0
"""Between SIGTERM and SIGKILL, for one that takes too long."""

DRAIN_S = 1.0
"""So long its last words are waited for, should another process hold its end of the pipe."""

_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")
"""Nothing that is only asked may open a window."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What it said."""

    code: int  #: minus the signal's number, if it was ended by one
    out: str
    err: str  #: empty where both are asked for as one
    is_late: bool = False  #: it did not end by itself

    @property
    def last(self) -> str:
        """Return the last line of its errors, or else of what it said."""
        return (self.err.strip() or self.out.strip()).rpartition("\n")[2].strip()


def ask(words: Sequence[str], limit_s: float, *, as_one: bool = False) -> Answer:
    """Run the words without a terminal, in an empty folder, and end all that they started.

    `as_one`: errors come among the rest.  Raises OSError where they cannot be started.
    """
    with tempfile.TemporaryDirectory(
        prefix="orchestrator-check-", ignore_cleanup_errors=True
    ) as folder:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if as_one else subprocess.PIPE,
            cwd=folder,
            env={name: text for name, text in os.environ.items() if name not in _SCREENS},
            start_new_session=True,
        )
        streams = [_Stream(each) for each in (process.stdout, process.stderr) if each]
        is_late = _ended(process, limit_s)
        said = [each.text() for each in streams]
    return Answer(process.returncode, said[0], said[1] if len(said) > 1 else "", is_late)


class _Stream:
    """What comes out of a pipe, its first part kept."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """Return it, once the pipe is at its end."""
        self._thread.join(DRAIN_S)
        if not self._thread.is_alive():
            self._pipe.close()
        return bytes(self._kept).decode("utf-8", "replace")

    def _read(self) -> None:
        with suppress(OSError, ValueError):
            while piece := os.read(self._pipe.fileno(), 1 << 16):
                self._kept += piece[: KEPT_BYTES - len(self._kept)]


def _ended(process: subprocess.Popen[bytes], limit_s: float) -> bool:
    """Wait for its end, or bring it about; return whether it was late."""
    late = threading.Event()

    def ask_to_end() -> None:
        late.set()
        _signal(process, "SIGTERM")

    timers = [
        threading.Timer(limit_s, ask_to_end),
        threading.Timer(limit_s + GRACE_S, _signal, (process, "SIGKILL")),
    ]
    for timer in timers:
        timer.daemon = True
        timer.start()
    try:
        if sys.platform == "linux":  # its id stays its own until the rest of its group is ended
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        else:
            process.wait()
    finally:
        for timer in timers:
            timer.cancel()
        for timer in timers:
            timer.join()
        _signal(process, "SIGKILL")
        process.wait()
    return late.is_set()


def _signal(process: subprocess.Popen[bytes], name: str) -> None:
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, getattr(signal, name))
