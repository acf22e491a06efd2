"""A ledger that is damaged gives way to the best whole copy of it; what was lost is named."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from orchestrator.errors import LedgerError, Refusal
from orchestrator.ledger.backups import Backups, copy_to
from orchestrator.ledger.checking import Fault, examine, mark_of
from orchestrator.ledger.connection import Connection, check_mode
from orchestrator.ledger.events import BEHIND, RECOVERED
from orchestrator.ledger.keeping import faults_of, witness_path
from orchestrator.ledger.migrate import SEALED_SINCE, stored_version
from orchestrator.ledger.rows import attempt_number
from orchestrator.ledger.witness import Mark, Witness
from orchestrator.model.node import Label
from orchestrator.system import sync_folder

UNKNOWN_ATTEMPTS = 10_000
"""Numbers left free where nobody can say how many attempts were made since the copy."""

ATTEMPTS_MAX = 10**15
"""A folder with a higher number was made by nobody of ours; it must not use the numbers up."""

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
    seen: Mark | None  #: by the witness, or by a node; None: it is lost, too
    next_attempt: int  #: no attempt gets a number below it
    epoch_told: int = 0  #: the highest that a folder on storage names
    is_mixed: bool = False  #: it was opened after it had been put back, and has events of its own

    @property
    def lost(self) -> int | None:
        """How many events are lost; None: nobody can say."""
        if self.seen is None or self.is_mixed:
            return None
        return max(0, self.seen.seq - self.copy.mark.seq)

    @property
    def epoch(self) -> int:
        """No controller had a higher one."""
        mark = self.copy.mark
        seen = self.seen.epoch if self.seen else mark.epoch + UNKNOWN_EPOCHS
        return max(mark.epoch, seen, self.epoch_told)


def inspect(path: Path) -> tuple[Fault, ...]:
    """Return what is wrong with a ledger and its witness; nothing is written to it.

    Raises Refusal for one that others can read, LedgerError for one that cannot be opened.
    """
    if not path.exists() and Backups(path).all():
        return (Fault("pages", "its file is gone"),)
    check_mode(path)
    with closing(Connection(path, read_only=True)) as file, file.using() as db:
        found = faults_of(db, path)
        lost = () if found or stored_version(db) < SEALED_SINCE else tuple(_behind(db))
    said = (f"node {each['node']!r} was given work by event {each['seq']}" for each in lost)
    return (*found, *(Fault("witness", f"{each}, which it does not have") for each in said))


def best(path: Path) -> Copy:
    """Return the newest whole copy of a ledger.  Raises Refusal where there is none.

    That is the file itself where it is whole and only behind its witness, or behind what nodes
    were given.
    """
    files = (path, _part(path), *Backups(path).all())
    copies = [copy for each in files if (copy := _whole(each))]
    if not copies:
        raise Refusal(
            f"ledger {path}: neither it nor a backup of it is whole; put a whole one in its place, "
            "or move its folder away to begin anew"
        )
    return max(copies, key=lambda each: (each.mark.seq, each.mark.writes))


def reckon(
    path: Path, copy: Copy, attempts: Iterable[str], labels: Iterable[Label] = ()
) -> Recovered:
    """Return what `recover` would do with a copy of the ledger at `path`.

    `attempts`: ids of which there are folders on storage; `labels`: of those folders.
    """
    seen = _seen(copy, path)
    told = [each.epoch for each in labels if each.attempt.startswith(f"{copy.ledger}-")]
    lacking = _lacking(copy)
    told += [epoch for _, epoch in lacking]
    number = _next_attempt(copy, seen, attempts)
    return Recovered(copy, seen, number, max(told, default=0), is_mixed=bool(lacking))


def recover(path: Path, found: Recovered, now: datetime) -> Path:
    """Put the copy in the ledger's place; return the folder that keeps what was there.

    Who opens it next takes an epoch above all that were seen.  To be called under the `Lock`.
    """
    part = _part(path)
    try:
        if found.copy.path != part:  # else who did this before was killed between
            part.unlink(missing_ok=True)
            part.touch(mode=0o600)
            with closing(Connection(found.copy.path, read_only=True)) as source:
                copy_to(source, part)
        _raise(part, found)
        kept = _new_folder(path.parent, f"damaged-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
        if path.exists():  # at no moment is there none: a new one would be made
            os.link(path, kept / path.name)
        for each in (f"{path.name}-wal", f"{path.name}-shm", witness_path(path).name):
            if (there := path.with_name(each)).exists():
                there.rename(kept / each)
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise LedgerError(f"ledger {path}: {error.strerror}; nothing was recovered") from error
    return kept


def _new_folder(within: Path, name: str) -> Path:
    for number in count():
        folder = within / (f"{name}-{number}" if number else name)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            return folder
    raise AssertionError  # `count` never ends


def _part(path: Path) -> Path:
    """Return where the copy stands until it takes the ledger's place."""
    return path.with_name("ledger.recovered")


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


def _seen(copy: Copy, path: Path) -> Mark | None:
    """Return how far the ledger had come, by its witness and by what nodes were given."""
    try:
        mark = Witness(witness_path(path), copy.ledger).read()
    except (OSError, LedgerError):
        return None
    if mark:
        seqs, epochs = zip((mark.seq, mark.epoch), *_lacking(copy), strict=True)
        mark = replace(mark, seq=max(seqs), epoch=max(epochs))
    return mark


def _lacking(copy: Copy) -> list[tuple[int, int]]:
    """Return sequence number and epoch of each lease that a node was given and it lacks."""
    with closing(Connection(copy.path, read_only=True)) as file, file.using() as db:
        return [(int(each["seq"]), int(each["epoch"])) for each in _behind(db)]


def _behind(db: sqlite3.Connection) -> Sequence[dict[str, Any]]:  # JSON of the events
    """Return the leases that it was found to lack since it was recovered last."""
    found = db.execute(
        "SELECT data FROM event WHERE kind = ?1 AND seq >"
        " (SELECT coalesce(max(seq), 0) FROM event WHERE kind = ?2) ORDER BY seq",
        (BEHIND, RECOVERED),
    )
    return [json.loads(data) for (data,) in found]


def _next_attempt(copy: Copy, seen: Mark | None, attempts: Iterable[str]) -> int:
    """Return a number above that of every attempt there ever was (R1)."""
    with closing(Connection(copy.path, read_only=True)) as file, file.using() as db:
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'attempt'").fetchone()
    made = row[0] if row else 0
    since = max(0, seen.seq - copy.mark.seq) if seen else UNKNOWN_ATTEMPTS  # each had its event
    lacked = max((seq for seq, _ in _lacking(copy)), default=0)  # what it wrote since is its own
    told = (attempt_number(copy.ledger, each) for each in attempts)
    return max(made + since, made + lacked, *(each for each in told if each < ATTEMPTS_MAX), 0) + 1


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
