"""A digest of every row but the events', which have their chain; it is kept with each change.

A bit that flips in a row is found by this alone: the page is whole for SQLite, and the events do
not tell every column.  The digest of a table is the exclusive or of its rows' digests, so a change
costs what it changes.  Temporary triggers call it: whoever writes to a table need not know of it.
"""

from __future__ import annotations

import sqlite3
from hashlib import blake2b

UNSEALED = frozenset({"event", "seal"})
"""Tables that stand for themselves."""


class Seal:
    """The running digest of one connection's file; one that only reads need not `follow`."""

    def __init__(self) -> None:
        self.value = 0

    def follow(self, db: sqlite3.Connection) -> None:
        """Let each row that is written from now on be counted in."""
        db.create_function("seal_row", -1, self._turn)
        db.execute("PRAGMA recursive_triggers = ON")  # what a REPLACE deletes is counted, too
        for table, columns in sealed_tables(db).items():
            new = ", ".join(f'new."{column}"' for column in columns)
            old = ", ".join(f'old."{column}"' for column in columns)
            gone, come = f"seal_row('{table}', {old})", f"seal_row('{table}', {new})"
            for verb, calls in (("INSERT", come), ("UPDATE", f"{gone}, {come}"), ("DELETE", gone)):
                db.execute(
                    f'CREATE TEMP TRIGGER "seal_{table}_{verb}" AFTER {verb} ON main."{table}"'
                    f" BEGIN SELECT {calls}; END"
                )

    def _turn(self, *row: str | float | None) -> None:
        self.value ^= _digest(row)


def whole(db: sqlite3.Connection) -> int:
    """Return the digest of the file as it is: of every row, and of the schema."""
    found = 0
    for row in db.execute("SELECT type, name, tbl_name, sql FROM main.sqlite_master"):
        found ^= _digest(("sqlite_master", *row))
    for table, columns in sealed_tables(db).items():
        names = ", ".join(f'"{column}"' for column in columns)
        for row in db.execute(f'SELECT {names} FROM main."{table}"'):
            found ^= _digest((table, *row))
    return found


def sealed_tables(db: sqlite3.Connection) -> dict[str, list[str]]:
    """Return the tables that have a seal, with their columns."""
    found = db.execute(
        "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%'"
        " ESCAPE '~' ORDER BY name"
    ).fetchall()
    return {
        name: [row[1] for row in db.execute(f'PRAGMA main.table_info("{name}")')]
        for (name,) in found
        if name not in UNSEALED
    }


def _digest(row: tuple[str | float | None, ...]) -> int:
    """Return 63 bits: as many as a column holds without a sign."""
    data = repr(row).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest()) >> 1
