from dataclasses import replace

import pytest

from orchestrator.decide.reconcile import (
    Ack,
    Attempt,
    Close,
    Kill,
    Lease,
    Overdue,
    Plan,
    Send,
    Settle,
    Tally,
    View,
    ended,
    reconcile,
)
from orchestrator.model.node import Identity, Member, Phase, Report
from orchestrator.model.work import Ending, Job, Kind, Outcome, Service, State, Task

JOB = Job(id="b-0001/j", name="j", processor="p", asks={})
N1, N2 = Member("n1", "life-1"), Member("n2", "life-1")


def task(name):
    return Task(id=f"b-0001/j/t/{name}/encode", job=JOB, kind=Kind.ENCODE, target="t")


def attempt(number=7, node="n1"):
    return Attempt(
        id=f"a-{number:06d}",
        task="b-0001/j/t/000007/encode",
        service=Service.RENDER,
        node=node,
        incarnation="life-1",
        lease=1,
    )


def outcome(number=7):
    return Outcome(attempt=f"a-{number:06d}", ending=Ending.EXITED, exit_code=0)


def report(*running, instances=1, ended=(), phase=Phase.RUNNING):
    who = Identity(
        version="0", python="python", cores=2, memory_bytes=0, instances={"render": instances}
    )
    attempts = {each.id: (phase, "") for each in running}
    return Report(beat=1, identity=who, attempts=attempts, outcomes=ended)


def view(*ready, members=None, **wanted):
    line = {Service.RENDER: tuple((each, {}) for each in ready)}
    return View(members=members or {N1: report()}, ready=line, **wanted)


def test_waiting_task_goes_to_the_free_instance():
    assert reconcile(view(task("1"), task("2"))) == (Lease(task("1"), N1),)


def test_taken_instance_is_not_given_twice():
    seen = view(task("2"), attempts=(attempt(),), members={N1: report(attempt())})
    assert reconcile(seen) == ()


def test_instance_of_an_attempt_still_travelling_is_taken():
    seen = view(task("2"), attempts=(attempt(),), travelling=frozenset({"a-000007"}))
    assert reconcile(seen) == ()


def test_nobody_is_given_anything_while_nobody_is_there():
    assert reconcile(View(members={}, attempts=(attempt(),))) == ()


def test_attempt_its_node_does_not_hold_is_sent():
    assert reconcile(view(attempts=(attempt(),))) == (Send(attempt(), N1),)


def test_attempt_is_sent_to_the_nodes_next_life_too():
    reborn = Member("n1", "life-2")
    seen = view(attempts=(attempt(),), members={reborn: report()})
    assert reconcile(seen) == (Send(attempt(), reborn),)


def test_attempt_of_another_node_is_not_sent_to_this_one():
    assert reconcile(view(attempts=(attempt(node="n2"),))) == ()


def test_outcome_is_settled_before_it_is_acked():
    members = {N1: report(ended=(outcome(),))}
    assert reconcile(view(attempts=(attempt(),), members=members)) == (
        Settle(attempt(), outcome()),
    )
    assert reconcile(view(members=members)) == (Ack(N1, "a-000007"),)


def test_outcome_that_another_node_tells_settles_nothing():  # T13
    members = {N2: report(ended=(outcome(),))}
    assert reconcile(view(attempts=(attempt(),), members=members)) == (Ack(N2, "a-000007"),)


def test_attempt_nobody_waits_for_is_ended():
    assert reconcile(view(members={N1: report(attempt())})) == (Kill(N1, "a-000007"),)


@pytest.mark.parametrize("phase", [Phase.EXITED, Phase.KILLED, Phase.REFUSED])
def test_what_has_ended_is_not_killed(phase):
    assert reconcile(view(members={N1: report(attempt(), phase=phase)})) == ()


def test_job_whose_probe_is_accepted_is_planned():
    assert reconcile(view(unplanned=(JOB,))) == (Plan(JOB),)


@pytest.mark.parametrize(
    ("failed", "cancelled", "state"),
    [(0, 0, "Successful"), (1, 0, "Failed"), (1, 2, "Failed"), (0, 2, "Cancelled")],
)
def test_part_of_which_nothing_is_left_ends_as_its_parts_did(failed, cancelled, state):
    part = Tally(id="b-0001/j", level="job", left=0, failed=failed, cancelled=cancelled)
    assert ended(part).value == state
    assert reconcile(view(over=(part,))) == (Close(part, State(state)),)


def test_decision_rests_on_the_view_alone():
    seen = view(task("1"), attempts=(attempt(8, "n2"),), members={N1: report(), N2: report()})
    assert reconcile(seen) == reconcile(seen)


# Nodes that are closed, silent, or going


def test_closed_node_gets_no_new_work_and_keeps_what_it_has():
    members = {N1: report(attempt(), instances=2), N2: report()}
    seen = view(task("1"), task("2"), members=members, attempts=(attempt(),), closed={"n1": "x"})
    assert reconcile(seen) == (Lease(task("1"), N2),)


def lost_outcome(why):
    return Outcome(attempt="a-000007", ending=Ending.LOST, why=why)


@pytest.mark.parametrize("members", [{N2: report(instances=0)}, {N1: report(attempt())}])
def test_what_a_lost_node_had_is_given_up(members):  # F-REC-6
    seen = view(members=members, attempts=(attempt(),), lost={"n1": "silent"}, closed={"n1": "x"})
    assert reconcile(seen) == (Settle(attempt(), lost_outcome("silent"), is_awaited=True),)


def test_last_word_of_a_lost_node_counts():
    members = {N1: report(ended=(outcome(),))}
    seen = view(members=members, attempts=(attempt(),), lost={"n1": "x"}, closed={"n1": "x"})
    assert reconcile(seen) == (Settle(attempt(), outcome()),)


def test_what_a_nodes_next_life_knows_nothing_of_is_given_up_at_once():  # R11
    seen = view(attempts=(attempt(),), gone=frozenset({"a-000007"}))
    assert reconcile(seen) == (Settle(attempt(), lost_outcome("node 'n1' began anew without it")),)


def test_work_of_a_silent_node_stays_until_it_is_lost():
    members = {N1: report(attempt())}
    assert reconcile(view(members=members, attempts=(attempt(),), closed={"n1": "silent"})) == ()


def test_work_of_a_node_whose_time_is_over_is_ended():  # P9
    seen = view(
        attempts=(attempt(), attempt(8)),
        members={N1: report(attempt())},
        closed={"n1": "leaves"},
        evicting=frozenset({"n1"}),
    )
    assert reconcile(seen) == (Kill(N1, "a-000007"), Kill(N1, "a-000008"))


def test_what_waits_on_its_node_is_ended_before_what_runs_and_never_begins():
    runs, waits = attempt(), attempt(8)
    told = replace(report(), attempts={runs.id: (Phase.RUNNING, ""), waits.id: (Phase.QUEUED, "")})
    seen = view(attempts=(runs, waits), members={N1: told}, evicting=frozenset({"n1"}))
    assert reconcile(seen) == (Kill(N1, waits.id), Kill(N1, runs.id))


def test_word_of_what_we_have_ended_says_only_that_it_has_ended():  # P3
    ended_by_us = Overdue(attempt(), is_wanted=False, is_cancelled=True)
    seen = view(members={N1: report(ended=(outcome(),))}, overdue={attempt().id: ended_by_us})
    (settle,) = reconcile(seen)
    assert settle.is_late
    assert settle.outcome.ending is Ending.KILLED  # whatever it made
