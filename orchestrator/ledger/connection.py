"""A connection to the ledger's file: how it is opened, and its errors in words for people."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import LedgerDamaged, LedgerError, LedgerFull, Refusal
from orchestrator.ledger.disk import check_disk
from orchestrator.system import sync_folder

BUSY_MS = 5000
WAL_LIMIT_BYTES = 64 * 2**20
STATEMENTS_KEPT = 256

Values = Sequence[str | int | float | None]


class Connection:
    """One SQLite connection that any thread may use in turn; what goes wrong is a LedgerError."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.failed = ""  #: a sentence: its disk has failed, and nothing more is written (R13)
        with self._words():
            mode = "ro" if read_only else "rw"
            self.db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=STATEMENTS_KEPT,
            )
            self.db.row_factory = sqlite3.Row
            try:
                self._set(read_only)
            except BaseException:
                self.db.close()
                raise

    def _set(self, read_only: bool) -> None:
        execute = self.db.execute
        execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        execute("PRAGMA trusted_schema = OFF")
        execute("PRAGMA mmap_size = 0")
        execute("PRAGMA foreign_keys = ON")
        if read_only:
            execute("PRAGMA query_only = ON")
            return
        (mode,) = execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise LedgerError(
                f"ledger {self.path}: its file system cannot hold a write-ahead log; "
                "keep it on a local disk"
            )
        execute("PRAGMA synchronous = FULL")
        execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")

    @contextmanager
    def using(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection to one thread."""
        with self.lock, self._words():
            yield self.db

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Lend it for several questions about one and the same moment."""
        with self.using() as db:
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("ROLLBACK")

    @contextmanager
    def unchecked(self) -> Iterator[None]:
        """Let one thread write without a check of foreign keys: it has to know what it deletes."""
        with self.using() as db:
            db.execute("PRAGMA foreign_keys = OFF")
            try:
                yield
            finally:
                db.execute("PRAGMA foreign_keys = ON")

    def close(self) -> None:
        """Close it; twice is once."""
        with self.using() as db:
            db.close()

    @contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # ours: a closed ledger, a wrong number of values
        except UnicodeDecodeError as error:  # it cannot even say what is wrong
            raise LedgerDamaged(
                f"ledger {self.path}: it is damaged ({error}); {recovery(self.path.parent.name)}"
            ) from error
        except sqlite3.Error as error:
            said = f"ledger {self.path}: {_explain(error, self.path)}"
            kind = _kind(error)
            if kind is LedgerError and _code(error) & 0xFF == sqlite3.SQLITE_IOERR:
                self.failed = said
            raise kind(said) from error


def recovery(cluster: str) -> str:
    """Return what to do about a damaged ledger; its folder is called after its cluster."""
    return f"to see what can be saved, type: orchestrator controller recover {cluster}"


def make_file(path: Path) -> bool:
    """Create the file if there is none, for its owner's eyes only; refuse one others can read.

    Returns whether there was none.
    Raises Refusal for the mode and the file system, LedgerError where it cannot be made.
    """
    check_disk(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            sync_folder(path.parent)
        except FileExistsError:
            check_mode(path)
            return False
    except OSError as error:
        raise LedgerError(f"ledger {path}: cannot be made: {error.strerror}") from error
    return True


def check_mode(path: Path) -> None:
    """Refuse a ledger that others than its owner can read (T25).  LedgerError if there is none."""
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise LedgerError(f"ledger {path}: {error.strerror}") from error
    if mode & 0o077:
        raise Refusal(f"ledger {path}: others can read it (mode {mode:04o}); run: chmod 600 {path}")


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's code; 0: Python's module itself has raised it, as for a text that is none."""
    return int(getattr(error, "sqlite_errorcode", 0))


def _kind(error: sqlite3.Error) -> type[LedgerError]:
    code = _code(error)
    if code == sqlite3.SQLITE_IOERR_SHMSIZE or code & 0xFF == sqlite3.SQLITE_FULL:
        return LedgerFull
    if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return LedgerDamaged
    return LedgerError


def _explain(error: sqlite3.Error, path: Path) -> str:
    """Return what happened and what to do; the low byte of SQLite's code is the kind of error."""
    match _code(error) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return "the disk is full; make room on its file system: what was answered is kept"
        case sqlite3.SQLITE_IOERR:
            return f"the disk failed ({error}); check it, then start again"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "another process is writing to it; end that one and start again"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return f"{error}; file and folder must be ours to write to"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return f"it is damaged ({error}); {recovery(path.parent.name)}"
        case _:
            return f"{error}; please report this, with the file"
