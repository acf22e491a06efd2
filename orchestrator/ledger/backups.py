"""Copies of the ledger beside it: whole at the moment they were made, of seven days one each kept."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger.connection import Connection
from orchestrator.system import sync_folder

log = logging.getLogger(__name__)

KEPT = 7
"""Of so many days the last copy is kept."""

NEWEST_KEPT = 2
"""So many of the newest are kept beside: a start that fails again and again pushes none out."""

EVERY = timedelta(days=1)
START_EVERY = timedelta(hours=1)
"""At a start a copy is made, unless there is one that is not older."""

TRY_EVERY = timedelta(minutes=10)

_TIME = "%Y%m%dT%H%M%SZ"
_NAME = f"ledger-{_TIME}.db"


class Backups:
    """The copies of the ledger at `path`, in a folder for its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.parent / "backups"

    def all(self) -> tuple[Path, ...]:
        """Return the copies, newest first."""
        return tuple(sorted(self.folder.glob("ledger-*.db"), reverse=True))

    def is_due(self, now: datetime, every: timedelta = EVERY) -> bool:
        """Whether the last copy is so old, or there is none; one of the future counts for nothing."""
        return not any(made and now - every < made <= now for made in map(_made, self.all()))

    def make(self, now: datetime) -> Path:
        """Copy the ledger as it stands, while others write to it; the oldest copies go.

        Raises LedgerError.
        """
        to = self.folder / now.astimezone(UTC).strftime(_NAME)
        part = to.with_suffix(".part")
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            part.unlink(missing_ok=True)
            os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            with closing(Connection(self.path, read_only=True)) as source:
                copy_to(source, part)
            part.replace(to)
            sync_folder(self.folder)
            for old in _outdated(self.all()):
                old.unlink()
        except OSError as error:
            raise LedgerError(f"ledger backup {to}: {error.strerror}; make room there") from error
        finally:  # half a copy is of no use, and the ledger may need its room
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return to


class Copyist:
    """Makes the copies that are due, on a thread of its own; one that fails is logged."""

    def __init__(self, backups: Backups) -> None:
        self._backups = backups
        self._thread: threading.Thread | None = None
        self._tried = datetime.min.replace(tzinfo=UTC)

    def tend(self, now: datetime, *, begin: bool = False) -> None:
        """Begin a copy if one is due, `begin`: at a start; returns without waiting for it."""
        is_idle = self._thread is None or not self._thread.is_alive()
        is_time = now - self._tried >= TRY_EVERY
        every = START_EVERY if begin else EVERY
        if is_idle and is_time and self._backups.is_due(now, every):
            self._tried = now
            self._thread = threading.Thread(target=self._make, args=(now,), name="backup")
            self._thread.start()

    def close(self) -> None:
        """Wait for a copy that is being made."""
        if self._thread:
            self._thread.join()

    def _make(self, now: datetime) -> None:
        try:
            made = self._backups.make(now)
        except LedgerError as error:
            log.warning("%s", error, extra={"action": "backup_failed"})
        else:
            log.info("ledger copied to %s", made, extra={"action": "backup_made"})


def copy_to(source: Connection, to: Path) -> None:
    """Copy a ledger into an empty file, and bring it to the disk; a single file, without a log."""
    with source.using() as db, closing(sqlite3.connect(to, isolation_level=None)) as copy:
        db.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    file = os.open(to, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _outdated(copies: Sequence[Path]) -> list[Path]:
    """Return which of the copies, newest first, go: of each of the last days the last one stays."""
    days: dict[str, Path] = {}
    for each in copies:
        days.setdefault(each.name.partition("T")[0], each)
    kept = {*copies[:NEWEST_KEPT], *list(days.values())[:KEPT]}
    return [each for each in copies if each not in kept]


def _made(backup: Path) -> datetime | None:
    try:
        return datetime.strptime(backup.name, _NAME).replace(tzinfo=UTC)
    except ValueError:
        return None
