"""The line: which tasks are next, the batches of one priority taking turns.

Nothing here reads the backlog.  A batch with work is found by one step in an index, no more of them
are looked for than turns are to be had, and a task is read when its turn has come.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice

from orchestrator.ledger import rows
from orchestrator.ledger.protocol import Only
from orchestrator.model.work import Kind, Service

READY = "state = 'Waiting' AND missing = 0 AND held = 0"
UNREADY = "cause = 'unready'"
AWAKE = f"{READY} AND not_before = 0"
ENTRY = "SELECT -weight, position, number FROM task"
ORDER = "ORDER BY weight DESC, position"

Entry = tuple[float, int, int]  # -weight, position, number of a task: the least is the next
Values = tuple[str | int | float, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """A part of an index in which tasks stand by priority and batch."""

    index: str
    where: str
    values: Values


@dataclass(slots=True)
class Line:
    """The tasks of one service that could go next, for one answer."""

    db: sqlite3.Connection
    service: Service
    now: float  #: Unix seconds
    only: Only
    _reading: ExitStack = field(default_factory=ExitStack)

    def first(self, limit: int) -> list[int]:
        """Return the numbers of the next tasks, in order."""
        found: list[int] = []
        with self._reading:
            running, beside = self._running(), self._beside()
            for priority in rows.PRIORITIES.values():
                left = limit - len(found)
                if left <= 0:
                    break
                lines: dict[int, Iterator[Entry]] = {}
                for batch, line in self._lines(priority, beside[priority]):
                    lines[batch] = line
                    if len(lines.keys() - running.keys()) >= left:
                        break  # with nothing that runs: of no later batch is the turn
                for batch, number in islice(in_turn(lines, running), left):
                    found.append(number)  # a copy goes before the rest of its own batch
                    running[batch] = running.get(batch, 0) + 1
        return found

    def _lines(
        self, priority: int, beside: Mapping[int, list[Iterator[Entry]]]
    ) -> Iterator[tuple[int, Iterator[Entry]]]:
        """Yield the batches of a priority that have work, in order, each with its line."""
        ranges, others = self._ranges(), sorted(beside)
        batch = -1
        while True:
            after = [self._batch_after(each, priority, batch) for each in ranges]
            after += [other for other in others if other > batch][:1]
            batch = min((each for each in after if each is not None), default=-1)
            if batch < 0:
                return
            read = [self._read(each, priority, batch) for each in ranges]
            yield batch, heapq.merge(*read, *beside.get(batch, ()))

    def _ranges(self) -> list[Range]:
        """Return where the tasks stand that are awake, but for those of certain targets."""
        kinds = self.only.kinds
        if self.only.targets is not None:  # what belongs to none is a probe or copy
            kinds = self._kinds() & {Kind.PROBE, Kind.COPY}
        if kinds is None:
            return [Range("task_line", "service = ?", (self.service.value,))]
        where = "service = ? AND kind = ?"
        return [Range("task_line_of_kind", where, (self.service.value, k.value)) for k in kinds]

    def _batch_after(self, among: Range, priority: int, batch: int) -> int | None:
        past, jobs = self._past()
        found = self.db.execute(
            f"SELECT batch FROM task INDEXED BY {among.index} WHERE {among.where}"
            f" AND priority = ? AND batch > ? AND {AWAKE}{past} ORDER BY batch LIMIT 1",
            (*among.values, priority, batch, *jobs),
        ).fetchone()
        return int(found["batch"]) if found else None

    def _read(self, among: Range, priority: int, batch: int) -> Iterator[Entry]:
        """Yield the tasks of a batch; nothing is asked before the first is wanted."""
        past, jobs = self._past()
        yield from self._entries(
            f"{ENTRY} INDEXED BY {among.index} WHERE {among.where}"
            f" AND priority = ? AND batch = ? AND {AWAKE}{past} {ORDER}",
            (*among.values, priority, batch, *jobs),
        )

    def _entries(self, sql: str, values: Values) -> Iterator[Entry]:
        cursor = self.db.execute(sql, values)
        self._reading.callback(cursor.close)
        for row in cursor:
            yield row[0], row[1], row[2]

    def _beside(self) -> defaultdict[int, defaultdict[int, list[Iterator[Entry]]]]:
        """Return by priority and batch what stands elsewhere: what slept, and certain targets."""
        found: defaultdict[int, defaultdict[int, list[Iterator[Entry]]]]
        found = defaultdict(lambda: defaultdict(list))
        for priority, batch, entries in chain(self._due(), self._of_targets()):
            found[priority][batch].append(entries)
        return found

    def _due(self) -> Iterator[tuple[int, int, Iterator[Entry]]]:
        """Yield what slept until now; the next lease wakes it."""
        targets, kinds = self.only.targets, self._kinds()
        found: defaultdict[tuple[int, int], list[Entry]] = defaultdict(list)
        for row in chain(
            self._asleep("not_before <= ?", self.now),
            self._asleep(f"not_before > ? AND {UNREADY}", self.now + rows.SLEEP_MOST_S),
        ):
            among = targets is None or row["target"] is None or row["target"] in targets
            if among and Kind(row["kind"]) in kinds:
                found[row["priority"], row["batch"]].append((row[2], row[3], row[4]))
        for (priority, batch), entries in found.items():
            yield priority, batch, iter(sorted(entries))

    def _asleep(self, where: str, at: float) -> list[sqlite3.Row]:
        past, jobs = self._past()
        return self.db.execute(
            "SELECT priority, batch, -weight, position, number, kind, target FROM task"
            f" INDEXED BY task_asleep WHERE service = ? AND {READY} AND not_before > 0"
            f" AND {where}{past}",
            (self.service.value, at, *jobs),
        ).fetchall()

    def _of_targets(self) -> Iterator[tuple[int, int, Iterator[Entry]]]:
        past, jobs = self._past()
        for target in sorted(self.only.targets or ()):
            for kind in self._kinds():
                values = (target, kind.value, self.service.value, *jobs)
                where = f"target = ? AND kind = ? AND service = ? AND {AWAKE}{past}"
                head = self.db.execute(
                    "SELECT priority, batch FROM task INDEXED BY task_line_of_target"
                    f" WHERE {where} LIMIT 1",
                    values,
                ).fetchone()
                if head:
                    sql = f"{ENTRY} INDEXED BY task_line_of_target WHERE {where} {ORDER}"
                    yield head["priority"], head["batch"], self._entries(sql, values)

    def _running(self) -> dict[int, int]:
        """Return how many instances of the service each batch has now."""
        found = self.db.execute(
            "SELECT batch, count(*) AS number FROM attempt INDEXED BY one_open_attempt"
            " CROSS JOIN task ON task.id = attempt.task"
            " WHERE closed IS NULL AND attempt.service = ? GROUP BY batch",
            (self.service.value,),
        )
        return {row["batch"]: row["number"] for row in found.fetchall()}

    def _kinds(self) -> frozenset[Kind]:
        return frozenset(Kind) if self.only.kinds is None else self.only.kinds

    def _past(self) -> tuple[str, tuple[str, ...]]:
        jobs, waiting = sorted(self.only.passing), sorted(self.only.unlicensed)
        past = f" AND job NOT IN ({_marks(jobs)})" if jobs else ""
        if waiting:
            past += f" AND NOT (kind = '{Kind.RENDER.value}' AND job IN ({_marks(waiting)}))"
        return past, (*jobs, *waiting)


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def in_turn(
    lines: Mapping[int, Iterator[Entry]], running: Mapping[int, int]
) -> Iterator[tuple[int, int]]:
    """Yield batch and task, each time of that which has the fewest running; then of the first."""
    turns = [(running.get(batch, 0), batch) for batch in lines]
    heapq.heapify(turns)
    while turns:
        number, batch = turns[0]
        entry = next(lines[batch], None)
        if entry is None:
            heapq.heappop(turns)
        else:
            heapq.heapreplace(turns, (number + 1, batch))
            yield batch, entry[2]
