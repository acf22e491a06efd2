"""The schema's version: made on day one, raised step by step, never lowered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib import resources
from pathlib import Path

from orchestrator.errors import Refusal

VERSION = 4

SEALED_SINCE = 3
"""From this version on a ledger has a seal, and a witness beside it."""

_HOLDS_AND_CLIENTS = """
ALTER TABLE batch ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE batch ADD COLUMN sent_by TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
CREATE INDEX batch_open ON batch (number) WHERE state = 'Waiting';
DROP INDEX task_line;
DROP INDEX task_line_of_kind;
DROP INDEX task_asleep;
CREATE INDEX task_line ON task (service, priority, batch, weight DESC, position, job)
  WHERE state = 'Waiting' AND missing = 0 AND held = 0 AND not_before = 0;
CREATE INDEX task_line_of_kind ON task (service, kind, priority, batch, weight DESC, position, job)
  WHERE state = 'Waiting' AND missing = 0 AND held = 0 AND not_before = 0;
CREATE INDEX task_asleep ON task (service, not_before)
  WHERE state = 'Waiting' AND missing = 0 AND held = 0 AND not_before > 0;
CREATE TABLE hold (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE paused_node (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE leaving_node (name TEXT PRIMARY KEY, node TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE submission (
  key TEXT PRIMARY KEY, digest TEXT NOT NULL, batch TEXT NOT NULL, at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE applied (
  number INTEGER PRIMARY KEY, revision TEXT NOT NULL, at TEXT NOT NULL, "commit" TEXT NOT NULL,
  sheets TEXT NOT NULL, cluster TEXT NOT NULL
) STRICT;
"""

_WHEN_WORK_MAY_RUN = """
CREATE TABLE seal (
  one INTEGER PRIMARY KEY CHECK (one = 1), writes INTEGER NOT NULL, digest INTEGER NOT NULL
) STRICT;
ALTER TABLE attempt ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
CREATE INDEX attempt_node ON attempt (node);
CREATE TABLE quarantine (
  node TEXT PRIMARY KEY, why TEXT NOT NULL, forgiven INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE anchor (
  one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE TABLE series (name TEXT PRIMARY KEY, serial INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE notice (
  number INTEGER PRIMARY KEY, body TEXT NOT NULL, told TEXT NOT NULL
) STRICT;
CREATE TABLE noticed (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL) STRICT;
CREATE INDEX task_line_of_target ON task (target, kind, weight DESC, position)
  WHERE state = 'Waiting' AND missing = 0 AND held = 0 AND not_before = 0;
INSERT INTO noticed SELECT 1, coalesce(max(seq), 0) FROM event;
"""

_GATES = """
CREATE TABLE gate (
  id TEXT PRIMARY KEY, why TEXT NOT NULL, open INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
"""

STEPS: Mapping[int, str] = {1: _HOLDS_AND_CLIENTS, 2: _WHEN_WORK_MAY_RUN, 3: _GATES}
"""Version -> the SQL that leads from it to the next one."""


def migrate(
    db: sqlite3.Connection, path: Path, version: int = VERSION, steps: Mapping[int, str] = STEPS
) -> None:
    """Bring the file to `version`: all steps in one transaction, after a backup beside it.

    An empty file gets the schema.  Raises Refusal for a file of a newer version.
    """
    found = stored_version(db)
    check_not_newer(found, path, version)
    if found == version:
        return
    if found == 0:
        script = (resources.files(__package__) / "schema.sql").read_text("utf-8")
        _run(db, _statements(script), VERSION)
        found = VERSION
    if found < version:
        _backup(db, path.with_name(f"{path.name}.version-{found}"))
        scripts = (steps[number] for number in range(found, version))
        _run(db, (s for script in scripts for s in _statements(script)), version)


def stored_version(db: sqlite3.Connection) -> int:
    """Return the file's schema version; 0: it is empty."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def check_not_newer(found: int, path: Path, version: int = VERSION) -> None:
    """Refuse a file that a newer orchestrator has written (exit 2)."""
    if found > version:
        raise Refusal(
            f"ledger {path}: schema version {found} is newer than ours ({version}); "
            "use the orchestrator that wrote it, or a newer one"
        )


def _run(db: sqlite3.Connection, statements: Iterator[str], version: int) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements:
            db.execute(statement)
        if version >= SEALED_SINCE:
            db.execute("DELETE FROM seal")  # who opens it makes another
        db.execute(f"PRAGMA user_version = {version}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """Yield a script's statements; `executescript` would commit before it begins."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _backup(db: sqlite3.Connection, to: Path) -> None:
    to.touch(mode=0o600)
    with closing(sqlite3.connect(to)) as copy:
        db.backup(copy)
