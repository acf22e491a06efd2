from dataclasses import replace

import pytest

from orchestrator.decide.settle import (
    NEXT,
    Limits,
    Reach,
    Settled,
    judge,
    move,
    paused_s,
    rework,
    settle,
    settle_late,
    withdraw,
)
from orchestrator.model.work import (
    Accept,
    Again,
    Cause,
    Ending,
    Job,
    Kind,
    Outcome,
    Reject,
    Rework,
    Segment,
    State,
    Task,
)

LIMITS = Limits(tries_max=3, losses_max=2, agains_max=1, wait_first_s=1.0, wait_most_s=30.0)
JOB = Job(id="b-0001/j", name="j", processor="p", asks={})
ERROR = {"error": "video.mov: no such file", "cause": "source"}


def processing(**changes):
    wanted = {"id": "b-0001/j/t/000000/encode", "target": "t", "state": State.PROCESSING, **changes}
    return Task(job=JOB, kind=Kind.ENCODE, **wanted)


def outcome(**changes):
    return Outcome(**{"attempt": "a-000001", "ending": Ending.EXITED, "exit_code": 0, **changes})


def test_every_state_has_a_row():
    assert set(NEXT) == set(State)


def test_what_is_successful_stays_so_unless_its_files_are_changed():  # T21
    assert NEXT[State.SUCCESSFUL] == {State.WAITING, State.FAILED}
    done = processing(state=State.SUCCESSFUL, tries=1)
    after = withdraw(done, "it was changed", LIMITS)
    assert (after.task.state, after.task.tries, after.reach) == (State.WAITING, 2, Reach.NOTHING)
    after = withdraw(replace(done, tries=2), "it was changed", LIMITS)
    assert (after.task.state, after.reach) == (State.FAILED, Reach.TARGET)


def test_illegal_move_is_a_bug():
    with pytest.raises(AssertionError, match="Processing -> PostProcessing is not a move"):
        move(processing(), State.POST, reason="")


# What an outcome says by itself


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"ending": Ending.LOST}, Cause.LOST),
        ({"ending": Ending.KILLED}, Cause.CANCELLED),
        ({"ending": Ending.LIMIT}, Cause.FAILED),
        ({"ending": Ending.STALL}, Cause.FAILED),
        ({"ending": Ending.UNSTARTED}, Cause.FAILED),
        ({"ending": Ending.UNSTARTED, "cause": Cause.UNREADY}, Cause.UNREADY),
        ({"cause": Cause.UNREADY, "exit_code": 1}, Cause.UNREADY),
        ({"exit_code": None, "signal": 11}, Cause.CRASHED),
        ({"exit_code": 1, "result": ERROR}, Cause.SOURCE),
        ({"result": {"error": "half the frames"}}, Cause.FAILED),
        ({"result": {"error": "half the frames", "cause": "no such cause"}}, Cause.FAILED),
    ],
)
def test_outcome_that_needs_no_processor_names_its_cause(changes, cause):
    no = judge(outcome(**changes))
    assert no is not None
    assert no.cause is cause
    assert no.why


@pytest.mark.parametrize("exit_code", [0, 1, 255])
def test_command_that_ended_by_itself_is_judged_by_its_processor(exit_code):
    assert judge(outcome(exit_code=exit_code)) is None


def test_signal_is_named():
    assert judge(outcome(exit_code=None, signal=9)) == Reject("ended by SIGKILL", Cause.CRASHED)


def test_unknown_signal_keeps_its_number():
    assert judge(outcome(exit_code=None, signal=200)).why == "ended by signal 200"


def test_own_program_may_say_that_another_try_cannot_help():
    assert judge(outcome(result={"error": "the destination exists", "final": True})).final


# What becomes of the task


def test_accepted_task_is_successful_and_free_of_reproach():
    after = settle(processing(reason="exit code 1", cause=Cause.FAILED, tries=1), Accept(), LIMITS)
    assert (after.accepted, after.task.state) == (True, State.SUCCESSFUL)
    assert (after.task.reason, after.task.cause) == ("", None)


@pytest.mark.parametrize("cause", [Cause.FAILED, Cause.CRASHED])
@pytest.mark.parametrize(("tries", "state"), [(0, "Waiting"), (1, "Waiting"), (2, "Failed")])
def test_third_failure_or_crash_is_the_last(tries, state, cause):
    after = settle(processing(tries=tries), Reject("exit code 1", cause), LIMITS)
    assert (after.task.state.value, after.task.tries) == (state, tries + 1)


@pytest.mark.parametrize(("target", "reach"), [("t", Reach.TARGET), ("", Reach.JOB)])
def test_task_given_up_takes_its_target_with_it_or_else_its_job(target, reach):
    after = settle(processing(target=target, tries=2), Reject("exit code 1"), LIMITS)
    assert after.reach is reach


@pytest.mark.parametrize(
    ("kind", "reach"),
    [(Kind.RENDER, Reach.NEEDS), (Kind.PUBLISH, Reach.NEEDS), (Kind.ENCODE, Reach.TARGET)],
)
def test_segment_of_a_render_costs_only_itself(kind, reach):
    task = replace(processing(target="t", tries=2), kind=kind, segment=Segment(0, 0, 10))
    assert settle(task, Reject("frame 7 is missing"), LIMITS).reach is reach
    whole = replace(task, segment=None)
    assert settle(whole, Reject("exit code 1"), LIMITS).reach is Reach.TARGET


