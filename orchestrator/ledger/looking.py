"""What can be asked of the file; nothing here writes."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from orchestrator.decide.collect import Fate
from orchestrator.decide.reconcile import Attempt, Tally
from orchestrator.decide.standing import standing
from orchestrator.ledger import blaming, compacting, fates, rows, standings
from orchestrator.ledger.connection import Connection
from orchestrator.ledger.line import READY, UNREADY, Line
from orchestrator.ledger.protocol import (
    ANY,
    Application,
    AttemptRecord,
    Event,
    Only,
    Overdue,
    Standing,
)
from orchestrator.model.cluster import Node
from orchestrator.model.codec import load
from orchestrator.model.work import (
    AttemptId,
    Batch,
    Job,
    Kind,
    Result,
    Service,
    State,
    Task,
    TaskId,
)

JOBS_KEPT = 512

TASK = "SELECT task.*, args FROM task CROSS JOIN detail ON detail.task = task.number"
_TARGETS = (
    "SELECT target.*, coalesce(gate.why, '') AS gate FROM target"
    " LEFT JOIN gate ON gate.id = target.id AND gate.open = 0 WHERE job = ? ORDER BY place"
)
BELOW = "({0} = ? OR {0} > ? AND {0} < ?)"


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
        here = self._hot_rows("SELECT max(serial) FROM batch WHERE name = ?", name)[0][0] or 0
        gone = self._hot_rows("SELECT max(serial) FROM series WHERE name = ?", name)[0][0] or 0
        last = max(here, gone)
        return f"{name}-{last + 1:04d}"

    def newest(self, digest: str) -> tuple[str, State] | None:
        found = self._hot_rows(
            "SELECT id, state FROM batch WHERE digest = ? ORDER BY number DESC LIMIT 1", digest
        )
        return (found[0]["id"], State(found[0]["state"])) if found else None

    def state(self, batch: str) -> State | None:
        found = self._hot_rows("SELECT state FROM batch WHERE id = ?", batch)
        return State(found[0]["state"]) if found else None

    def submission(self, key: str) -> tuple[str, str] | None:
        found = self._hot_rows("SELECT batch, digest FROM submission WHERE key = ?", key)
        return (found[0]["batch"], found[0]["digest"]) if found else None

    def paused(self, under: str = "") -> tuple[str, ...]:
        where = "WHERE id = ? OR id > ? AND id < ?" if under else ""
        asked = rows.below(under) if under else ()
        found = self._hot_rows(f"SELECT id FROM hold {where} ORDER BY id", *asked)
        return tuple(row["id"] for row in found)

    def applied(self) -> Application | None:
        found = self._hot_rows("SELECT * FROM applied ORDER BY number DESC LIMIT 1")
        return rows.application(found[0]) if found else None

    def paused_nodes(self) -> frozenset[str]:
        return frozenset(row["name"] for row in self._hot_rows("SELECT name FROM paused_node"))

    def leaving_nodes(self) -> tuple[Node, ...]:
        return tuple(map(rows.node, self._hot_rows("SELECT node FROM leaving_node ORDER BY name")))

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

    def early(self) -> tuple[Job, ...]:
        with self._hot.using() as db:
            found = db.execute(
                "SELECT job.id FROM batch INDEXED BY batch_open CROSS JOIN job"
                " ON job.batch = batch.number WHERE batch.state = 'Waiting'"
                " AND json_extract(batch.body, '$.copy_at_submit')"
                " AND job.state = 'Waiting' AND planned = 0"
                " AND NOT EXISTS (SELECT 1 FROM task WHERE task.job = job.id"
                "  AND (kind = 'copy' OR state <> 'Waiting'))"
                " ORDER BY job.batch, job.place"
            ).fetchall()
            return tuple(self._job(db, row["id"]) for row in found)

    def ready(
        self,
        service: Service,
        limit: int,
        now: float,
        only: Only = ANY,
    ) -> tuple[Task, ...]:
        one = f"{TASK} WHERE task.number = ?"
        with self._hot.using() as db:
            numbers = Line(db, service, now, only).first(limit)
            found = [db.execute(one, (number,)).fetchone() for number in numbers]
            return tuple(self._task(db, row) for row in found)

    def next_change(self, now: float) -> float | None:
        asleep = (
            f"SELECT not_before FROM task WHERE service = ? AND {READY} AND not_before > 0"
            f" AND not_before > ? AND NOT ({UNREADY} IS TRUE AND not_before > ?)"
            " ORDER BY not_before LIMIT 1"
        )
        times = (now, now + rows.SLEEP_MOST_S)
        found = [row for each in Service for row in self._hot_rows(asleep, each.value, *times)]
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

    def owner(self, batch: str) -> str | None:
        found = self._hot_rows("SELECT owner FROM batch WHERE id = ?", batch)
        return str(found[0]["owner"]) if found else None

    def unfinished(self) -> int:
        found = self._hot_rows("SELECT count(*) AS number FROM batch WHERE state = 'Waiting'")
        return int(found[0]["number"])

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

    def overdue(self, ids: Collection[AttemptId]) -> Mapping[AttemptId, Overdue]:
        with self._hot.using() as db:
            return blaming.overdue(db, self.id, ids)

    def awaited(self, tasks: Collection[TaskId]) -> Mapping[TaskId, tuple[str, ...]]:
        with self._hot.using() as db:
            return blaming.awaited(db, tasks)

    def unready(self, waits: int, limit: int) -> tuple[Task, ...]:
        asleep = f"{READY} AND not_before > 0 AND cause = 'unready' AND waits >= ?"
        with self._cold.using() as db:
            found = db.execute(
                f"{TASK} WHERE {asleep} ORDER BY batch, position LIMIT ?", (waits, limit)
            ).fetchall()
            return tuple(self._task(db, row) for row in found)

    def node_attempts(self, node: str, limit: int) -> tuple[AttemptRecord, ...]:
        with self._hot.using() as db:
            return blaming.node_attempts(db, self.id, node, limit)

    def quarantined(self) -> Mapping[str, str]:
        found = self._hot_rows("SELECT node, why FROM quarantine WHERE why <> ''")
        return {row["node"]: row["why"] for row in found}

    def attempt(self, id: AttemptId) -> AttemptRecord | None:
        with self._cold.using() as db:
            number = rows.attempt_number(self.id, id)
            row = db.execute("SELECT * FROM attempt WHERE number = ?", (number,)).fetchone()
            return rows.record(row, self.id) if row else None

    def fates(self, attempts: Sequence[AttemptId]) -> Mapping[AttemptId, Fate]:
        ours = [id for id in attempts if id.startswith(f"{self.id}-")]
        with self._cold.using() as db:
            return fates.read(db, self.id, ours)

    def events(self, after: int = 0, limit: int = 1000, under: str = "") -> tuple[Event, ...]:
        above = rows.lineage(under)[:-1]
        marks = ", ".join("?" * len(above))
        where = f" AND ({BELOW.format('subject')} OR subject IN ({marks}))" if under else ""
        about = (*rows.below(under), *above) if under else ()
        with self._cold.using() as db:
            found = db.execute(
                f"SELECT * FROM event WHERE seq > ?{where} ORDER BY seq LIMIT ?",
                (after, *about, limit),
            )
            return tuple(rows.event(row) for row in found)

    def anchor(self) -> tuple[int, str]:
        with self._cold.using() as db:
            last = compacting.anchor(db)
            return last.seq, last.hash

    def standings(self, batch: str | None = None) -> tuple[Standing, ...]:
        with self._cold.snapshot() as db:
            holds = {row["id"] for row in db.execute("SELECT id FROM hold")}
            if batch is None:
                found = db.execute("SELECT * FROM batch ORDER BY number").fetchall()
                return tuple(
                    standings.of_batch(row, *standings.tasks_of_batch(db, row["number"]), holds)
                    for row in found
                )
            row = db.execute("SELECT * FROM batch WHERE id = ?", (batch,)).fetchone()
            if row is None:
                return ()
            jobs = db.execute(
                "SELECT * FROM job WHERE batch = ? ORDER BY place", (row["number"],)
            ).fetchall()
            head = standings.of_batch(row, *standings.tasks_of_batch(db, row["number"]), holds)
            return (head, *(part for job in jobs for part in self._of_job(db, job, holds)))

    def _of_job(
        self, db: sqlite3.Connection, row: sqlite3.Row, holds: set[str]
    ) -> Iterable[Standing]:
        """Return a job and its targets."""
        counts = standings.tasks_of_parts(db, row["id"])
        everything: defaultdict[tuple[Kind, State], int] = defaultdict(int)
        for tasks in counts.values():
            for key, number in tasks.items():
                everything[key] += number
        yield Standing(
            id=row["id"],
            level="job",
            name=row["name"],
            state=standing(
                State(row["state"]),
                everything,
                planned=bool(row["planned"]),
                paused=rows.is_held(row["id"], holds),
                stuck=standings.is_stuck(db, everything, "job = ?", row["id"]),
            ),
            reason=row["reason"],
            ended=row["ended"],
            tasks=dict(everything),
            processor=self._job(db, row["id"]).processor,
        )
        for target in db.execute(_TARGETS, (row["id"],)):
            tasks = counts.get(target["id"], {})
            where = "job = ? AND target = ?"
            stuck = standings.is_stuck(db, tasks, where, row["id"], target["id"])
            yield standings.of_target(target, tasks, stuck, holds)

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
