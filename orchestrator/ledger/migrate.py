"""The schema's version: made on day one, raised step by step, never lowered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib import resources
from pathlib import Path

from orchestrator.errors import Refusal

VERSION = 1
STEPS: Mapping[int, str] = {}
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
