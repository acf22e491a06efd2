"""What can be asked of the file; nothing here writes."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from orchestrator.decide.reconcile import Attempt, Tally
from orchestrator.decide.standing import standing
from orchestrator.ledger import rows
from orchestrator.ledger.connection import Connection
from orchestrator.ledger.protocol import AttemptRecord, Event, Standing
from orchestrator.model.codec import load
from orchestrator.model.work import Batch, Job, Kind, Result, Service, State, Task, TaskId

JOBS_KEPT = 512

TASK = "SELECT task.*, args FROM task CROSS JOIN detail ON detail.task = task.number"
LINE = "WHERE task.state = 'Waiting' AND missing = 0 AND service = ?"
ORDER = "ORDER BY priority, batch, weight DESC, position"
BELOW = "({0} = ? OR {0} > ? AND {0} < ?)"

Tasks = Mapping[tuple[Kind, State], int]


class Reader:
    """Answers from two connections, so that the loop's questions never wait for a person's."""

    def __init__(self, hot: Connection, cold: Connection) -> None:
        self._hot = hot
        self._cold = cold
        self._jobs: dict[str, Job] = {}
        self._jobs_lock = threading.Lock()
        self._id, self._epoch = self._hot_rows("SELECT id, epoch FROM ledger")[0]

    @property
    def id(self) -> str:
        return str(self._id)

    @property
    def epoch(self) -> int:
        return int(self._epoch)

    # -- what the loop asks

    def next_id(self, name: str) -> str:
        last = self._hot_rows("SELECT max(serial) FROM batch WHERE name = ?", name)[0][0] or 0
        return f"{name}-{last + 1:04d}"

    def newest(self, digest: str) -> tuple[str, State] | None:
        found = self._hot_rows(
            "SELECT id, state FROM batch WHERE digest = ? ORDER BY number DESC LIMIT 1", digest
        )
        return (found[0]["id"], State(found[0]["state"])) if found else None

    def state(self, batch: str) -> State | None:
        found = self._hot_rows("SELECT state FROM batch WHERE id = ?", batch)
        return State(found[0]["state"]) if found else None

    def batch(self, id: str) -> Batch | None:
        with self._hot.using() as db:
            row = db.execute("SELECT number, body FROM batch WHERE id = ?", (id,)).fetchone()
            if row is None:
                return None
            jobs = db.execute(
                "SELECT id FROM job WHERE batch = ? ORDER BY place", (row["number"],)
            ).fetchall()
            batch = load(Batch, {**json.loads(row["body"]), "jobs": []})
            return replace(batch, jobs=tuple(self._job(db, job["id"]) for job in jobs))

    def unplanned(self) -> tuple[Job, ...]:
        with self._hot.using() as db:
            found = db.execute(
                "SELECT id FROM job WHERE state = 'Waiting' AND planned = 0 AND probed = 1"
                " AND missing = 0 ORDER BY batch, place"
            ).fetchall()
            return tuple(self._job(db, row["id"]) for row in found)

    def ready(
        self, service: Service, limit: int, now: float, kinds: frozenset[Kind] | None = None
    ) -> tuple[Task, ...]:
        asleep = f"{TASK} {LINE} AND not_before > 0 AND not_before <= ? {ORDER} LIMIT ?"
        of_kind = f"{TASK} {LINE} AND kind = ? AND not_before = 0 {ORDER} LIMIT ?"
        line = f"{TASK} {LINE} AND not_before = 0 {ORDER} LIMIT ?"
        with self._hot.using() as db:
            if kinds is None:
                found = db.execute(line, (service.value, limit)).fetchall()
                found += db.execute(asleep, (service.value, now, limit)).fetchall()
            else:
                found = []
                for kind in kinds:
                    found += db.execute(of_kind, (service.value, kind.value, limit)).fetchall()
                due = db.execute(asleep, (service.value, now, -1))
                found += [row for row in due if Kind(row["kind"]) in kinds]
            found.sort(key=_order)
            return tuple(self._task(db, row) for row in found[:limit])

    def next_change(self, now: float) -> float | None:
        asleep = (
            f"SELECT not_before FROM task {LINE} AND not_before > 0 AND not_before > ?"
            " ORDER BY not_before LIMIT 1"
        )
        found = [row for each in Service for row in self._hot_rows(asleep, each.value, now)]
        return min((row["not_before"] for row in found), default=None)

    def open_attempts(self) -> tuple[Attempt, ...]:
        found = self._hot_rows(  # by the index, or SQLite would read all history in its order
            "SELECT * FROM attempt INDEXED BY one_open_attempt WHERE closed IS NULL ORDER BY number"
        )
        return tuple(rows.attempt(row, self.id) for row in found)

    def over(self) -> tuple[Tally, ...]:
        targets = "WHERE state = 'Waiting' AND left = 0 ORDER BY job, place"
        jobs = (
            "WHERE state = 'Waiting' AND left = 0 AND planned + failed + cancelled > 0"
            " ORDER BY batch, place"
        )
        batches = "WHERE state = 'Waiting' AND left = 0 ORDER BY number"
        levels = {"target": targets, "job": jobs, "batch": batches}
        with self._hot.using() as db:
            return tuple(
                rows.tally(row, level)
                for level, where in levels.items()
                for row in db.execute(f"SELECT * FROM {level} {where}")
            )

    def task(self, id: TaskId) -> Task | None:
        with self._hot.using() as db:
            row = db.execute(f"{TASK} WHERE id = ?", (id,)).fetchone()
            return self._task(db, row) if row else None

    def results(self, tasks: Sequence[TaskId]) -> Mapping[TaskId, Result]:
        found: dict[TaskId, Result] = {}
        with self._hot.using() as db:
            for task in tasks:
                row = db.execute(
                    "SELECT done.accepted AS number, outcome FROM task AS done"
                    " JOIN attempt ON attempt.number = done.accepted WHERE id = ?",
                    (task,),
                ).fetchone()
                if row:
                    found[task] = Result(
                        attempt=rows.attempt_id(self.id, row["number"]),
                        values=rows.result_values(row["outcome"]),
                    )
        return found

    # -- what people ask

    def tasks(self, under: str) -> tuple[Task, ...]:
        where = BELOW.format("task.id")
        needs: defaultdict[int, list[TaskId]] = defaultdict(list)
        with self._cold.snapshot() as db:
            found = db.execute(
                f"{TASK} WHERE {where} ORDER BY batch, position", rows.below(under)
            ).fetchall()
            for number, need in db.execute(
                "SELECT need.task, other.id FROM task"
                " CROSS JOIN need ON need.task = task.number"
                " CROSS JOIN task AS other ON other.number = on_task"
                f" WHERE {where} ORDER BY need.task, need.place",
                rows.below(under),
            ):
                needs[number].append(need)
            return tuple(
                rows.task(row, self._job(db, row["job"]), tuple(needs[row["number"]]))
                for row in found
            )

    def attempts(self, under: str) -> tuple[AttemptRecord, ...]:
        where = BELOW.format("task")
        with self._cold.using() as db:
            found = db.execute(
                f"SELECT * FROM attempt WHERE {where} ORDER BY number", rows.below(under)
            )
            return tuple(rows.record(row, self.id) for row in found)

    def events(self, after: int = 0, limit: int = 1000) -> tuple[Event, ...]:
        with self._cold.using() as db:
            found = db.execute(
                "SELECT * FROM event WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
            )
            return tuple(rows.event(row) for row in found)

    def standings(self, batch: str | None = None) -> tuple[Standing, ...]:
        with self._cold.snapshot() as db:
            if batch is None:
                found = db.execute("SELECT * FROM batch ORDER BY number").fetchall()
                return tuple(_of_batch(row, *_tasks_of_batch(db, row["number"])) for row in found)
            row = db.execute("SELECT * FROM batch WHERE id = ?", (batch,)).fetchone()
            if row is None:
                return ()
            jobs = db.execute(
                "SELECT * FROM job WHERE batch = ? ORDER BY place", (row["number"],)
            ).fetchall()
            head = _of_batch(row, *_tasks_of_batch(db, row["number"]))
            return (head, *(part for job in jobs for part in self._of_job(db, job)))

    def _of_job(self, db: sqlite3.Connection, row: sqlite3.Row) -> Iterable[Standing]:
        """Return a job and its targets."""
        counts = _tasks_of_parts(db, row["id"])
        everything: defaultdict[tuple[Kind, State], int] = defaultdict(int)
        for tasks in counts.values():
            for key, number in tasks.items():
                everything[key] += number
        yield Standing(
            id=row["id"],
            level="job",
            name=row["name"],
            state=standing(State(row["state"]), everything, planned=bool(row["planned"])),
            reason=row["reason"],
            ended=row["ended"],
            tasks=dict(everything),
            processor=self._job(db, row["id"]).processor,
        )
        for target in db.execute("SELECT * FROM target WHERE job = ? ORDER BY place", (row["id"],)):
            yield _of_target(target, counts.get(target["id"], {}))

    def _hot_rows(self, sql: str, *values: str | float) -> list[sqlite3.Row]:
        with self._hot.using() as db:
            return db.execute(sql, values).fetchall()

    def _task(self, db: sqlite3.Connection, row: sqlite3.Row) -> Task:
        needs = db.execute(
            "SELECT id FROM need CROSS JOIN task ON task.number = on_task"
            " WHERE need.task = ? ORDER BY place",
            (row["number"],),
        )
        return rows.task(row, self._job(db, row["job"]), tuple(need["id"] for need in needs))

    def _job(self, db: sqlite3.Connection, id: str) -> Job:
        """Return a job; all its tasks share the one noun while it is among the last used."""
        if job := self._jobs.get(id):
            return job
        job = rows.job(db.execute("SELECT body FROM job WHERE id = ?", (id,)).fetchone()["body"])
        with self._jobs_lock:
            self._jobs[id] = job
            if len(self._jobs) > JOBS_KEPT:
                del self._jobs[next(iter(self._jobs))]
        return job


def _order(row: sqlite3.Row) -> tuple[int, int, float, int]:
    return row["priority"], row["batch"], -row["weight"], row["position"]


def _tasks_of_parts(db: sqlite3.Connection, job: str) -> dict[str, Tasks]:
    parts: defaultdict[str, dict[tuple[Kind, State], int]] = defaultdict(dict)
    for part, kind, state, number in db.execute(
        "SELECT part, kind, state, number FROM tally WHERE job = ? AND number > 0", (job,)
    ):
        parts[part][Kind(kind), State(state)] = number
    return dict(parts)


def _tasks_of_batch(db: sqlite3.Connection, batch: int) -> tuple[Tasks, bool]:
    """Return how many tasks of a batch are of which kind and state; whether all are planned."""
    tasks = {
        (Kind(kind), State(state)): number
        for kind, state, number in db.execute(
            "SELECT kind, tally.state, sum(number) AS number FROM job"
            " CROSS JOIN tally ON tally.job = job.id"
            " WHERE job.batch = ? GROUP BY kind, tally.state HAVING sum(number) > 0",
            (batch,),
        )
    }
    unplanned = db.execute(
        "SELECT 1 FROM job WHERE batch = ? AND state = 'Waiting' AND planned = 0", (batch,)
    ).fetchone()
    return tasks, unplanned is None


def _of_batch(row: sqlite3.Row, tasks: Tasks, planned: bool) -> Standing:
    return Standing(
        id=row["id"],
        level="batch",
        name=row["name"],
        state=standing(State(row["state"]), tasks, planned=planned),
        reason=row["reason"],
        accepted=row["accepted"],
        ended=row["ended"],
        tasks=tasks,
    )


def _of_target(row: sqlite3.Row, tasks: Tasks) -> Standing:
    return Standing(
        id=row["id"],
        level="target",
        name=row["name"],
        state=standing(State(row["state"]), tasks),
        reason=row["reason"],
        ended=row["ended"],
        destination=row["destination"],
        notes=tuple(json.loads(row["notes"])),
        tasks=tasks,
        frames=row["frames"],
        frames_done=row["frames_done"],
    )