def test_final_rejection_is_not_tried_again():
    after = settle(processing(), Reject("the destination exists", final=True), LIMITS)
    assert (after.task.state, after.task.tries) == (State.FAILED, 1)


def test_lost_runner_costs_no_try():
    after = settle(processing(tries=2), Reject("vanished", Cause.LOST), LIMITS)
    assert (after.task.state, after.task.tries, after.task.losses) == (State.WAITING, 2, 1)


def test_task_lost_too_often_is_held_and_says_how_often():
    after = settle(processing(losses=1), Reject("vanished", Cause.LOST), LIMITS)
    assert (after.task.state, after.task.reason) == (State.HOLD, "lost 2 times; vanished")
    assert after.reach is Reach.NOTHING


@pytest.mark.parametrize(("deaths", "state"), [(0, "Waiting"), (2, "Waiting"), (3, "Hold")])
@pytest.mark.fault("F31")
def test_task_that_kills_nodes_is_held(deaths, state):
    limits = replace(LIMITS, losses_max=10)
    after = settle(processing(losses=2), Reject("vanished", Cause.LOST), limits, deaths)
    assert after.task.state.value == state
    held = after.task.state is State.HOLD
    assert (after.task.cause is Cause.POISON, "kills nodes" in after.task.reason) == (held, held)


@pytest.mark.parametrize("state", [State.WAITING, State.PROCESSING, State.HOLD])
def test_late_result_ends_a_task_wherever_it_stands(state):  # R4
    late = settle_late(processing(state=state, tries=1, reason="lost"), Accept())
    assert (late.accepted, late.task.state, late.task.reason) == (True, State.SUCCESSFUL, "")


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (State.WAITING, Reject("half a file")),
        (State.SUCCESSFUL, Accept()),
        (State.FAILED, Accept()),
    ],
)
def test_late_result_that_is_wrong_or_comes_to_nobody_changes_nothing(state, verdict):  # R4
    task = processing(state=state)
    assert settle_late(task, verdict) == Settled(task=task)


def test_hour_of_pauses_is_an_hour():
    assert [paused_s(waits, Limits()) for waits in (0, 1, 5, 6, 125)] == [0, 1, 31, 61, 3631]


@pytest.mark.parametrize(("waits", "wait_s"), [(0, 1), (1, 2), (4, 16), (5, 30), (5000, 30)])
def test_unready_condition_is_waited_for_longer_each_time(waits, wait_s):
    after = settle(processing(tries=2, waits=waits), Reject("full", Cause.UNREADY), LIMITS)
    assert (after.task.state, after.wait_s) == (State.WAITING, wait_s)
    assert (after.task.tries, after.task.waits) == (2, waits + 1)


@pytest.mark.parametrize("verdict", [Accept(), Reject("exit code 1"), Again({}, "smaller parts")])
def test_condition_that_ended_is_waited_for_from_the_start_next_time(verdict):
    assert settle(processing(waits=7), verdict, LIMITS).task.waits == 0


def test_source_fault_fails_the_whole_job_at_once():
    after = settle(processing(), Reject("source: gone", Cause.SOURCE), LIMITS)
    assert (after.task.state, after.task.tries, after.reach) == (State.FAILED, 0, Reach.JOB)


def test_cancelled_attempt_counts_nothing():
    after = settle(processing(tries=1), Reject("ended on request", Cause.CANCELLED), LIMITS)
    assert (after.task.state, after.task.tries, after.task.losses) == (State.WAITING, 1, 0)


def test_again_lays_its_changes_over_the_arguments_and_costs_no_try():
    after = settle(processing(args={"a": 1, "b": 2}), Again({"b": 3}, "smaller"), LIMITS)
    assert after.task.args == {"a": 1, "b": 3}
    assert (after.task.state, after.task.tries, after.task.agains) == (State.WAITING, 0, 1)


def test_again_too_often_is_a_failure():
    after = settle(processing(agains=1), Again({"b": 3}, "smaller"), LIMITS)
    assert (after.task.state, after.task.reason) == (State.FAILED, "smaller")


def test_task_that_wants_another_done_otherwise_waits_for_it_at_no_cost():
    after = settle(processing(tries=1, args={"a": 1}), Rework({"x": {"b": 2}}, "smaller"), LIMITS)
    assert (after.task.state, after.task.tries, after.task.agains) == (State.WAITING, 1, 0)
    assert (after.task.args, after.task.cause, after.accepted) == ({"a": 1}, None, False)
    done = processing(state=State.SUCCESSFUL, tries=1, args={"a": 1, "b": 1})
    other = rework(done, {"b": 2}, "smaller").task
    assert (other.state, other.tries, other.agains) == (State.WAITING, 1, 1)
    assert (other.args, other.cause) == ({"a": 1, "b": 2}, None)


def test_programs_own_sentence_is_one_line():
    told = {"error": "/in/a\nFAKE: all is well.mov: is missing"}
    said = judge(Outcome(attempt="a", ending=Ending.EXITED, exit_code=1, result=told))
    assert said == Reject("/in/a\\nFAKE: all is well.mov: is missing")
