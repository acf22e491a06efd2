"""The ledger on SQLite: one writer, WAL and FULL, so what was answered is on the disk."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from orchestrator.decide.reconcile import Attempt
from orchestrator.errors import LedgerError, Refusal
from orchestrator.ledger import (
    attempting,
    blaming,
    closing,
    clusters,
    compacting,
    events,
    holding,
    outbox,
    planning,
    renewing,
    rows,
)
from orchestrator.ledger.change import Change, Tip
from orchestrator.ledger.connection import Connection, check_mode, make_file
from orchestrator.ledger.events import Stamp
from orchestrator.ledger.keeping import Keeper
from orchestrator.ledger.looking import Reader
from orchestrator.ledger.migrate import VERSION, check_not_newer, migrate, stored_version
from orchestrator.ledger.protocol import HERE, Application, Event, Origin, Settlement
from orchestrator.model.node import Label, Member
from orchestrator.model.notice import Letter
from orchestrator.model.work import AttemptId, Batch, Outcome, Priority, State, Target, Task
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
        is_new = False
        if read_only:
            check_mode(path)
        else:
            is_new = make_file(path)
        self._keeper = Keeper(path)
        hot = Connection(path, read_only=read_only)
        try:
            with hot.using() as db:
                _check_schema(db, path) if read_only else self._begin(db, is_new)
            super().__init__(hot, Connection(path, read_only=True))
        except BaseException:
            hot.close()
            self._keeper.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._cold.close()
        self._hot.close()
        self._keeper.close()

    @property
    def writes(self) -> int:
        """How many transactions there were since it was made or last recovered."""
        return self._keeper.writes

    @property
    def failed(self) -> str:
        """Why nothing more is written: the disk has failed (R13); empty: it has not."""
        return self._hot.failed

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

    def copy(self, task: Task, *, at_once: bool = False) -> bool:
        with self._transaction("copy") as change:
            return planning.copy(change, task, at_once=at_once)

    def plan_failed(self, job: str, reason: str) -> None:
        with self._transaction("plan_failed") as change:
            closing.close_part(change, job, "job", State.FAILED, reason)

    def replan(
        self, job: str, changes: Mapping[str, object], reason: str, *, keeps: bool = False
    ) -> None:
        with self._transaction("replan") as change:
            renewing.replan(change, job, changes, reason, keeps=keeps)

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

    def reprioritize(self, batch: str, priority: Priority) -> bool:
        with self._transaction("reprioritize") as change:
            return planning.reprioritize(change, batch, priority)

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

    # -- what people are to be told

    def noticed(self) -> int:
        with self._cold.using() as db:
            return outbox.noticed(db)

    def news(
        self, after: int, kinds: frozenset[str], limit: int = 1000
    ) -> tuple[int, tuple[Event, ...]]:
        with self._cold.using() as db:
            return outbox.news(db, after, kinds, limit)

    def post(self, letters: Sequence[Letter], upto: int) -> None:
        with self._transaction("post") as change:
            outbox.post(change, letters, upto)

    def outbox(self, limit: int = 1000) -> tuple[Letter, ...]:
        with self._cold.using() as db:
            return outbox.outbox(db, limit)

    def told(self, numbers: Sequence[int], way: str) -> None:
        with self._transaction("told") as change:
            outbox.told(change, numbers, way)

    def drop(self, numbers: Sequence[int]) -> None:
        with self._transaction("drop") as change:
            outbox.drop(change, numbers)

    # -- attempts

    def lease(self, pairs: Sequence[tuple[Task, Member]]) -> tuple[Attempt, ...]:
        if not pairs:
            return ()
        with self._transaction("lease") as change:
            planning.wake(change)
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

    def salvage(self, finds: Sequence[tuple[Label, Outcome]], told: Mapping[str, object]) -> int:
        """Take results that storage proves, needs first, and note what was `recovered`.

        Returns how many were taken; the others' tasks are over, or gone.
        """
        with self._transaction("salvage") as change:
            change.note(events.RECOVERED, change.ledger, told)
            return sum(self._salvage(change, *find) for find in finds)

    def set_aside(self, node: str, why: str) -> bool:
        with self._transaction("set_aside") as change:
            return blaming.set_aside(change, node, why)

    def take_back(self, node: str, why: str) -> bool:
        with self._transaction("take_back") as change:
            return blaming.take_back(change, node, why)

    def note(self, kind: str, subject: str, data: Mapping[str, object]) -> None:
        with self._transaction("note") as change:
            change.note(kind, subject, data)

    def compact(self, before: str) -> bool:
        with self._hot.unchecked(), self._transaction("compact") as change:
            return compacting.compact(change, before)

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
            if self._hot.failed:
                raise LedgerError(self._hot.failed)
            with self._written(db) as change:
                yield change

    @contextmanager
    def _written(self, db: sqlite3.Connection) -> Iterator[Change]:
        """Write in a transaction; after its COMMIT and before anybody is answered it is witnessed."""
        db.execute("BEGIN IMMEDIATE")
        try:
            change = self._change(db)
            yield change
            change.finish()
            mark = self._keeper.seal(db, change)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            self._keeper.drop()
            raise
        self._tip = change.tip
        try:
            self._keeper.witness(mark)
        except LedgerError as error:
            self._hot.failed = str(error)
            raise

    def _salvage(self, change: Change, label: Label, outcome: Outcome) -> bool:
        task = self.task(label.task)
        if task is None or task.state.is_final:
            return False
        settlement = Settlement(
            attempt=label.attempt,
            outcome=outcome,
            task=replace(task, state=State.SUCCESSFUL, reason="", cause=None),
            accepted=True,
            is_late=True,
        )
        return attempting.salvage(change, label, task.job.service.value, settlement)

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

    def _begin(self, db: sqlite3.Connection, is_new: bool) -> None:
        """Check the file, bring it to our schema and take the next epoch."""
        check_not_newer(stored_version(db), self.path)
        if not is_new or stored_version(db):  # a log that was left may fill a new file
            self._keeper.check(db)
        migrate(db, self.path)
        db.execute("INSERT INTO ledger VALUES (1, ?, 0) ON CONFLICT DO NOTHING", (new_id(),))
        self._id, self._epoch = db.execute("SELECT id, epoch FROM ledger").fetchone()
        last = db.execute("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1").fetchone()
        self._tip = Tip(*last) if last else Tip()
        self._keeper.begin(db)
        with self._written(db) as change:
            self._epoch = max(change.stamp.epoch, self._epoch_seen) + 1
            db.execute("UPDATE ledger SET epoch = ?", (self._epoch,))
            change.stamp = replace(change.stamp, epoch=self._epoch)
            change.note("epoch-taken", self.id, {"epoch": self._epoch})


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
