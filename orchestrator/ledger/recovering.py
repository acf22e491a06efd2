"""A ledger that is damaged gives way to the best whole copy of it; what was lost is named."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.errors import LedgerError, Refusal
from orchestrator.ledger.backups import Backups, copy_to
from orchestrator.ledger.checking import Fault, examine, mark_of
from orchestrator.ledger.connection import Connection, check_mode
from orchestrator.ledger.keeping import faults_of, witness_path
from orchestrator.ledger.migrate import SEALED_SINCE, stored_version
from orchestrator.ledger.rows import attempt_number
from orchestrator.ledger.witness import Mark, Witness
from orchestrator.system import sync_folder

UNKNOWN_ATTEMPTS = 10_000
"""Numbers left free where nobody can say how many attempts were made since the copy."""

UNKNOWN_EPOCHS = 10_000
"""Likewise of epochs: agents refuse what is below the highest they have seen."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A file that may take the ledger's place."""

    path: Path
    mark: Mark  #: how far it has come
    ledger: str  #: its id
    at: str  #: time of its last event, ISO 8601


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was done about a damaged ledger, or would be."""

    copy: Copy
    seen: Mark | None  #: by the witness; None: it is lost, too
    next_attempt: int  #: no attempt gets a number below it

    @property
    def lost(self) -> int | None:
        """How many events are lost; None: nobody can say."""
        return max(0, self.seen.seq - self.copy.mark.seq) if self.seen else None

    @property
    def epoch(self) -> int:
        """No controller had a higher one."""
        mark = self.copy.mark
        return max(mark.epoch, self.seen.epoch) if self.seen else mark.epoch + UNKNOWN_EPOCHS


def inspect(path: Path) -> tuple[Fault, ...]:
    """Return what is wrong with a ledger and its witness; nothing is written to it.

    Raises Refusal for one that others can read, LedgerError for one that cannot be opened.
    """
    check_mode(path)
    with closing(Connection(path, read_only=True)) as file, file.using() as db:
        return faults_of(db, path)


def best(path: Path, attempts: Iterable[str]) -> Recovered:
    """Return what `recover` would do; `attempts`: ids of which there are folders on storage.

    The file itself is the best copy where it is whole and only behind its witness.  Raises Refusal
    where there is no whole copy.
    """
    copies = [copy for each in (path, *Backups(path).all()) if (copy := _whole(each))]
    if not copies:
        raise Refusal(
            f"ledger {path}: neither it nor a backup of it is whole; put a whole one in its place, "
            "or move its folder away to begin anew"
        )
    copy = max(copies, key=lambda each: (each.mark.seq, each.mark.writes))
    seen = _seen(path, copy.ledger)
    return Recovered(copy, seen, _next_attempt(copy, seen, attempts))


def recover(path: Path, found: Recovered, now: datetime) -> Path:
    """Put the copy in the ledger's place; return the folder that keeps what was there.

    Who opens it next takes an epoch above all that were seen.  To be called under the `Lock`.
    """
    kept = path.parent / f"damaged-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    part = path.with_name("ledger.recovered")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        with closing(Connection(found.copy.path, read_only=True)) as source:
            copy_to(source, part)
        _raise(part, found)
        kept.mkdir(mode=0o700)
        os.link(path, kept / path.name)  # at no moment is there none: a new one would be made
        for each in (f"{path.name}-wal", f"{path.name}-shm", witness_path(path).name):
            if (there := path.with_name(each)).exists():
                there.rename(kept / each)
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise LedgerError(f"ledger {path}: {error.strerror}; nothing was recovered") from error
    return kept


def _whole(path: Path) -> Copy | None:
    """Return a file that contradicts itself nowhere, whatever its witness says."""
    try:
        with closing(Connection(path, read_only=True)) as file, file.using() as db:
            if stored_version(db) < SEALED_SINCE or next(examine(db, None), None):
                return None
            (id,) = db.execute("SELECT id FROM ledger").fetchone()
            (at,) = db.execute("SELECT coalesce(max(wall), '') FROM event").fetchone()
            return Copy(path, mark_of(db), id, at)
    except (LedgerError, sqlite3.Error, TypeError):
        return None


def _seen(path: Path, ledger: str) -> Mark | None:
    try:
        return Witness(witness_path(path), ledger).read()
    except (OSError, LedgerError):
        return None


def _next_attempt(copy: Copy, seen: Mark | None, attempts: Iterable[str]) -> int:
    """Return a number above that of every attempt there ever was (R1)."""
    with closing(Connection(copy.path, read_only=True)) as file, file.using() as db:
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'attempt'").fetchone()
    made = row[0] if row else 0
    since = max(0, seen.seq - copy.mark.seq) if seen else UNKNOWN_ATTEMPTS  # each had its event
    return max([made + since, *(attempt_number(copy.ledger, each) for each in attempts)]) + 1


def _raise(path: Path, found: Recovered) -> None:
    """Let the copy go on above all that was seen; its seal and witness are made anew."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        last = found.next_attempt - 1
        changed = db.execute(
            "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'attempt'", (last,)
        )
        if not changed.rowcount:
            db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('attempt', ?)", (last,))
        db.execute("UPDATE ledger SET epoch = ?", (found.epoch,))
        db.execute("DELETE FROM seal")
        db.execute("COMMIT")
