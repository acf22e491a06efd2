"""What keeps a ledger right: its seal and its witness, checked at the start and led on with it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

from orchestrator.errors import LedgerDamaged
from orchestrator.ledger.change import Change, Tip
from orchestrator.ledger.checking import Fault, examine, mark_of
from orchestrator.ledger.connection import recovery
from orchestrator.ledger.migrate import SEALED_SINCE, stored_version
from orchestrator.ledger.seal import Seal, whole
from orchestrator.ledger.witness import Mark, Witness

FAULTS_TOLD = 3


class Keeper:
    """Of one ledger that is open for writing; `check`, then `begin`, then a mark a transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seal = Seal()
        self._digest = 0  #: as last committed
        self._mark = Mark(0, 0, 0, "")  #: as last committed
        self._witness: Witness | None = None

    @property
    def writes(self) -> int:
        """How many transactions were committed."""
        return self._mark.writes

    def check(self, db: sqlite3.Connection) -> None:
        """Raise LedgerDamaged where the file contradicts itself or its witness."""
        faults = faults_of(db, self.path)
        if faults:
            said = "; ".join(fault.said for fault in faults[:FAULTS_TOLD])
            todo = recovery(self.path.parent.name)
            raise LedgerDamaged(f"ledger {self.path}: {said}; nothing was changed; {todo}")

    def begin(self, db: sqlite3.Connection) -> None:
        """Follow what is written from now on; a new or raised file gets seal and witness."""
        self._seal.follow(db)
        (id,) = db.execute("SELECT id FROM ledger").fetchone()
        self._mark = mark_of(db)
        self._witness = Witness(witness_path(self.path), id)
        row = db.execute("SELECT digest FROM seal").fetchone()
        if row:
            self._witness.go_on()
        else:
            self._witness.begin(self._mark)
            row = (whole(db),)
            db.execute("INSERT INTO seal VALUES (1, ?, ?)", (self._mark.writes, *row))
        self._seal.value = self._digest = row[0]

    def seal(self, db: sqlite3.Connection, change: Change) -> Mark:
        """Write the seal as the transaction's last statement; return how far it has come."""
        if self._seal.value == self._digest and change.tip == self._tip:
            return self._mark
        mark = Mark(self._mark.writes + 1, change.stamp.epoch, change.tip.seq, change.tip.hash)
        db.execute(
            "UPDATE seal SET writes = ?, digest = ? WHERE one = 1", (mark.writes, self._seal.value)
        )
        return mark

    def drop(self) -> None:
        """Forget what a transaction has done that was rolled back."""
        self._seal.value = self._digest

    def witness(self, mark: Mark) -> None:
        """Bring a committed transaction to the witness.  Raises LedgerError."""
        self._digest = self._seal.value
        if mark != self._mark and self._witness:
            self._mark = mark
            self._witness.write(mark)

    def close(self) -> None:
        """Let go of the witness; twice is once."""
        if self._witness:
            self._witness.close()

    @property
    def _tip(self) -> Tip:
        return Tip(self._mark.seq, self._mark.hash)


def witness_path(ledger: Path) -> Path:
    """Return where the witness of a ledger stands."""
    return ledger.with_suffix(".witness")


def faults_of(db: sqlite3.Connection, path: Path) -> tuple[Fault, ...]:
    """Return what is wrong with a file and its witness; an empty file is right without one."""
    mark, fault = None, None
    try:
        version = stored_version(db)
        if version == 0:
            there = witness_path(path)
            said = f"it is empty, and its witness {there.name} has seen events"
            return (Fault("pages", said),) if there.exists() else ()
        if version >= SEALED_SINCE:
            mark, fault = _marked(db, path)
    except sqlite3.DatabaseError as error:
        return (Fault("pages", f"its file is damaged ({error})"),)
    found = tuple(examine(db, mark))
    return (*found, fault) if fault else found


def _marked(db: sqlite3.Connection, path: Path) -> tuple[Mark | None, Fault | None]:
    """Return what the witness has seen, or what is wrong with it."""
    row = db.execute("SELECT id FROM ledger").fetchone()
    is_sealed = db.execute("SELECT 1 FROM seal").fetchone()
    try:
        mark = Witness(witness_path(path), row[0] if row else "").read()
    except FileNotFoundError:
        mark = None
        if is_sealed:
            return None, Fault("witness", f"its witness {witness_path(path).name} is gone")
    else:
        if mark is None and is_sealed:
            said = f"its witness {witness_path(path).name} is damaged, or another ledger's"
            return None, Fault("witness", said)
    if mark and not is_sealed:  # its schema was raised: who opens it now counts anew
        mark = replace(mark, writes=0)
    return mark, None
