"""A program in a group of its own, by `posix_spawn`: quick to start.  Standard library only."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Mapping, Sequence

READ_BYTES = 256 << 10

if sys.platform != "win32":
    _OURS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
    # signals that the runner treats in its own way; a program starts with the usual one

    class Spawned:
        """A program that was started.

        Raises OSError if it cannot be, ValueError for a word with a NUL.
        """

        def __init__(self, words: Sequence[str], env: Mapping[str, str], cwd: str) -> None:
            self._output, theirs = os.pipe()
            os.set_blocking(self._output, False)
            self.is_silent = False  #: nobody can print any more
            self._reaped: int | None = None  #: its wait status, where `is_over` has to take it
            here = os.getcwd()
            try:
                os.chdir(cwd)
                self._pid = _spawn(words, env, theirs)
            except (OSError, ValueError):
                os.close(self._output)
                raise
            finally:
                os.chdir(here)
                os.close(theirs)

        def hear(self, seconds: float | None, bell: int | None) -> bytes:
            """Return what it prints next; empty when the time is over or something else happened.

            `seconds` None: no limit of time.  `bell`: a pipe that is rung when there is something
            else to do; None: nothing else counts.
            """
            poll = select.poll()
            for pipe in (bell, None if self.is_silent else self._output):
                if pipe is not None:
                    poll.register(pipe, select.POLLIN)
            ready = poll.poll(None if seconds is None else max(0.0, seconds) * 1000 + 1)
            if not any(pipe == self._output for pipe, _ in ready):
                return b""
            try:
                data = os.read(self._output, READ_BYTES)
            except BlockingIOError:
                return b""
            self.is_silent = not data
            return data

        def is_over(self) -> bool:
            """Whether it has ended; it stays a zombie, so that its group's number is its own."""
            if not hasattr(os, "waitid"):
                return self._reaped is not None or self._poll()
            return os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

        def ask_end(self) -> None:
            """Ask the program and all its children that stayed with it to end."""
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)  # a stopped one would not hear the other

        def kill(self) -> None:
            """End the program and all its children that stayed with it; none is no fault."""
            self._signal(signal.SIGKILL)

        def reap(self) -> int:
            """Return its exit code; negative: the signal that ended it."""
            status = os.waitpid(self._pid, 0)[1] if self._reaped is None else self._reaped
            return os.waitstatus_to_exitcode(status)

        def close(self) -> None:
            """Let go of its output."""
            os.close(self._output)

        def _signal(self, number: int) -> None:
            try:
                os.killpg(self._pid, number)
            except (ProcessLookupError, PermissionError):  # macOS says the second of a zombie
                return

        def _poll(self) -> bool:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self._reaped = status if pid else None
            return bool(pid)

    def _spawn(words: Sequence[str], env: Mapping[str, str], output: int) -> int:
        with open(os.devnull, "rb") as nothing:
            return os.posix_spawn(
                found(words[0], env.get("PATH", os.defpath)),
                list(words),
                dict(env),
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, output, 2),
                ],
                setsid=True,
                setsigdef=_OURS,
            )


def found(word: str, path: str) -> str:
    """Return the file that a first word means; as a shell would look for it."""
    if "/" in word:
        return word
    for folder in path.split(os.pathsep):
        file = os.path.join(folder or os.curdir, word)
        if os.path.isfile(file) and os.access(file, os.X_OK):
            return file
    raise FileNotFoundError(2, "not found on PATH", word)
