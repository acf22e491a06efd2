"""Who may write: one process at a time, by an exclusive lock beside the ledger."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.system import BYTES, take_lock


class Holder:
    """Who holds a lock, as it wrote itself down; prints as words for people."""

    def __init__(self, pid: int, since: str) -> None:
        self.pid = pid  #: 0: it has not written itself down yet
        self.since = since  #: ISO 8601, UTC; empty: not known

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        return f"{who} (since {self.since})" if self.since else who


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
        """Return who wrote itself down last: the one to name when `take` said False."""
        try:
            data = json.loads(self.path.read_text("utf-8"))
            return Holder(int(data["pid"]), str(data["since"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Holder(0, "")

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
    os.write(file, json.dumps({"pid": os.getpid(), "since": since}).encode())
