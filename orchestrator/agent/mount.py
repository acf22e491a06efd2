"""Whether the node sees the cluster's storage, and may write there (F-STOR-14).

The check may hang for ever, as a dead mount does: it has a thread of its own, and whoever asks gets
what is known.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from uuid import uuid4

from orchestrator.agent.files import now_s
from orchestrator.volume import ATTEMPTS, Trouble, Volume

CHECK_EVERY_S = 5.0
LOOK_EVERY_S = 60.0
LOOK_AGAIN_S = 15.0
"""Of a machine behind this one, which takes a connection each time: while all is well, and else."""

ANSWER_S = 15.0
"""A check that takes longer means that the storage does not answer."""

LOOK_LIMIT_S = 60.0
LOOK_FIRST_S = 10.0
"""So long a node waits for the first answer before it joins."""

WHY_CHARS_MAX = 400


class Mount:
    """Checks one storage, again and again, from `open` to `close`."""

    def __init__(
        self,
        storage: str,
        token: str,
        clock: Callable[[], float] = now_s,
        look: Sequence[str] = (),
    ) -> None:
        """`storage` as this node sees it, empty: nothing is checked; `token`: what it is known by,
        empty: any will do; `look`: words that print what a machine behind this one misses.
        """
        self._storage = storage
        self._token = token
        self._look = [
            {"{python}": sys.executable, "{storage}": storage, "{token}": token}.get(word, word)
            for word in look
        ]
        self._clock = clock
        self._since: float | None = None  #: a check is under way
        self._why = f"cluster storage {storage}: it is being checked"
        self._behind = self._why if look else ""
        self._look_at = 0.0
        self._looked = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="storage", daemon=True)

    def open(self) -> None:
        """Begin."""
        if self._storage:
            self._since = self._clock()
            self._thread.start()

    def wait(self, limit_s: float = LOOK_FIRST_S) -> None:
        """Wait until it is known of a machine behind this one whether it can work, at most so long."""
        if self._look and self._storage:
            self._looked.wait(limit_s)

    def close(self) -> None:
        """Stop, without waiting for a check that hangs."""
        self._closed.set()

    def unfit(self) -> str:
        """Return why no work can be done here, in one sentence; empty: it can.  From memory."""
        since = self._since
        if not self._storage:
            return ""
        if since is not None and self._clock() - since > ANSWER_S:
            return f"cluster storage {self._storage} does not answer; see its mount on this node"
        return self._why or self._behind

    def _watch(self) -> None:
        while not self._closed.is_set():
            self._since = self._clock()
            self._why = checked(self._storage, self._token)
            self._since = None
            if self._look and self._clock() >= self._look_at:
                self._behind = looked(self._look)
                wait_s = LOOK_AGAIN_S if self._behind else LOOK_EVERY_S
                self._look_at = self._clock() + wait_s
                self._looked.set()
            self._closed.wait(CHECK_EVERY_S)


def looked(words: Sequence[str]) -> str:
    """Return what the words print: why a machine behind this one cannot work."""
    try:
        said = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LOOK_LIMIT_S,
            check=False,
            cwd="/",
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"it cannot be looked at: {error}"
    if said.returncode:
        last = said.stderr.strip().rpartition("\n")[2]
        return f"it cannot be looked at (code {said.returncode}): {last}"[:WHY_CHARS_MAX]
    return said.stdout.strip()[:WHY_CHARS_MAX]


def checked(storage: str, token: str) -> str:
    """Return why a storage cannot be used; empty: it can.  May take for ever."""
    where = f"cluster storage {storage}"
    try:
        with Volume(storage, token) as volume:
            return _unwritable(volume, where)
    except Trouble as error:
        more = ", or say `paths` for this node" if error.is_missing else ""
        return f"{where}: {error.why}; {error.todo}{more}"


def _unwritable(volume: Volume, where: str) -> str:
    """Return why nothing can be written into an open storage; empty: it can."""
    probe = volume.at(f"{ATTEMPTS}/.probe-{uuid4().hex[:12]}")
    try:
        with suppress(FileExistsError):
            volume.make_folder(ATTEMPTS)
        file = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=volume.folder)
        os.close(file)
    except OSError as error:
        return f"{where}: it cannot be written to: {error.strerror}; see its rights and its mount"
    finally:
        with suppress(OSError):
            os.unlink(probe, dir_fd=volume.folder)
    return ""
