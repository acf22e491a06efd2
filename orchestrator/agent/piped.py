"""A program in a group of its own, by `subprocess`: for systems that cannot wait for a pipe.

It keeps the contract of `spawned.Spawned`, on every system.  Standard library only.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence

if sys.platform == "win32":
    OWN_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    OWN_GROUP = 0

READ_BYTES = 256 << 10
LOOK_S = 0.1
"""How often we look for what wakes nobody here: an end, a request."""

AHEAD_MAX = 64
"""So many pieces of output wait to be taken; then the program waits."""


class Piped:
    """A program that was started, and a thread that drains it.

    Raises OSError if it cannot be, ValueError for a word with a NUL.
    """

    def __init__(self, words: Sequence[str], env: Mapping[str, str], cwd: str) -> None:
        self._process = subprocess.Popen(
            words,
            executable=_found(words[0], env.get("PATH", os.defpath), cwd),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            creationflags=OWN_GROUP,
        )
        self.is_silent = False
        self._said: deque[bytes] = deque()
        self._changed = threading.Condition()
        threading.Thread(target=self._drain, name="output", daemon=True).start()

    def hear(self, seconds: float | None, bell: int | None) -> bytes:
        """Return what it prints next; soon empty, for nothing else can wake us."""
        wait_s = LOOK_S if seconds is None else min(max(0.0, seconds), LOOK_S)
        with self._changed:
            if self.is_silent or not self._changed.wait_for(lambda: bool(self._said), wait_s):
                return b""
            data = self._said.popleft()
            self.is_silent = not data
            self._changed.notify_all()
        return data

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def ask_end(self) -> None:
        """Ask the group to end."""
        if sys.platform == "win32":
            os.kill(self._process.pid, signal.CTRL_BREAK_EVENT)
        else:
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the group."""
        if sys.platform == "win32":
            words = ["taskkill", "/F", "/T", "/PID", str(self._process.pid)]
            subprocess.run(words, capture_output=True, check=False)
        else:
            self._signal(signal.SIGKILL)

    def reap(self) -> int:
        """Return its exit code; negative: the signal that ended it."""
        return self._process.wait()

    def close(self) -> None:
        """Leave the output to its thread: a grandchild may hold the other end open for ever."""

    def _drain(self) -> None:
        output = self._process.stdout
        assert output is not None
        data = b"begin"
        while data:
            data = output.read(READ_BYTES)
            with self._changed:
                self._changed.wait_for(lambda: len(self._said) < AHEAD_MAX)
                self._said.append(data)
                self._changed.notify_all()
        output.close()

    if sys.platform != "win32":

        def _signal(self, number: int) -> None:
            try:
                os.killpg(self._process.pid, number)
            except (ProcessLookupError, PermissionError):
                return


def _found(word: str, path: str, cwd: str) -> str:
    """Return the file that a first word means; the system would look on our own PATH."""
    if os.path.dirname(word):
        return os.path.join(cwd, word)
    if (file := shutil.which(word, path=path)) is None:
        raise FileNotFoundError(2, "not found on PATH", word)
    return file
