"""Whether a ledger is right: its pages, its chain, its witness, its seal, and what its rows say.

Nothing is put right here: what contradicts itself is named, and a person decides.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.ledger.change import Tip
from orchestrator.ledger.compacting import anchor
from orchestrator.ledger.events import Row, Stamp
from orchestrator.ledger.fold import Told, hear, job_of
from orchestrator.ledger.migrate import SEALED_SINCE, stored_version
from orchestrator.ledger.seal import whole
from orchestrator.ledger.witness import Mark
from orchestrator.model.work import State

NAMED_MAX = 3
"""So many of a kind are named; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, by which rule."""

    rule: str  #: of the invariants, as I7; else what it is about: pages, chain, witness, rows
    said: str


_QUESTIONS: tuple[tuple[str, str, str], ...] = (
    (
        "I1",
        "task {0} is {1} and has {2} accepted attempts",
        "SELECT task.id, state, (SELECT count(*) FROM attempt"
        "  WHERE attempt.number = task.accepted AND attempt.task = task.id AND attempt.accepted)"
        " AS found FROM task WHERE found <> (state = 'Successful')",
    ),
    (
        "I4",
        "task {0} is {1} and has {2} open attempts",
        "SELECT task.id, state, (SELECT count(*) FROM attempt"
        "  WHERE attempt.task = task.id AND closed IS NULL) AS found FROM task"
        " WHERE found <> (state = 'Processing')",
    ),
    (
        "I10",
        "job {0} says that {1} of its tasks are left, and {2} are",
        "SELECT id, left, (SELECT count(*) FROM task WHERE task.job = job.id"
        "  AND task.state IN ('Waiting', 'Processing', 'Hold')) AS found"
        " FROM job WHERE left <> found",
    ),
    (
        "I3",
        "attempt {0} was made, and the next may be number {1} again",
        "SELECT max(attempt.number) AS made, seq FROM attempt JOIN sqlite_sequence"
        " ON name = 'attempt' GROUP BY seq HAVING made > seq",
    ),
)
"""Rule, sentence, and the rows that break it: they fill the sentence."""


def examine(db: sqlite3.Connection, mark: Mark | None) -> Iterator[Fault]:
    """Yield what is wrong with a file, of whatever version; `mark`: its witness has seen that.

    Read in one transaction; a connection in autocommit mode is wanted.
    """
    db.execute("BEGIN")
    try:
        found = list(_pages(db))
        if not found:  # whose pages are damaged may say anything
            found = list(_contents(db, mark))
    except (sqlite3.DatabaseError, ValueError) as error:  # a page or a text that cannot be read
        found = [Fault("pages", f"its file is damaged ({error})")]
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
    yield from found


def mark_of(db: sqlite3.Connection) -> Mark:
    """Return how far a file has come."""
    writes = db.execute("SELECT writes FROM seal").fetchone()
    epoch = db.execute("SELECT epoch FROM ledger").fetchone()
    last = db.execute("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    seq, hash = tuple(last) if last else (0, "")
    return Mark(writes[0] if writes else 0, epoch[0] if epoch else 0, seq, hash)


def _pages(db: sqlite3.Connection) -> Iterator[Fault]:
    for (said,) in db.execute(f"PRAGMA integrity_check({NAMED_MAX})"):
        if said != "ok":
            yield Fault("pages", f"its file is damaged ({said.splitlines()[-1]})")


def _contents(db: sqlite3.Connection, mark: Mark | None) -> Iterator[Fault]:
    is_sealed = stored_version(db) >= SEALED_SINCE
    told = Told()
    broken = _chain(db, anchor(db) if is_sealed else Tip(), told)
    if broken:
        yield broken
    if not is_sealed:
        return
    if mark:
        yield from _witnessed(db, mark)
    row = db.execute("SELECT digest FROM seal").fetchone()
    if row and row[0] != whole(db):
        yield Fault("rows", "rows of it were changed by something else than their owner")
    for rule, said, question in _QUESTIONS:
        yield from _named(Fault(rule, said.format(*each)) for each in db.execute(question))
    if not broken:
        yield from _told(db, told)


def _chain(db: sqlite3.Connection, last: Tip, told: Told) -> Fault | None:
    """Follow the chain from `last` on and take in what it tells, up to its first fault."""
    epoch = attempt = 0
    for row in db.execute(
        "SELECT seq, epoch, wall, boottime, kind, subject, data, hash FROM event ORDER BY seq"
    ):
        seq, stamp, (kind, subject, text) = row[0], Stamp(*row[1:4]), row[4:7]
        if seq != last.seq + 1:
            return Fault("I7", f"event {last.seq + 1} is missing; the next one is event {seq}")
        if Row(seq, stamp, kind, subject, text).hash(last.hash) != row[7]:
            return Fault(
                "I7", f"event {seq} does not follow from event {last.seq}: one of them was changed"
            )
        if stamp.epoch < epoch:
            return Fault("I11", f"event {seq} is of epoch {stamp.epoch}, after one of {epoch}")
        data = json.loads(text)
        if kind == "leased":
            if told.steps.get(job_of(subject), {}).get(subject) is State.SUCCESSFUL:
                return Fault("I2", f"event {seq} gives out {subject}, which was accepted before")
            number = int(data["attempt"].rpartition("-")[2])  # as text the millionth came first
            if number <= attempt:
                return Fault("I3", f"event {seq} uses attempt {data['attempt']} again")
            attempt = number
        last, epoch = Tip(seq, row[7]), stamp.epoch
        hear(told, kind, subject, data)
    return None


def _witnessed(db: sqlite3.Connection, mark: Mark) -> Iterator[Fault]:
    """Hold the end of the chain against the witness: it may be behind, never ahead."""
    here = mark_of(db)
    if here.seq < mark.seq:
        yield Fault(
            "witness",
            f"it ends with event {here.seq}, and its witness has seen event {mark.seq}: "
            f"{mark.seq - here.seq} events are lost",
        )
    elif here.writes < mark.writes or here.epoch < mark.epoch:
        yield Fault("witness", f"what was written after event {here.seq} is lost")
    elif (hash := _hash_at(db, mark.seq)) is not None and hash != mark.hash:
        yield Fault("witness", f"event {mark.seq} is another one than its witness has seen")


def _hash_at(db: sqlite3.Connection, seq: int) -> str | None:
    """Return the hash of an event; None: it was compacted away."""
    if seq == 0:
        return ""
    row = db.execute("SELECT hash FROM event WHERE seq = ?", (seq,)).fetchone()
    if row is None:
        last = anchor(db)
        return last.hash if last.seq == seq else None
    return str(row[0])


def _told(db: sqlite3.Connection, told: Told) -> Iterator[Fault]:
    """Hold the rows against what the events tell."""
    tasks = {row[0]: row[1] for row in db.execute("SELECT id, state FROM task")}
    parts = {
        row[0]: row[1]
        for level in ("batch", "job", "target")
        for row in db.execute(f"SELECT id, state FROM {level}")
    }
    yield from _differing("task", tasks, {id: state.value for id, state in told.tasks.items()})
    yield from _differing("part", parts, {id: state.value for id, state in told.all_parts.items()})
    holds = {row[0] for row in db.execute("SELECT id FROM hold")}
    if wrong := holds ^ told.holds:
        yield Fault("I7", f"{min(wrong)} is paused by its row or by the events, not by both")
    nodes = {row[0] for row in db.execute("SELECT name FROM paused_node")}
    if wrong := nodes ^ told.paused_nodes:
        yield Fault("I7", f"node {min(wrong)} is paused by its row or by the events, not by both")


def _differing(level: str, rows: Mapping[str, str], told: Mapping[str, str]) -> Iterator[Fault]:
    if rows == told:
        return
    yield from _named(
        Fault(
            "I7",
            f"{level} {id} is {rows.get(id, 'not there')} by its row and "
            f"{told.get(id, 'not there')} by the events",
        )
        for id in sorted(rows.keys() | told.keys())
        if rows.get(id) != told.get(id)
    )


def _named(faults: Iterator[Fault]) -> Iterator[Fault]:
    """Yield the first faults of a kind, and how many more there are."""
    last, more = None, 0
    for number, last in enumerate(faults):
        if number < NAMED_MAX:
            yield last
        else:
            more += 1
    if last and more:
        yield Fault(last.rule, f"and {more} more of this kind")
