"""What every ledger does with the task that copies what a job reads."""

import pytest
from ledgers import batch

from orchestrator.model.work import Cause, Kind, Priority, State, Task, task_id

COPY, PROBE = "b-0001/j/copy", "b-0001/j/probe"


def copy(job):
    args = {"paths": ["/m/movie.mov"], "bytes": 7}
    return Task(id=task_id(job.id, Kind.COPY), job=job, kind=Kind.COPY, args=args, weight=2e9)


@pytest.fixture
def asked(desk):
    """A job whose copy is wanted."""
    desk.job = desk.accept(batch()).jobs[0]
    assert desk.ledger.copy(copy(desk.job))
    return desk


def test_probe_waits_for_the_copy(asked):
    assert asked.ready() == [COPY]
    assert asked.ledger.task(PROBE).needs == (COPY,)
    assert asked.ledger.task(COPY).args == {"paths": ["/m/movie.mov"], "bytes": 7}
    asked.do(COPY)
    assert asked.ready() == [PROBE]
    assert [task.id for task in asked.ledger.tasks("b-0001")] == [COPY, PROBE]


def test_copy_is_stored_once_and_not_of_a_job_that_is_over(asked):
    assert not asked.ledger.copy(copy(asked.job))
    asked.ledger.cancel("b-0001", "not wanted")
    assert not asked.ledger.copy(copy(asked.job))
    assert asked.kinds().count("copying") == 1


def test_what_of_a_plan_needs_nothing_waits_for_a_copy_that_comes_later(desk):
    job = desk.accept(batch(), probes=False).jobs[0]
    desk.plan(job)
    desk.ledger.copy(copy(job))
    assert desk.ready() == [COPY]
    desk.finish()
    assert desk.ledger.state("b-0001") is State.SUCCESSFUL


def test_copy_at_once_waits_for_no_time_no_job_and_no_priority(desk):
    first = batch(priority=Priority.MEDIUM, name="a")
    desk.accept(first)
    late = batch("i", "j", after={"j": ("i",)}, priority=Priority.LOW)
    late = desk.accept(late, not_before=desk.clock.unix + 3600)
    desk.ledger.copy(copy(late.jobs[1]), at_once=True)
    assert desk.ready() == [COPY, "a-0001/j/probe"]
    desk.do(COPY)
    assert desk.ready() == ["a-0001/j/probe"]


def test_only_jobs_that_ask_for_it_and_have_not_begun_are_copied_early(desk):
    desk.accept(batch("i", "j", "k", copy_at_submit=True))
    desk.accept(batch(name="other"))
    assert [job.name for job in desk.ledger.early()] == ["i", "j", "k"]
    desk.ledger.copy(copy(desk.ledger.early()[1]))
    desk.lease("b-0001/i/probe")
    assert [job.name for job in desk.ledger.early()] == ["k"]
    desk.ledger.cancel("b-0001", "not wanted")
    assert desk.ledger.early() == ()


def test_paused_job_is_not_copied(desk):
    job = desk.accept(batch()).jobs[0]
    desk.ledger.pause("b-0001")
    desk.ledger.copy(copy(job), at_once=True)
    assert desk.ready() == []
    desk.ledger.resume("b-0001")
    assert desk.ready() == [COPY]


def test_failed_copy_is_tried_again_as_it_was(asked):
    asked.fail(COPY)
    asked.finish()
    assert asked.ledger.state("b-0001") is State.FAILED
    asked.ledger.retry("b-0001")
    assert asked.ready() == [COPY]
    asked.finish()
    assert asked.ledger.state("b-0001") is State.SUCCESSFUL


@pytest.mark.parametrize("copied", [True, False])
def test_job_that_begins_anew_has_no_copy_any_more(asked, copied):
    if copied:
        asked.do(COPY)
        asked.do(PROBE, State.FAILED, cause=Cause.SOURCE, reason="it has changed")
    else:
        asked.do(COPY, State.FAILED, cause=Cause.SOURCE, reason="it has changed")
    asked.ledger.cancel("b-0001", "the rest")
    asked.ledger.retry("b-0001", ["b-0001/j"])
    assert asked.ready() == [PROBE]
    assert asked.ledger.task(COPY) is None
    assert asked.ledger.copy(copy(asked.job))
    assert asked.ready() == [COPY]


def test_job_that_is_planned_anew_is_copied_anew(asked):
    asked.finish(closing=False)
    asked.ledger.replan("b-0001/j", {"refers": ["/m/a.mov"]}, "it refers to another file")
    assert asked.ready() == [PROBE]
    assert asked.ledger.copy(copy(asked.job))
    asked.do(COPY)
    assert asked.ready() == [PROBE]


def test_copy_stays_where_only_the_plan_was_wrong(asked):
    asked.finish(closing=False)
    asked.ledger.replan("b-0001/j", {"deep": True}, "headers lie", keeps=True)
    assert asked.ready() == [PROBE]
    assert asked.state(COPY) is State.SUCCESSFUL
    assert asked.ledger.task(PROBE).needs == (COPY,)
    asked.finish()
    assert asked.ledger.state("b-0001") is State.SUCCESSFUL
