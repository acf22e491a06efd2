"""The ledger for verbs that only look: never in the way of a `run` that writes to it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

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
from orchestrator.errors import Refusal
from orchestrator.ledger.protocol import Ledger
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.work import AttemptId, State, TaskId

NOTHING_YET = "nothing has been run here yet"
NAMED_MAX = 10


@contextmanager
def reading(where: Layout) -> Iterator[Ledger]:
    """Lend the ledger for reading.  Raises Refusal where nothing has been run yet."""
    if not where.ledger.exists():
        raise Refusal(f"{where.root.parent}: {NOTHING_YET}; start with: orchestrator run FILE")
    with SqliteLedger(where.ledger, read_only=True) as ledger:
        yield ledger


def check_id(ledger: Ledger, id: str) -> None:
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
        file = os.open(where.root / "ledger.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # ends with the file, at once
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def several(ledger: Ledger, where: Layout, ended_max: int | None) -> tuple[list[Data], int]:
    """Return the active batches and the last `ended_max` others, and how many are left out."""
    every = ledger.standings()
    ended = [each.id for each in every if each.state.is_final]
    out = set() if ended_max is None else set(ended[: max(0, len(ended) - ended_max)])
    return [batch_data(sheet(ledger, where, s.id)) for s in every if s.id not in out], len(out)


def one(ledger: Ledger, where: Layout, id: str) -> Data:
    """Return the batch, job, target, segment or task called `id`, with what is below it."""
    whole = sheet(ledger, where, id.partition("/")[0])
    part = next((each for each in whole.standings if each.id == id), None)
    if part is not None and part.level == "batch":
        return tree_data(whole)
    if part is not None and part.level == "job":
        return job_data(whole, part)
    tries = ledger.attempts(id)
    tasks = [task_data(each, tries) for each in ledger.tasks(id)]
    if part is not None:
        return {**target_data(whole, part), "tasks": tasks}
    return {"id": id, "status": joint(tasks), "tasks": tasks}


def sheet(ledger: Ledger, where: Layout, batch: str) -> Sheet:
    """Return how a batch stands; its id is one that the ledger knows."""
    body = ledger.batch(batch)
    if body is None:
        raise Refusal(f"{batch!r}: no such batch")
    standings = ledger.standings(batch)
    failed = any(state is State.FAILED for _, state in standings[0].tasks)
    return Sheet(
        batch=body,
        standings=standings,
        logs=_logs(ledger, where, batch) if failed else {},
        sent_by=_owner(where.ledger),
        now=datetime.now(UTC).astimezone(),
    )


def _logs(ledger: Ledger, where: Layout, batch: str) -> dict[TaskId, str]:
    failed = {task.id for task in ledger.tasks(batch) if task.state is State.FAILED}
    tries = (each for each in ledger.attempts(batch) if each.task in failed)
    return {each.task: str(log_path(where.storage, each.id)) for each in tries}


def log_path(storage: Path, attempt: AttemptId) -> Path:
    """Return where the log of an attempt stands on cluster storage."""
    return storage / "attempts" / attempt / "log"


def _owner(file: Path) -> str:
    """Return whose ledger it is: nobody else can submit to this computer."""
    try:
        return file.owner()
    except KeyError:  # a container may know no name for its user
        return str(file.stat().st_uid)


def _near(id: str, known: list[str]) -> str:
    if close := get_close_matches(id, known, n=3):
        return f"did you mean {' or '.join(close)}?"
    newest = known[-NAMED_MAX:]
    return f"there are: {', '.join(newest)}" if newest else NOTHING_YET
