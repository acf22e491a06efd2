"""What every ledger does with words that come late, and with nodes that cannot be trusted."""

from dataclasses import replace

import pytest
from ledgers import NODE, batch

from orchestrator.decide.settle import rework
from orchestrator.ledger.protocol import Reach, Settlement
from orchestrator.model.node import Member
from orchestrator.model.work import Cause, Ending, Outcome, State

P, Q, R = "b-0001/j/probe", "b-0001/j/t/000000/encode", "b-0001/j/t/000001/encode"
OTHER = Member("n2", "life-1")


def lease(desk, task, node=NODE):
    (attempt,) = desk.ledger.lease([(desk.ledger.task(task), node)])
    return attempt


def lose(desk, attempt, *, to=State.WAITING, is_awaited=True):
    """Give an attempt up; its node may still tell of it."""
    task = desk.ledger.task(attempt.task)
    settlement = Settlement(
        attempt=attempt.id,
        outcome=Outcome(attempt=attempt.id, ending=Ending.LOST, why="silent"),
        task=replace(task, state=to, losses=task.losses + 1, reason="silent", cause=Cause.LOST),
        is_awaited=is_awaited,
    )
    assert desk.ledger.settle([settlement]) == (True,)


def hear(desk, attempt, *, accepted=True, **result):
    """Settle the late word of an attempt; return whether it was waited for."""
    outcome = Outcome(attempt=attempt.id, ending=Ending.EXITED, exit_code=0, result=result)
    task = replace(desk.ledger.task(attempt.task), state=State.SUCCESSFUL)
    late = Settlement(
        attempt=attempt.id, outcome=outcome, task=task, accepted=accepted, is_late=True
    )
    return desk.ledger.settle([late]) == (True,)


# -- late words


def test_only_what_was_given_up_in_silence_is_overdue(planned):
    silent, gone = lease(planned, Q), lease(planned, R)
    assert planned.ledger.overdue([silent.id, gone.id]) == {}
    lose(planned, silent)
    lose(planned, gone, is_awaited=False)
    found = planned.ledger.overdue([silent.id, gone.id, "x-000001", "no id"])
    assert {id: (each.attempt, each.is_wanted) for id, each in found.items()} == {
        silent.id: (silent, True)
    }


def test_late_result_takes_the_place_of_the_attempt_that_replaced_it(planned):
    first = lease(planned, Q)
    lose(planned, first)
    second = lease(planned, Q, OTHER)
    assert hear(planned, first, frames=10)
    assert planned.state(Q) is State.SUCCESSFUL
    assert planned.ledger.results([Q])[Q].attempt == first.id
    assert planned.ledger.results([Q])[Q].values == {"frames": 10}
    assert planned.ledger.open_attempts() == ()
    assert planned.ledger.attempt(second.id).cause == "cancelled"
    assert planned.ledger.attempt(first.id).accepted
    event = planned.ledger.events()[-1]
    assert (event.kind, event.data["late"], event.data["attempts"]) == (
        "accepted",
        True,
        [second.id],
    )
    assert not planned.end(second)  # its own word changes nothing any more


@pytest.mark.parametrize("to", [State.WAITING, State.HOLD])
def test_late_result_counts_before_anything_replaced_it(planned, to):
    first = lease(planned, Q)
    lose(planned, first, to=to)
    assert hear(planned, first)
    planned.finish()
    assert planned.ledger.state("b-0001") is State.SUCCESSFUL


def test_late_result_of_what_is_done_already_is_counted_once(planned):
    first = lease(planned, Q)
    lose(planned, first)
    planned.do(Q)
    (found,) = planned.ledger.overdue([first.id]).values()
    assert not found.is_wanted
    assert hear(planned, first)
    assert not hear(planned, first)
    assert planned.kinds().count("late-result") == 1
    assert planned.ledger.results([Q])[Q].attempt != first.id


def test_late_result_that_was_refused_is_not_looked_at_again(planned):
    first = lease(planned, Q)
    lose(planned, first)
    assert hear(planned, first, accepted=False)
    assert planned.ledger.overdue([first.id]) == {}
    assert planned.state(Q) is State.WAITING


def test_late_result_of_an_earlier_plan_is_nobodys(planned):
    first = lease(planned, Q)
    lose(planned, first)
    planned.ledger.replan("b-0001/j", {"deep": True}, "another look")
    planned.do(P)
    planned.plan(planned.ledger.batch("b-0001").jobs[0])
    assert planned.ledger.overdue([first.id]) == {}
    assert not hear(planned, first)
    assert planned.state(Q) is State.WAITING


