"""Hearing the progress lines of all runners of one spool.

What they write to outlives agents: a runner opens it anew for every line, and finds whoever listens.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from orchestrator.model.work import AttemptId

Heard = Callable[[AttemptId, str], None]

CLOSE_S = 1.0
READ_BYTES = 1 << 16
LOOK_S = 0.5
"""How often a file is read that nobody rings a bell for."""

FILE_BYTES_MAX = 1 << 20
"""Then what was heard is forgotten."""


class FileEar:
    """A file that runners add lines to: where there are no FIFOs with a name."""

    def __init__(self, path: Path, heard: Heard) -> None:
        self._path, self._heard = path, heard
        path.write_bytes(b"")
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="progress", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        self._thread.join(CLOSE_S)

    def _listen(self) -> None:
        rest, at = b"", 0
        while not self._closed.wait(LOOK_S):
            with suppress(OSError):
                data = self._read(at)
                at += len(data)
                rest = hear(rest + data, self._heard)
                if at > FILE_BYTES_MAX and not data:
                    os.truncate(self._path, 0)
                    at = 0

    def _read(self, at: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(at)
            return file.read(READ_BYTES)


if sys.platform == "win32":
    Ear = FileEar
else:

    class FifoEar:
        """A FIFO."""

        def __init__(self, path: Path, heard: Heard) -> None:
            if not path.is_fifo():  # a copy of the folder may have left a file in its place
                path.unlink(missing_ok=True)
                os.mkfifo(path, 0o600)
            self._heard = heard
            self._pipe = os.open(path, os.O_RDWR)  # a writer of our own: it never ends by itself
            self._closed = False
            self._thread = threading.Thread(target=self._listen, name="progress", daemon=True)
            self._thread.start()

        def close(self) -> None:
            """Stop listening."""
            self._closed = True
            os.write(self._pipe, b"\n")
            self._thread.join(CLOSE_S)
            os.close(self._pipe)

        def _listen(self) -> None:
            rest = b""
            while not self._closed:
                rest = hear(rest + os.read(self._pipe, READ_BYTES), self._heard)

    Ear = FifoEar


def hear(data: bytes, heard: Heard) -> bytes:
    """Tell the whole lines in `data`; return the rest."""
    *lines, rest = data.split(b"\n")
    for line in lines:
        attempt, tab, text = line.decode("utf-8", "replace").partition("\t")
        if tab:
            heard(attempt, text)
    return rest
