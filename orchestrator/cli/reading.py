"""Records for verbs that only look: never in the way of a `run` that writes to its ledger."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from orchestrator.cli import ownhours
from orchestrator.cli.board import (
    Data,
    Sheet,
    batch_data,
    job_data,
    joint,
    target_data,
    task_data,
    tree_data,
)
from orchestrator.cli.options import Layout
from orchestrator.client.client import Client
from orchestrator.errors import Refusal
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.record import AttemptRecord, Standing
from orchestrator.model.work import AttemptId, Batch, Result, State, Task, TaskId
from orchestrator.system import is_locked

NOTHING_YET = "nothing has been run here yet"
NAMED_MAX = 10


class Records(Protocol):
    """What verbs that look read: a ledger, or a cluster that is asked for its own."""

    def state(self, batch: str) -> State | None:
        """Return how a batch stands; None: there is none of that id."""

    def batch(self, id: str) -> Batch | None:
        """Return a batch as accepted."""

    def standings(self, batch: str | None = None) -> tuple[Standing, ...]:
        """Return all batches, or one with its jobs and targets: parents before children."""

    def tasks(self, under: str) -> tuple[Task, ...]:
        """Return the tasks whose id is `under` or below it, in order."""

    def attempts(self, under: str) -> tuple[AttemptRecord, ...]:
        """Return the attempts of the tasks at or below `under`, oldest first."""

    def results(self, tasks: Sequence[TaskId]) -> Mapping[TaskId, Result]:
        """Return the accepted results of those that have one."""

    def paused(self, under: str = "") -> tuple[str, ...]:
        """Return the ids at or below `under` that a person has paused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where is looked: records, and what is around them."""

    records: Records
    storage: Path  #: cluster storage, as its controller sees it
    spool: Path | None = None  #: of the agent of this computer, if the records are its own
    client: Client | None = None  #: of the cluster, where there is one: it has the logs
    mine: bool = False  #: of the cluster's batches only those that were sent from here
    sent_by: str = ""  #: of batches that do not say
    worked_on: bool = True  #: whether a controller works on them now
    shut: str = ""  #: how long this computer is closed, if the records are its own


def storage_of(where: Layout, ledger: SqliteLedger) -> Path:
    """Return where the files of a ledger lie: where its cluster's manifest says, else beside it."""
    stands = ledger.applied()
    return Path(stands.cluster.storage) if stands and stands.cluster.storage else where.storage


@contextmanager
def reading(where: Layout) -> Iterator[Source]:
    """Lend the ledger for reading.  Raises Refusal where nothing has been run yet."""
    if not where.ledger.exists():
        raise Refusal(f"{where.root.parent}: {NOTHING_YET}; start with: orchestrator run FILE")
    with SqliteLedger(where.ledger, read_only=True) as ledger:
        yield Source(
            records=ledger,
            storage=storage_of(where, ledger),
            spool=where.spool,
            sent_by=_owner(where.ledger),
            worked_on=is_worked_on(where),
            shut=ownhours.shut(where),
        )


def check_id(ledger: Records, id: str) -> None:
    """Refuse an id that names no batch, job, target, segment or task; say which are near."""
    batches = [each.id for each in ledger.standings()]
    batch = id.partition("/")[0]
    if batch not in batches:
        raise Refusal(f"{id!r}: no such batch; {_near(batch, batches)}")
    parts = [each.id for each in ledger.standings(batch)]
    if id in parts:
        return
    tasks = [task.id for task in ledger.tasks(batch)]
    if not any(task == id or task.startswith(f"{id}/") for task in tasks):
        raise Refusal(f"{id!r}: there is no such part; {_near(id, [*parts, *tasks])}")


def is_worked_on(where: Layout) -> bool:
    """Whether a `run` holds the lock of this ledger."""
    try:
        file = os.open(where.root / "ledger.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        return is_locked(file)
    finally:
        os.close(file)


def several(source: Source, ended_max: int | None) -> tuple[list[Data], int]:
    """Return the active batches and the last `ended_max` others, and how many are left out."""
    every = (
        source.client.batches(mine=True)
        if source.client and source.mine
        else source.records.standings()
    )
    ended = [each.id for each in every if each.state.is_final]
    out = set() if ended_max is None else set(ended[: max(0, len(ended) - ended_max)])
    return [batch_data(sheet(source, s.id)) for s in every if s.id not in out], len(out)


def one(source: Source, id: str) -> Data:
    """Return the batch, job, target, segment or task called `id`, with what is below it."""
    whole = sheet(source, id.partition("/")[0])
    part = next((each for each in whole.standings if each.id == id), None)
    if part is not None and part.level == "batch":
        return tree_data(whole)
    if part is not None and part.level == "job":
        return job_data(whole, part)
    tries = source.records.attempts(id)
    tasks = [task_data(each, tries) for each in source.records.tasks(id)]
    if part is not None:
        return {**target_data(whole, part), "tasks": tasks}
    return {"id": id, "status": joint(tasks), "tasks": tasks}


def sheet(source: Source, batch: str) -> Sheet:
    """Return how a batch stands; its id is one that the records know."""
    body = source.records.batch(batch)
    if body is None:
        raise Refusal(f"{batch!r}: no such batch")
    standings = source.records.standings(batch)
    failed = any(state is State.FAILED for _, state in standings[0].tasks)
    return Sheet(
        batch=body,
        standings=standings,
        logs=_logs(source, batch) if failed else {},
        sent_by=standings[0].sent_by or source.sent_by,
        now=datetime.now(UTC).astimezone(),
    )


def _logs(source: Source, batch: str) -> dict[TaskId, str]:
    records = source.records
    failed = {task.id for task in records.tasks(batch) if task.state is State.FAILED}
    tries = (each for each in records.attempts(batch) if each.task in failed)
    return {each.task: str(log_path(source.storage, each.id)) for each in tries}


def log_path(storage: Path, attempt: AttemptId) -> Path:
    """Return where the log of an attempt stands on cluster storage."""
    return storage / "attempts" / attempt / "log"


def _owner(file: Path) -> str:
    """Return whose ledger it is: nobody else can submit to this computer."""
    if sys.platform == "win32":
        return getpass.getuser()
    try:
        return file.owner()
    except KeyError:  # a container may know no name for its user
        return str(file.stat().st_uid)


def _near(id: str, known: list[str]) -> str:
    if close := get_close_matches(id, known, n=3):
        return f"did you mean {' or '.join(close)}?"
    newest = known[-NAMED_MAX:]
    return f"there are: {', '.join(newest)}" if newest else NOTHING_YET
