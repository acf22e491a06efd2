"""Who may write: one process at a time, by an exclusive lock beside the ledger."""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from orchestrator.errors import LedgerError
from orchestrator.system import BYTES, take_lock

WRITTEN_DOWN_S = 0.3
"""So long at most after it has taken a lock a process has written itself down."""

LOOK_S = 0.01


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock; prints as words for people."""

    pid: int  #: 0: not known
    since: str  #: ISO 8601, UTC; empty: not known
    host: str = ""  #: its computer's name; empty: not known

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        on = f" on {self.host}" if self.host else ""
        return f"{who} (since {self.since}{on})" if self.since else who


class Lock:
    """An exclusive lock that ends with its process, however that ends.

    Take it before the ledger is opened for writing and keep it as long.  Raises LedgerError where
    the file cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def take(self, *, wait: bool = False) -> bool:
        """Take the lock; False if another has it.  With `wait`, return only when it is ours."""
        try:
            while True:
                file = os.open(self.path, os.O_RDWR | os.O_CREAT | BYTES, 0o600)
                if not _taken(file, wait):
                    os.close(file)
                    return False
                if self._is_ours(file):
                    break
                os.close(file)  # it was unlinked while we waited: another may hold the new one
            self._file = file
            _write_down(file)
        except OSError as error:
            self.release()
            raise LedgerError(
                f"lock {self.path}: {error.strerror}; its folder must be ours to write to"
            ) from error
        return True

    def holder(self) -> Holder:
        """Return who has the lock: the one to name when `take` said False.

        That is who wrote itself down, as long as it lives; when it has died, a process that it left
        behind may have the lock still.
        """
        until = time.monotonic() + WRITTEN_DOWN_S
        while True:  # who has just taken it may be about to write itself down
            said, start = self._said()
            if said.pid and start == _start(said.pid):
                return said
            if time.monotonic() >= until:
                break
            time.sleep(LOOK_S)
        left = _having(self.path)
        return Holder(left, "") if left else replace(said, pid=0, since="")

    def _said(self) -> tuple[Holder, float | None]:
        """Return who wrote itself down last, and when that process started."""
        try:
            data = json.loads(self.path.read_text("utf-8"))
            holder = Holder(int(data["pid"]), str(data["since"]), str(data.get("host", "")))
            return holder, float(data["start"])
        except (OSError, ValueError, KeyError, TypeError):
            return Holder(0, ""), None

    def release(self) -> None:
        """Let go; the file stays, because who waits for it has it open."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _is_ours(self, file: int) -> bool:
        """Compare the inode that we locked with the one that others will find by the path."""
        try:
            return os.path.samestat(os.fstat(file), self.path.stat())
        except FileNotFoundError:
            return False


def _taken(file: int, wait: bool) -> bool:
    try:
        return take_lock(file, wait=wait)
    except BaseException:  # Ctrl-C while waiting
        os.close(file)
        raise


def _write_down(file: int) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    data: dict[str, object] = {"pid": os.getpid(), "since": since, "host": socket.gethostname()}
    data["start"] = _start(os.getpid())
    os.write(file, json.dumps(data).encode())


def _start(pid: int) -> float | None:
    """Return when a process started, in Unix seconds; None: there is none of that number."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def _having(path: Path) -> int:
    """Return a process of ours that has the file open, beside this one; 0: none is seen."""
    file = str(path.resolve())
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and any(
                each.path == file for each in process.open_files()
            ):
                return process.pid
    return 0
