"""What happened, in sentences: from real ledgers, and bounded."""

from dataclasses import dataclass, field

import pytest
from ledgers import Clock, Desk, batch

from orchestrator.decide import timeline as module
from orchestrator.decide.settle import Reach
from orchestrator.decide.timeline import timeline
from orchestrator.ledger.history import history
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.model.work import Cause, State

BATCH, JOB, ENCODE = "b-0001", "b-0001/j", "b-0001/j/t/000000/encode"


@pytest.fixture
def desk():
    clock = Clock()
    return Desk(MemoryLedger(wall=clock, boottime=lambda: 7.0), clock)


def told(desk, id):
    return [(each.kind, each.says) for each in timeline(history(desk.ledger, id), id)]


def says(desk, id):
    return [sentence for _, sentence in told(desk, id)]


def test_batch_tells_its_life_and_sums_up_what_goes_well(desk):
    desk.accept(batch())
    desk.finish()
    assert says(desk, BATCH) == [
        "accepted with 1 job, priority medium",
        "1 task given to n1, 1 result accepted",
        "planned: 1 target, 2 segments, 4 tasks",
        "4 tasks given to n1, 3 results accepted",
        f"attempt {desk.ledger.id}-000005 on n1 published it",
        "the target is Successful",
        "the job is Successful",
        "the batch is Successful",
    ]


def test_task_tells_each_step_and_what_came_before_it(desk):
    job = desk.accept(batch()).jobs[0]
    desk.do("b-0001/j/probe")
    desk.plan(job)
    first = desk.do
    first(ENCODE, State.WAITING, cause=Cause.FAILED, tries=1, reason="exit code 1: no frame")
    first(ENCODE, State.WAITING, cause=Cause.LOST, losses=1, reason="n1 was silent")
    desk.ledger.pause(JOB)
    desk.ledger.resume(JOB)
    first(ENCODE)
    id = desk.ledger.id
    assert told(desk, ENCODE) == [
        ("accepted", "accepted with 1 job, priority medium"),
        ("planned", "planned: 1 target, 2 segments, 4 tasks"),
        ("leased", f"attempt {id}-000002 given to n1"),
        (
            "failed-requeued",
            f"attempt {id}-000002 on n1 failed: exit code 1: no frame; it is tried again",
        ),
        ("leased", f"attempt {id}-000003 given to n1"),
        (
            "lost-requeued",
            f"attempt {id}-000003 on n1 was lost: n1 was silent; it is given out again",
        ),
        ("paused", "a person paused it"),
        ("resumed", "a person lets it go on"),
        ("leased", f"attempt {id}-000004 given to n1"),
        ("accepted", f"attempt {id}-000004 on n1 was accepted"),
    ]


def test_what_fell_with_a_task_is_told_of_those_that_fell_alone(desk):
    job = desk.accept(batch()).jobs[0]
    desk.do("b-0001/j/probe")
    desk.plan(job, "t", "u")
    desk.fail(ENCODE, "no frame", Reach.TARGET)
    assert any("3 tasks cancelled" in line for line in says(desk, "b-0001/j/t"))
    assert not any("cancelled" in line for line in says(desk, "b-0001/j/u"))


@dataclass
class Said:
    """An event of any kind."""

    kind: str
    wall: str = "2026-05-04T20:00:00.000+00:00"
    subject: str = JOB
    data: dict = field(default_factory=dict)


def test_what_became_of_its_files_is_told():
    events = [Said("collected", data={"attempts": 2}), Said("late-result", data={"attempt": "1-1"})]
    assert [each.says for each in timeline(events, BATCH)] == [
        "its files are gone from cluster storage: 2 attempts",
        "attempt 1-1, which was given up, came back; its result is not needed",
    ]


def test_kind_that_nobody_knows_is_told_by_its_name():
    events = [Said("blessed", data={"reason": "it is Friday"}), Said("blessed")]
    assert [each.says for each in timeline(events, BATCH)] == ["blessed: it is Friday", "blessed"]


def test_long_story_keeps_its_end_and_counts_the_rest(monkeypatch):
    monkeypatch.setattr(module, "HAPPENINGS_MAX", 10)
    events = [Said("blessed", data={"reason": str(number)}) for number in range(95)]
    first, *others = timeline(events, BATCH)
    assert first.says.startswith("85 earlier ones are left out")
    assert [each.says for each in others] == [f"blessed: {number}" for number in range(85, 95)]