def test_late_result_with_arguments_of_before_is_nobodys(planned):
    first = lease(planned, Q)
    lose(planned, first)
    planned.do(Q, State.WAITING, args={"depth": 2}, reason="smaller")
    assert planned.ledger.overdue([first.id]) == {}


# -- what is held


def test_held_task_leaves_its_batch_on_hold_once_nothing_else_is_left(planned):
    planned.do(Q, State.HOLD, cause=Cause.POISON, reason="it kills nodes")
    standing = {part.id: part.state for part in planned.ledger.standings("b-0001")}
    assert standing["b-0001/j/t"] is State.PROCESSING or standing["b-0001/j/t"] is State.WAITING
    planned.do(R)
    assert set(planned.states("b-0001").values()) == {State.HOLD}
    assert planned.ledger.state("b-0001") is State.WAITING
    planned.ledger.retry("b-0001")
    planned.finish()
    assert planned.ledger.state("b-0001") is State.SUCCESSFUL


def test_batch_with_another_job_to_do_is_not_on_hold(desk):
    desk.accept(batch("a", "c", "d", after={"d": ("c",)}))
    desk.do("b-0001/a/probe", State.HOLD, cause=Cause.LOST, reason="lost 10 times")
    assert desk.states("b-0001")["b-0001"] is not State.HOLD
    desk.do("b-0001/c/probe")  # it is to be planned
    assert desk.states("b-0001")["b-0001"] is not State.HOLD
    desk.finish()
    assert desk.states("b-0001") == {
        "b-0001": State.HOLD,
        "b-0001/a": State.HOLD,
        "b-0001/c": State.SUCCESSFUL,
        "b-0001/c/t": State.SUCCESSFUL,
        "b-0001/d": State.SUCCESSFUL,
        "b-0001/d/t": State.SUCCESSFUL,
    }


# -- nodes


def causes(desk, node=NODE):
    return [record.cause for record in desk.ledger.node_attempts(node.node, 10)]


def end(desk, task, cause, node=NODE):
    attempt = lease(desk, task, node)
    desk.end(attempt, State.WAITING, cause=cause, reason="no")


def test_attempts_of_a_node_come_newest_first_and_only_its_own(planned):
    end(planned, Q, Cause.FAILED)
    end(planned, R, Cause.LOST, OTHER)
    end(planned, R, Cause.CRASHED)
    lease(planned, Q)
    assert causes(planned) == ["crashed", "failed", ""]
    assert [r.cause for r in planned.ledger.node_attempts("n1", 1)] == ["crashed"]
    assert planned.ledger.node_attempts("n1", 1)[0].incarnation == "life-1"
    assert causes(planned, OTHER) == ["lost"]


def test_failure_of_a_task_that_fails_elsewhere_too_speaks_against_nobody(planned):
    end(planned, Q, Cause.FAILED)
    end(planned, Q, Cause.CRASHED, OTHER)
    assert (causes(planned), causes(planned, OTHER)) == ([""], [])


def test_node_is_not_blamed_for_a_task_that_kills_nodes(planned):  # F31
    end(planned, Q, Cause.LOST)
    end(planned, R, Cause.LOST)
    planned.end(lease(planned, Q), State.HOLD, cause=Cause.POISON, reason="it kills nodes")
    assert causes(planned) == ["lost", ""]


def test_node_is_set_aside_once_and_taken_back_once(planned):
    end(planned, Q, Cause.FAILED)
    ledger = planned.ledger
    assert not ledger.take_back("n1", "nothing to take back")
    assert ledger.set_aside("n1", "it fails")
    assert not ledger.set_aside("n1", "it fails")
    assert ledger.quarantined() == {"n1": "it fails"}
    assert ledger.take_back("n1", "a person resumed it")
    assert not ledger.take_back("n1", "a person resumed it")
    assert (ledger.quarantined(), causes(planned)) == ({}, [])  # and what was is forgiven
    end(planned, Q, Cause.CRASHED)
    assert causes(planned) == ["crashed"]
    told = [(event.kind, event.subject) for event in ledger.events()[-4:]]
    assert ("quarantined", "n1") in told
    assert ("quarantine-ended", "n1") in told


def test_task_that_was_unready_for_long_is_found(planned):
    later = planned.clock.unix + 30
    planned.do(Q, State.WAITING, cause=Cause.UNREADY, waits=7, reason="full", not_before=later)
    planned.do(R, State.WAITING, cause=Cause.UNREADY, waits=6, reason="full", not_before=later)
    assert [task.id for task in planned.ledger.unready(7, 5)] == [Q]
    assert [task.id for task in planned.ledger.unready(1, 1)] == [Q]


