"""What every ledger knows of attempts whose files lie on storage."""

from dataclasses import replace

from orchestrator.decide.collect import Fate
from orchestrator.ledger.protocol import Settlement
from orchestrator.model.work import Cause, Ending, Outcome, State

P, FIRST = "b-0001/j/probe", "b-0001/j/t/000000/encode"


def fate(desk, attempt):
    return desk.ledger.fates([attempt.id]).get(attempt.id)


def lose(desk, attempt):
    """Give an attempt up in silence."""
    task = desk.ledger.task(attempt.task)
    lost = replace(task, state=State.WAITING, losses=1, reason="silent", cause=Cause.LOST)
    outcome = Outcome(attempt=attempt.id, ending=Ending.LOST)
    settlement = Settlement(attempt=attempt.id, outcome=outcome, task=lost, is_awaited=True)
    desk.ledger.settle([settlement])


def test_attempt_that_runs_is_open(planned):
    (attempt,) = planned.lease(FIRST)
    assert fate(planned, attempt) == Fate(batch="b-0001", is_open=True)


def test_accepted_one_is_needed_until_its_job_is_successful(planned):
    (attempt,) = planned.lease(FIRST)
    planned.end(attempt)
    assert fate(planned, attempt) == Fate(batch="b-0001", is_needed=True)
    planned.finish()
    assert fate(planned, attempt) == Fate(batch="b-0001", over_at=planned.clock.unix)


def test_failed_one_is_needed_no_more(planned):
    (attempt,) = planned.lease(FIRST)
    planned.end(attempt, State.WAITING, tries=1, reason="exit code 1", cause=Cause.FAILED)
    assert fate(planned, attempt) == Fate(batch="b-0001")


def test_what_was_accepted_of_a_failed_job_is_needed_for_its_retry(planned):
    (attempt,) = planned.lease(FIRST)
    planned.end(attempt)
    planned.fail("b-0001/j/t/000001/encode")
    planned.finish()
    assert fate(planned, attempt) == Fate(
        batch="b-0001", over_at=planned.clock.unix, is_needed=True
    )
    planned.ledger.retry("b-0001")
    assert fate(planned, attempt) == Fate(batch="b-0001", is_needed=True)


def test_lost_one_may_come_until_another_was_accepted(planned):
    (attempt,) = planned.lease(FIRST)
    lose(planned, attempt)
    assert fate(planned, attempt) == Fate(batch="b-0001", may_come=True)
    planned.do(FIRST)
    assert fate(planned, attempt) == Fate(batch="b-0001")


def test_what_a_new_plan_dropped_is_needed_no_more(planned):
    (attempt,) = planned.lease(FIRST)
    planned.end(attempt)
    planned.ledger.replan("b-0001/j", {}, "the source has changed")
    assert fate(planned, attempt) == Fate(batch="b-0001")


def test_of_many_each_is_told_and_of_strangers_nothing(planned):
    ours = planned.ledger.id
    strangers = [f"{ours}-999999", "ffffff-000001", "lost+found", f"{ours}-x"]
    asked = [*strangers, f"{ours}-000001", *(f"{ours}-{n:06d}" for n in range(2, 1200))]
    assert planned.ledger.fates(asked).keys() == {f"{ours}-000001"}
    assert planned.ledger.fates([]) == {}
