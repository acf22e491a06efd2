"""The ledger on SQLite: one writer, WAL and FULL, so what was answered is on the disk."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from orchestrator.decide.reconcile import Attempt
from orchestrator.errors import LedgerError, Refusal
from orchestrator.ledger import attempting, closing, clusters, holding, planning, renewing, rows
from orchestrator.ledger.change import Change, Tip
from orchestrator.ledger.connection import Connection, check_mode, make_file
from orchestrator.ledger.events import Stamp
from orchestrator.ledger.looking import Reader
from orchestrator.ledger.migrate import VERSION, check_not_newer, migrate, stored_version
from orchestrator.ledger.protocol import HERE, Application, Origin, Settlement
from orchestrator.model.node import Member
from orchestrator.model.work import AttemptId, Batch, State, Target, Task
from orchestrator.system import now_s


def now_utc() -> datetime:
    """Return the wall clock's time."""
    return datetime.now(UTC)


class SqliteLedger(Reader):
    """The durable record; its methods may be called from any thread, one at a time writes.

    Who opens it for writing holds the `Lock` beside it; should two ever write, the epoch lets the
    newer one win and stops the older.  With `read_only` every writing method raises LedgerError,
    and another process may write meanwhile.

    Raises Refusal for a file that others can read or that a newer orchestrator wrote, LedgerError
    for one that cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        wall: Callable[[], datetime] = now_utc,
        boottime: Callable[[], float] = now_s,
        read_only: bool = False,
        epoch_seen: int = 0,
    ) -> None:
        self.path = path
        self._wall = wall
        self._boottime = boottime
        self._read_only = read_only
        self._epoch_seen = epoch_seen  #: by an agent: a ledger put back must not fall behind it
        self._tip = Tip()
        if read_only:
            check_mode(path)
        else:
            make_file(path)
        hot = Connection(path, read_only=read_only)
        try:
            with hot.using() as db:
                _check_schema(db, path) if read_only else self._begin(db)
            super().__init__(hot, Connection(path, read_only=True))
        except BaseException:
            hot.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._cold.close()
        self._hot.close()

    # -- batches and plans

    def accept(
        self,
        batch: Batch,
        digest: str,
        probes: Sequence[Task],
        not_before: float = 0.0,
        origin: Origin = HERE,
    ) -> None:
        with self._transaction("accept") as change:
            planning.accept(change, batch, probes, planning.Entry(digest, not_before, origin))

    def keep_key(self, key: str, body: str, batch: str) -> None:
        if self.submission(key) is None:
            with self._transaction("keep_key") as change:
                planning.keep_key(change, key, body, batch)

    def plan(self, job: str, targets: Sequence[Target]) -> None:
        with self._transaction("plan") as change:
            planning.plan(change, job, targets)

    def plan_failed(self, job: str, reason: str) -> None:
        with self._transaction("plan_failed") as change:
            closing.close_part(change, job, "job", State.FAILED, reason)

    def replan(self, job: str, changes: Mapping[str, object], reason: str) -> None:
        with self._transaction("replan") as change:
            renewing.replan(change, job, changes, reason)

    def retry(self, id: str, restart: Sequence[str] = ()) -> None:
        with self._transaction("retry") as change:
            renewing.retry(change, id, restart)

    def close_part(self, id: str, level: str, state: State, reason: str) -> None:
        with self._transaction("close_part") as change:
            closing.close_part(change, id, level, state, reason)

    # -- what a person pauses, cancels

    def pause(self, id: str, *, stop: bool = False) -> bool:
        with self._transaction("pause") as change:
            return holding.pause(change, id, stop=stop)

    def resume(self, id: str) -> bool:
        with self._transaction("resume") as change:
            return holding.resume(change, id)

    def cancel(self, id: str, reason: str) -> bool:
        with self._transaction("cancel") as change:
            return closing.cancel(change, id, reason)

    # -- the cluster

    def apply(self, application: Application) -> None:
        with self._transaction("apply") as change:
            clusters.apply(change, application)

    def pause_node(self, name: str) -> bool:
        with self._transaction("pause_node") as change:
            return clusters.pause_node(change, name)

    def resume_node(self, name: str) -> bool:
        with self._transaction("resume_node") as change:
            return clusters.resume_node(change, name)

    def node_left(self, name: str) -> bool:
        with self._transaction("node_left") as change:
            return clusters.node_left(change, name)

    # -- attempts

    def lease(self, pairs: Sequence[tuple[Task, Member]]) -> tuple[Attempt, ...]:
        if not pairs:
            return ()
        with self._transaction("lease") as change:
            return attempting.lease(change, pairs)

    def sent(self, commands: Mapping[AttemptId, str]) -> None:
        with self._transaction("sent") as change:
            change.db.executemany(
                "UPDATE attempt SET command = ? WHERE number = ?",
                [
                    (rows.clean(words), rows.attempt_number(self.id, attempt))
                    for attempt, words in commands.items()
                ],
            )

    def settle(self, settlements: Sequence[Settlement]) -> tuple[bool, ...]:
        if not settlements:
            return ()
        with self._transaction("settle") as change:
            return attempting.settle(change, settlements)

    def note(self, kind: str, subject: str, data: Mapping[str, object]) -> None:
        with self._transaction("note") as change:
            change.note(kind, subject, data)

    # -- writing

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[Change]:
        """Write in one transaction: all of it is in the file afterwards, or nothing.

        Every write comes through here, so that a test can crash before it begins, inside and after
        its COMMIT; `kind` names the method.
        """
        with self._hot.using() as db:
            if self._read_only:
                raise LedgerError(f"ledger {self.path}: it was opened for reading; {kind} refused")
            db.execute("BEGIN IMMEDIATE")
            try:
                change = self._change(db)
                yield change
                change.finish()
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            self._tip = change.tip

    def _change(self, db: sqlite3.Connection) -> Change:
        """Return what the transaction writes with, if nobody else has opened the ledger since."""
        epoch = db.execute("SELECT epoch FROM ledger").fetchone()["epoch"]
        if epoch != self._epoch:
            raise LedgerError(
                f"ledger {self.path}: another process has opened it for writing (epoch {epoch} "
                f"after our {self._epoch}); this one stops"
            )
        now = self._wall()
        stamp = Stamp(epoch, now.isoformat(timespec="milliseconds"), self._boottime())
        return Change(db, self.id, stamp, now.timestamp(), self._tip)

    def _begin(self, db: sqlite3.Connection) -> None:
        """Bring the file to our schema and take the next epoch."""
        migrate(db, self.path)
        db.execute("BEGIN IMMEDIATE")
        try:
            db.execute("INSERT INTO ledger VALUES (1, ?, 0) ON CONFLICT DO NOTHING", (new_id(),))
            row = db.execute(
                "UPDATE ledger SET epoch = max(epoch, ?) + 1 RETURNING id, epoch",
                (self._epoch_seen,),
            ).fetchone()
            self._id, self._epoch = row["id"], row["epoch"]
            last = db.execute("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1").fetchone()
            self._tip = Tip(last["seq"], last["hash"]) if last else Tip()
            change = self._change(db)
            change.note("epoch-taken", self.id, {"epoch": self._epoch})
            change.finish()
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self._tip = change.tip


def new_id() -> str:
    """Return six random hexadecimal digits."""
    return secrets.token_hex(3)


def _check_schema(db: sqlite3.Connection, path: Path) -> None:
    """Refuse to read what we cannot; reading never changes a schema."""
    found = stored_version(db)
    check_not_newer(found, path)
    if found < VERSION:
        raise Refusal(
            f"ledger {path}: schema version {found} is older than ours ({VERSION}); "
            "open it for writing once, with `orchestrator run` or `controller start`"
        )