def test_what_was_given_up_in_silence_is_awaited_until_its_word_comes(planned):  # P3, R4
    attempt = lease(planned, Q)
    lose(planned, attempt)
    lose(planned, lease(planned, R), is_awaited=False)
    assert planned.ledger.awaited([Q, R]) == {Q: ("n1",)}
    assert hear(planned, attempt, accepted=False)
    assert planned.ledger.awaited([Q, R]) == {}
    lease(planned, R, OTHER)
    assert planned.ledger.pause("b-0001", stop=True)
    assert planned.ledger.awaited([Q, R]) == {R: ("n2",)}
    (gone,) = (a for a in planned.ledger.attempts(R) if a.node == "n2")
    (found,) = planned.ledger.overdue([gone.id]).values()
    assert (found.is_wanted, found.is_cancelled) == (False, True)
    assert planned.ledger.resume("b-0001")
    again = lease(planned, R)
    assert hear(planned, found.attempt, accepted=False)  # its end is confirmed
    assert planned.ledger.awaited([Q, R]) == {}
    assert planned.ledger.overdue([gone.id]) == {}
    assert planned.kinds()[-1] == "late-result"
    assert planned.end(again)


# -- acceptances that are taken back


def withdraw(desk, task, to=State.WAITING, **keys):
    """Take back the acceptance of a task; return whether it had that attempt."""
    (attempt,) = (r.id for r in desk.ledger.attempts(task) if r.accepted)
    after = replace(
        desk.ledger.task(task), state=to, tries=1, cause=Cause.FAILED, reason="it was changed"
    )
    outcome = Outcome(attempt=attempt, ending=Ending.LOST)
    back = Settlement(attempt=attempt, outcome=outcome, task=after, is_withdrawn=True, **keys)
    assert desk.ledger.settle([back, back]) == (True, False)  # twice is once
    return attempt


def test_changed_result_is_done_again_and_no_other(planned):  # T21
    planned.do(Q)
    planned.do(R)
    join = "b-0001/j/t/assemble"
    planned.do(join, State.WAITING, cause=Cause.UNREADY, reason="a segment was changed")
    first = withdraw(planned, R)
    assert planned.ready() == [R]
    assert (planned.ledger.task(R).tries, planned.ledger.task(R).reason) == (1, "it was changed")
    assert list(planned.ledger.results([Q, R])) == [Q]
    (target,) = (p for p in planned.ledger.standings("b-0001") if p.level == "target")
    assert target.frames_done == 10
    assert planned.kinds()[-1] == "withdrawn"
    assert planned.ledger.awaited([R]) == {}
    record = planned.ledger.attempt(first)
    assert (record.accepted, record.cause) == (False, "cancelled")
    planned.do(R)
    assert planned.ready() == [join]
    planned.finish()
    assert planned.ledger.state("b-0001") is State.SUCCESSFUL


def test_changed_result_without_a_try_left_fails_its_target(planned):  # T21
    planned.do(Q)
    planned.do(R)
    withdraw(planned, R, State.FAILED, reach=Reach.TARGET)
    planned.finish()
    assert planned.ledger.state("b-0001") is State.FAILED


def test_result_that_is_wanted_otherwise_is_done_again_with_other_arguments(planned):
    lost = lease(planned, R)
    lose(planned, lost)  # a word of it may come, of what it made with the arguments of before
    planned.do(R)
    (attempt,) = (r.id for r in planned.ledger.attempts(R) if r.accepted)
    before = planned.ledger.task(R)
    other = rework(before, {"depth": 2}, "it is too large").task
    outcome = Outcome(attempt=attempt, ending=Ending.LOST)
    back = Settlement(attempt=attempt, outcome=outcome, task=other, is_withdrawn=True)
    assert planned.ledger.settle([back, back]) == (True, False)  # twice is once
    now = planned.ledger.task(R)
    assert (now.state, now.reason, now.cause) == (State.WAITING, "it is too large", None)
    assert (now.args, now.agains) == ({**before.args, "depth": 2}, 1)
    assert (now.tries, now.losses) == (before.tries, before.losses)
    assert planned.ledger.overdue([lost.id]) == {}
    assert not hear(planned, lost)
    planned.finish()
    assert planned.ledger.state("b-0001") is State.SUCCESSFUL
    assert planned.ledger.task(R).args["depth"] == 2
