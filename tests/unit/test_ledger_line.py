"""The line of the real ledger: what is next, read without reading the backlog."""

from dataclasses import replace
from itertools import pairwise

import pytest
from ledgers import Clock, Desk, batch, check, target

from orchestrator.ledger.protocol import Only
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.work import Kind, Priority, Service

STEPS_MORE = 1.2
"""So much more work, in instructions of SQLite, a line fifty times as long may cost."""

CAPPED = Only(targets=frozenset({"b-0001/j/t", "b-0003/j/t"}), kinds=frozenset(Kind))
ASKED = {
    "all": Only(),
    "of some kinds": Only(kinds=frozenset({Kind.ENCODE, Kind.PUBLISH})),
    "of active targets": CAPPED,
    "but a job": Only(passing=frozenset({"b-0009/j"})),
    "but the renders of a job": Only(unlicensed=frozenset({"b-0009/j"})),
    "none that is a segment": Only(kinds=frozenset(Kind) - {Kind.ENCODE}),
}


@pytest.fixture
def desk(tmp_path):
    clock = Clock()
    with SqliteLedger(tmp_path / "ledger.db", wall=clock) as ledger:
        yield Desk(ledger, clock)
        check(ledger)


def fill(desk: Desk, segments: int, batches: int = 4, first: int = 1) -> None:
    """Add batches with one planned target each."""
    for number in range(first, first + batches):
        (job,) = desk.accept(batch(number=number), probes=False).jobs
        desk.plan(job, segments=segments)


def cost(desk: Desk, limit: int, only: Only) -> int:
    """Return how many instructions SQLite takes for an answer."""
    steps = []
    db = desk.ledger._hot.db
    db.set_progress_handler(lambda: steps.append(1), 1)
    try:
        desk.ledger.ready(Service.RENDER, limit, desk.clock.unix, only)
    finally:
        db.set_progress_handler(None, 1)
    return len(steps)


@pytest.mark.parametrize("only", ASKED.values(), ids=ASKED)
def test_line_costs_the_same_however_long_it_is(desk, only):
    fill(desk, segments=8)
    desk.lease(*desk.ready(4))
    short = cost(desk, 3, only)
    fill(desk, segments=400, first=5)
    job = desk.accept(batch(number=99), probes=False).jobs[0]
    desk.plan(job, *(f"t{n}" for n in range(50)), segments=8)
    assert cost(desk, 3, only) < STEPS_MORE * short + 2_000
    assert cost(desk, 3, only) < 10_000


def test_no_more_batches_are_looked_for_than_turns_are_to_be_had(desk):
    fill(desk, segments=2, batches=5)
    few = cost(desk, 2, Only())
    fill(desk, segments=2, batches=60, first=6)
    assert cost(desk, 2, Only()) <= few + 10


def test_what_slept_stands_in_the_line_after_the_next_lease(desk):
    later = desk.clock.unix + 60
    (job,) = desk.accept(batch(), probes=False, not_before=later).jobs
    desk.plan(job, segments=300)
    desk.clock.unix = later
    before = cost(desk, 1, Only())
    first = desk.ready(2)
    desk.lease(*first[:1])
    assert desk.ready(1) == first[1:]
    assert cost(desk, 1, Only()) < before / 2


def test_line_goes_by_its_indexes_alone(desk):
    asked: list[str] = []
    fill(desk, segments=2)
    desk.ledger._hot.db.set_trace_callback(asked.append)
    for only in ASKED.values():
        desk.ledger.ready(Service.RENDER, 3, desk.clock.unix, only)
    desk.ledger._hot.db.set_trace_callback(None)
    lines = [sql for sql in asked if "FROM task INDEXED BY task_line" in sql]
    assert len(lines) > 20
    for sql in lines:
        plan = [row[3] for row in desk.ledger._hot.db.execute(f"EXPLAIN QUERY PLAN {sql}")]
        assert not [step for step in plan if not step.startswith("SEARCH task USING")], (sql, plan)


def test_running_tasks_count_for_the_service_they_run_on(desk):
    fill(desk, segments=3, batches=2)
    (other,) = desk.accept(batch(number=3, service=Service.COMPRESSOR), probes=False).jobs
    encode = replace(target(other).tasks[0], weight=1.0)
    desk.ledger.plan(other.id, [replace(target(other), tasks=(encode,))])
    desk.lease(*desk.ready(1, Service.COMPRESSOR))
    desk.lease("b-0001/j/t/000000/encode", "b-0001/j/t/000001/encode")
    assert [task.partition("/")[0] for task in desk.ready(3)] == ["b-0002", "b-0002", "b-0001"]


def test_priorities_never_share(desk):
    for number, priority in enumerate(
        (Priority.LOW, Priority.MEDIUM, Priority.HIGH, Priority.MEDIUM), start=1
    ):
        (job,) = desk.accept(batch(number=number, priority=priority), probes=False).jobs
        desk.plan(job, segments=3)
    turns = [task.partition("/")[0][-1] for task in desk.ready()]
    assert turns == ["3"] * 3 + ["2", "4"] * 3 + ["1"] * 3
    assert all(desk.ready(n) == desk.ready()[:n] for n in range(13))
    assert [x != y for x, y in pairwise(turns[3:9])] == [True] * 5
