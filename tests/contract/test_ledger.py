"""One suite for every ledger: what the fake may do, the real one does."""

from dataclasses import replace
from itertools import pairwise

import pytest
from ledgers import NODE, batch, probe, target

from orchestrator.decide.settle import Reach
from orchestrator.errors import LedgerError
from orchestrator.model.node import Member
from orchestrator.model.work import Cause, Kind, Priority, Service, State, Task, task_id

P, Q = "b-0001/j/probe", "b-0001/j/t/000000/encode"
SECOND, JOIN, PUBLISH = "b-0001/j/t/000001/encode", "b-0001/j/t/assemble", "b-0001/j/t/publish"


# -- batches


def test_a_batch_comes_back_as_it_was_accepted(desk):
    sent = batch("a", "c", after={"c": ("a",)}, priority=Priority.HIGH, notify={"to": ["x"]})
    desk.accept(sent)
    assert desk.ledger.batch(sent.id) == sent
    assert desk.ledger.batch("x-0001") is None


def test_ids_count_for_each_name(desk):
    desk.accept(batch(number=desk.ledger.next_id("b") == "b-0001"))
    assert desk.ledger.next_id("b") == "b-0002"
    assert desk.ledger.next_id("a") == "a-0001"


def test_an_id_is_accepted_once(desk):
    desk.accept(batch())
    with pytest.raises(LedgerError, match="b-0001"):
        desk.accept(batch())
    assert desk.kinds() == ["epoch-taken", "accepted"]


def test_newest_of_a_digest_is_found_with_its_state(desk):
    assert desk.ledger.newest("digest of b") is None
    desk.accept(batch())
    desk.accept(batch(number=2))
    desk.ledger.close_part("b-0002", "batch", State.CANCELLED, "not wanted")
    assert desk.ledger.newest("digest of b") == ("b-0002", State.CANCELLED)
    assert desk.ledger.state("b-0001") is State.WAITING
    assert desk.ledger.state("b-0003") is None


# -- the line


def test_line_goes_by_priority_then_batch_then_weight_then_position(desk):
    desk.accept(batch("a", number=1, priority=Priority.LOW))
    desk.accept(batch("a", "c", number=2))
    desk.accept(batch("a", number=3, priority=Priority.HIGH))
    for id in ("b-0003/a/probe", "b-0002/c/probe", "b-0002/a/probe"):
        desk.do(id)
    third, second = desk.ledger.batch("b-0003"), desk.ledger.batch("b-0002")
    heavy = replace(target(second.jobs[1], segments=1).tasks[0], weight=5.0)
    desk.ledger.plan("b-0002/c", [replace(target(second.jobs[1]), tasks=(heavy,))])
    desk.plan(second.jobs[0])
    desk.plan(third.jobs[0], segments=1)
    line = ["b-0003/a/t/000000/encode", "b-0002/c/t/000000/encode", "b-0002/a/t/000000/encode"]
    assert desk.ready(3) == line
    assert desk.ready() == [*line, "b-0002/a/t/000001/encode", "b-0001/a/probe"]


def test_line_can_be_asked_for_some_kinds_only(planned):
    planned.accept(batch(number=2))
    kinds = frozenset({Kind.PROBE, Kind.PUBLISH})
    assert planned.ready(kinds=kinds) == ["b-0002/j/probe"]
    assert planned.ready(kinds=frozenset()) == []


def test_each_service_has_its_line(desk):
    desk.accept(batch(service=Service.COMPRESSOR))
    assert desk.ready() == []
    assert desk.ready(service=Service.COMPRESSOR) == [P]


def test_delayed_batch_waits_for_its_time(desk):
    later = desk.clock.unix + 60
    desk.accept(batch(), not_before=later)
    desk.accept(batch(number=2))
    assert desk.ready() == ["b-0002/j/probe"]
    assert desk.ledger.next_change(desk.clock.unix) == later
    desk.clock.unix = later
    assert desk.ready() == [P, "b-0002/j/probe"]
    assert desk.ready(1, kinds=frozenset({Kind.PROBE})) == [P]
    assert desk.ledger.next_change(later) is None


def test_plan_without_probe_waits_for_the_time_of_its_batch(desk):
    later = desk.clock.unix + 60
    (job,) = desk.accept(batch(), probes=False, not_before=later).jobs
    desk.plan(job)
    assert desk.ready() == []
    desk.clock.unix = later
    assert desk.ready() == [Q, SECOND]


# -- plans


def test_job_without_probe_is_to_be_planned_at_once(desk):
    (job,) = desk.accept(batch(), probes=False).jobs
    assert desk.ledger.unplanned() == (job,)
    desk.plan(job)
    assert desk.ledger.unplanned() == ()


def test_job_with_probe_is_to_be_planned_once_it_is_accepted(desk):
    (job,) = desk.accept(batch()).jobs
    assert desk.ledger.unplanned() == ()
    desk.do(P, result={"frames": 20})
    assert desk.ledger.unplanned() == (job,)
    assert desk.ledger.over() == ()
    assert desk.ledger.results([P])[P].values == {"frames": 20}


def test_planning_twice_is_planning_once(planned):
    (job,) = planned.ledger.batch("b-0001").jobs
    planned.plan(job)
    assert planned.kinds().count("planned") == 1
    assert [task.id for task in planned.ledger.tasks("b-0001")] == [P, Q, SECOND, JOIN, PUBLISH]


def test_a_task_comes_back_as_it_was_planned(desk):
    (job,) = desk.accept(batch()).jobs
    desk.do(P)
    task = Task(
        id=task_id(job.id, Kind.VERIFY, "t"),
        job=job,
        kind=Kind.VERIFY,
        target="t",
        args={"x": [1, {"y": None}], "ü": "ß"},
        needs=(P,),
        weight=2.5,
    )
    desk.ledger.plan(job.id, [replace(target(job), tasks=(task,))])
    assert desk.ledger.ready(Service.RENDER, 9, 0.0) == (task,)
    assert desk.ledger.tasks("b-0001/j/t") == (task,)
    assert desk.ledger.task(task.id) == task
    assert desk.ledger.task("b-0001/j/t/none") is None


def test_plan_that_needs_what_is_nowhere_is_refused_whole(desk):
    (job,) = desk.accept(batch()).jobs
    desk.do(P)
    odd = replace(target(job).tasks[0], needs=("b-0001/j/elsewhere",))
    with pytest.raises(LedgerError, match="elsewhere"):
        desk.ledger.plan(job.id, [replace(target(job), tasks=(odd,))])
    assert desk.ledger.unplanned() == (job,)


def test_job_that_cannot_be_planned_has_failed_and_said_why(desk):
    desk.accept(batch())
    desk.do(P)
    desk.ledger.plan_failed("b-0001/j", "no video in it")
    (_, job) = desk.ledger.standings("b-0001")
    assert (job.state, job.reason) == (State.FAILED, "no video in it")
    (part,) = desk.ledger.over()
    assert (part.level, part.failed, part.reason) == ("batch", 1, "no video in it")


def test_empty_plan_is_over_at_once(desk):
    (job,) = desk.accept(batch()).jobs
    desk.do(P)
    desk.ledger.plan(job.id, [])
    assert [part.id for part in desk.ledger.over()] == [job.id]


# -- attempts


def test_lease_stores_attempt_and_task_together(desk):
    desk.accept(batch())
    (attempt,) = desk.lease(P)
    assert (attempt.node, attempt.incarnation) == ("n1", "life-1")
    assert attempt.id == f"{desk.ledger.id}-000001"
    assert desk.ledger.open_attempts() == (attempt,)
    assert desk.state(P) is State.PROCESSING
    assert desk.ledger.events(attempt.lease - 1)[0].kind == "leased"


def test_task_that_left_the_line_is_not_leased(planned):
    stale = planned.ledger.task(Q)
    planned.lease(Q)
    blocked = planned.ledger.task(JOIN)
    assert planned.ledger.lease([(stale, NODE), (blocked, Member("n2", "x"))]) == ()


def test_attempt_is_settled_once(desk):
    desk.accept(batch())
    (attempt,) = desk.lease(P)
    assert desk.end(attempt, result={"n": 1})
    assert not desk.end(attempt, result={"n": 2})
    assert desk.ledger.results([P])[P].values == {"n": 1}
    assert not desk.end(replace(attempt, id="ffffff-000001"))
    assert not desk.end(replace(attempt, id="nonsense"))


def test_attempt_ids_are_never_used_again(desk):
    desk.accept(batch())
    (first,) = desk.lease(P)
    desk.end(first, State.WAITING, reason="lost", cause=Cause.LOST, losses=1)
    (second,) = desk.lease(P)
    assert second.id > first.id


def test_attempt_of_another_task_settles_nothing(planned):
    one, other = planned.lease(Q, SECOND)
    assert not planned.end(replace(one, task=other.task))
    assert planned.ledger.open_attempts() == (one, other)


def test_accepted_task_frees_those_that_need_it(planned):
    planned.do(Q)
    assert JOIN not in planned.ready()
    planned.do(SECOND)
    assert planned.ready() == [JOIN]
    assert planned.ledger.standings("b-0001")[2].frames_done == 20


def test_task_that_waits_again_keeps_its_counts_and_its_time(planned):
    later = planned.clock.unix + 30
    why = {"reason": "storage full", "cause": Cause.UNREADY, "waits": 2}
    planned.do(Q, State.WAITING, not_before=later, **why)
    task = planned.ledger.task(Q)
    assert (task.waits, task.reason, task.cause) == (2, "storage full", Cause.UNREADY)
    assert planned.ready() == [SECOND]
    planned.clock.unix = later
    assert planned.ready() == [Q, SECOND]


@pytest.mark.fault("F23")
def test_clock_that_was_put_back_does_not_keep_what_was_not_ready_asleep(planned):
    planned.do(Q, State.WAITING, not_before=planned.clock.unix + 30, cause=Cause.UNREADY, waits=1)
    planned.clock.unix -= 3 * 86400
    assert planned.ready() == [Q, SECOND]
    assert planned.ledger.next_change(planned.clock.unix) is None
    planned.do(Q)
    assert planned.ready() == [SECOND]


def test_arguments_of_the_next_attempt_can_be_changed(planned):
    planned.do(Q, State.WAITING, agains=1, args={"crf": 18}, reason="again")
    task = planned.ledger.task(Q)
    assert (task.args, task.agains) == ({"crf": 18}, 1)
    assert planned.kinds()[-1] == "again"


def test_given_up_task_cancels_what_waits_in_its_target_and_names_itself(planned):
    planned.lease(SECOND)
    planned.fail(Q, "exit code 1")
    assert [planned.state(id) for id in (SECOND, JOIN)] == [State.PROCESSING, State.CANCELLED]
    assert planned.ledger.task(JOIN).reason == f"{Q} was given up: exit code 1"


def test_cancelled_task_forgets_why_it_waited(planned):
    planned.do(SECOND, State.WAITING, reason="exit code 1", cause=Cause.FAILED, tries=1)
    planned.fail(Q)
    fallen = planned.ledger.task(SECOND)
    assert (fallen.state, fallen.cause, fallen.tries) == (State.CANCELLED, None, 1)


def test_what_still_runs_in_a_given_up_target_is_kept(planned):
    (running,) = planned.lease(SECOND)
    planned.fail(Q)
    assert planned.end(running)
    assert [part.level for part in planned.ledger.over()] == ["target", "job"]
    assert planned.ledger.over()[0].reason == "exit code 1"


def test_other_targets_of_the_job_go_on(desk):
    (job,) = desk.accept(batch()).jobs
    desk.do(P)
    desk.plan(job, "t", "u")
    desk.fail(Q)
    assert desk.ready() == ["b-0001/j/u/000000/encode", "b-0001/j/u/000001/encode"]


def test_task_elsewhere_that_needs_a_given_up_one_falls_too(desk):
    (job,) = desk.accept(batch()).jobs
    desk.do(P)
    other = target(job, "u", 1)
    leaning = replace(other.tasks[0], needs=(JOIN,))
    desk.ledger.plan(job.id, [target(job), replace(other, tasks=(leaning, *other.tasks[1:]))])
    desk.fail(Q)
    assert desk.state("b-0001/j/u/publish") is State.CANCELLED


def test_source_fault_cancels_what_waits_in_the_whole_job(desk):
    (job,) = desk.accept(batch()).jobs
    desk.do(P)
    desk.plan(job, "t", "u")
    desk.fail(Q, "source changed", reach=Reach.JOB)
    assert desk.ready() == []


def test_failed_probe_ends_its_job(desk):
    desk.accept(batch())
    desk.fail(P, "no such file", reach=Reach.JOB)
    (part,) = desk.ledger.over()
    assert (part.id, part.failed, part.reason) == ("b-0001/j", 1, "no such file")


def test_history_tells_every_attempt(planned):
    (first,) = planned.lease(Q)
    planned.ledger.sent({first.id: "ffmpeg -i 'a b'"})
    planned.end(first, State.WAITING, reason="exit code 1", cause=Cause.FAILED, tries=1)
    planned.do(Q)
    one, two = planned.ledger.attempts(Q)
    assert (one.accepted, one.cause, one.why) == (False, "failed", "exit code 1")
    assert (one.command, one.outcome.exit_code) == ("ffmpeg -i 'a b'", 0)
    assert (two.accepted, two.cause, two.why) == (True, "", "")
    assert one.opened <= one.closed


# -- ends


def test_batch_that_goes_well_ends_successful(desk):
    desk.accept(batch("a", "c", after={"c": ("a",)}))
    desk.finish()
    assert set(desk.states("b-0001").values()) == {State.SUCCESSFUL}
    assert desk.ledger.over() == ()
    assert desk.kinds()[-1] == "successful"
    assert desk.kinds().count("published") == 2


def test_job_starts_when_those_before_it_are_successful(desk):
    desk.accept(batch("a", "c", after={"c": ("a",)}))
    assert desk.ready() == ["b-0001/a/probe"]
    desk.do("b-0001/a/probe")
    desk.ledger.plan("b-0001/a", [])
    desk.close(desk.ledger.over()[0])
    assert desk.ready() == ["b-0001/c/probe"]


def test_job_without_probe_is_planned_when_those_before_it_are_successful(desk):
    (first, second) = desk.accept(batch("a", "c", after={"c": ("a",)}), probes=False).jobs
    assert desk.ledger.unplanned() == (first,)
    desk.ledger.plan(first.id, [])
    desk.close(desk.ledger.over()[0])
    assert desk.ledger.unplanned() == (second,)


def test_jobs_after_a_failed_one_are_cancelled_and_name_it(desk):
    desk.accept(batch("a", "c", "d", after={"c": ("a",), "d": ("c",)}))
    desk.ledger.close_part("b-0001/a", "job", State.FAILED, "exit code 1")
    second, third = desk.ledger.standings("b-0001")[2:]
    assert (second.state, second.reason) == (
        State.CANCELLED,
        "it comes after job 'a', which failed",
    )
    assert third.reason == "it comes after job 'c', which was cancelled"
    assert desk.ready() == []
    (part,) = desk.ledger.over()
    assert (part.id, part.failed, part.cancelled) == ("b-0001", 1, 2)


def test_long_chain_of_jobs_can_fall(desk):
    names = [f"j{number:04d}" for number in range(1100)]
    after = {name: (before,) for before, name in pairwise(names)}
    desk.accept(batch(*names, after=after), probes=False)
    desk.ledger.close_part("b-0001/j0000", "job", State.FAILED, "")
    assert desk.ledger.over()[0].cancelled == 1099


def test_closing_a_batch_ends_all_of_it(planned):
    (attempt,) = planned.lease(Q)
    planned.ledger.close_part("b-0001", "batch", State.CANCELLED, "no longer wanted")
    assert planned.ledger.open_attempts() == ()
    assert set(planned.states("b-0001").values()) == {State.CANCELLED}
    assert planned.state(PUBLISH) is State.CANCELLED
    assert not planned.end(attempt)
    assert planned.ledger.attempts(Q)[0].cause == "cancelled"


def test_what_was_over_keeps_its_own_end_when_the_batch_is_closed(desk):
    desk.accept(batch("a", "c"), probes=False)
    desk.ledger.plan("b-0001/a", [])
    desk.ledger.close_part("b-0001", "batch", State.CANCELLED, "no longer wanted")
    states = list(desk.states("b-0001").values())
    assert states == [State.CANCELLED, State.SUCCESSFUL, State.CANCELLED]


def test_closed_part_stays_as_it_is(planned):
    planned.ledger.close_part("b-0001/j/t", "target", State.FAILED, "first")
    planned.ledger.close_part("b-0001/j/t", "target", State.CANCELLED, "second")
    planned.ledger.close_part("b-0001/j/u", "target", State.CANCELLED, "there is none")
    assert planned.ledger.standings("b-0001")[2].reason == "first"


# -- fresh tries


def test_retry_runs_what_is_missing_only(planned):
    planned.do(Q)
    planned.fail(SECOND)
    for part in planned.ledger.over():
        planned.close(part)
    planned.close(planned.ledger.over()[0])
    assert planned.ledger.state("b-0001") is State.FAILED
    planned.ledger.retry("b-0001")
    again = planned.ledger.task(SECOND)
    assert (again.tries, again.reason, again.cause) == (0, "", None)
    assert planned.ready() == [SECOND]
    planned.finish()
    assert planned.ledger.state("b-0001") is State.SUCCESSFUL
    assert len(planned.ledger.attempts(Q)) == 1


def test_retry_frees_the_jobs_that_were_cancelled_after_a_failed_one(desk):
    desk.accept(batch("a", "c", after={"c": ("a",)}))
    desk.fail("b-0001/a/probe", reach=Reach.JOB)
    desk.finish()
    assert set(desk.states("b-0001").values()) == {State.FAILED, State.CANCELLED}
    desk.ledger.retry("b-0001")
    assert desk.ready() == ["b-0001/a/probe"]
    desk.finish()
    assert desk.ledger.state("b-0001") is State.SUCCESSFUL


def test_retry_of_a_job_tries_what_it_comes_after_and_leaves_the_others(desk):
    desk.accept(batch("a", "c", "d", "e", after={"c": ("a",), "e": ("c",)}))
    desk.fail("b-0001/a/probe", "no such file", reach=Reach.JOB)
    desk.fail("b-0001/d/probe", "d broke", reach=Reach.JOB)
    desk.finish()
    desk.ledger.retry("b-0001/c")
    assert desk.ready() == ["b-0001/a/probe"]
    (standing, *_) = desk.ledger.standings("b-0001")
    assert standing.reason == "d broke"
    desk.finish()
    jobs = {part.id: part.state for part in desk.ledger.standings("b-0001")}
    assert jobs["b-0001/a"] is jobs["b-0001/c"] is State.SUCCESSFUL
    assert jobs["b-0001/d"] is State.FAILED
    assert jobs["b-0001/e"] is State.CANCELLED
    assert desk.ledger.state("b-0001") is State.FAILED
    desk.ledger.retry("b-0001")
    desk.finish()
    assert desk.ledger.state("b-0001") is State.SUCCESSFUL


def test_retry_of_a_job_that_is_not_there_does_nothing(planned):
    before = planned.kinds()
    planned.ledger.retry("b-0001/nobody")
    assert planned.kinds() == before


def test_retry_of_held_work_lets_it_wait_again(planned):
    planned.do(Q, State.HOLD, reason="lost 10 times", losses=10)
    planned.ledger.retry("b-0001")
    assert planned.ledger.task(Q).losses == 0
    assert Q in planned.ready()


def test_retry_with_nothing_to_do_does_nothing(planned):
    before = planned.kinds()
    planned.ledger.retry("b-0001")
    planned.ledger.retry("b-0099")
    assert planned.kinds() == before


def test_retry_plans_anew_a_job_that_could_not_be_planned(desk):
    (job,) = desk.accept(batch()).jobs
    desk.do(P)
    desk.ledger.plan_failed(job.id, "no video")
    desk.ledger.retry("b-0001")
    assert desk.ledger.unplanned() == (job,)


def test_restarted_job_begins_with_its_probe(planned):
    planned.do(Q)
    planned.fail(SECOND, "source changed", reach=Reach.JOB)
    planned.finish()
    planned.ledger.retry("b-0001", ["b-0001/j"])
    assert [task.id for task in planned.ledger.tasks("b-0001")] == [P]
    assert planned.ready() == [P]
    assert len(planned.ledger.attempts(Q)) == 1
    planned.finish()
    assert planned.ledger.state("b-0001") is State.SUCCESSFUL


def test_restarted_job_is_waited_for_again(desk):
    desk.accept(batch("a", "c", after={"c": ("a",)}))
    desk.do("b-0001/a/probe")
    desk.ledger.plan("b-0001/a", [])
    desk.close(desk.ledger.over()[0])
    desk.ledger.retry("b-0001", ["b-0001/a"])
    assert desk.ready() == ["b-0001/a/probe"]
    desk.finish()
    assert desk.ledger.state("b-0001") is State.SUCCESSFUL


# -- fresh plans


def test_replan_drops_the_plan_and_asks_the_probe_again(planned):
    planned.do(Q)
    planned.lease(SECOND)
    planned.ledger.replan("b-0001/j", {"deep": True}, "headers lie")
    assert planned.ledger.open_attempts() == ()
    (task,) = planned.ledger.tasks("b-0001")
    assert (task.args, task.agains, task.reason) == ({"deep": True}, 1, "headers lie")
    assert planned.ready() == [P]
    assert planned.ledger.attempts(SECOND)[0].why == "headers lie"


def test_replanned_job_is_planned_again(planned):
    planned.ledger.replan("b-0001/j", {}, "headers lie")
    planned.do(P)
    (job,) = planned.ledger.unplanned()
    planned.plan(job, "t", segments=1)
    assert planned.ready() == [Q]
    assert planned.ledger.standings("b-0001")[2].frames == 10


def test_closed_job_is_not_planned_again(planned):
    planned.ledger.close_part("b-0001/j", "job", State.CANCELLED, "")
    planned.ledger.replan("b-0001/j", {}, "late")
    assert planned.ready() == []


# -- looking


def test_parents_come_before_their_children(desk):
    one = desk.accept(batch("a", "c"))
    desk.do("b-0001/c/probe")
    desk.plan(one.jobs[1], "t", "u")
    found = [(part.level, part.name) for part in desk.ledger.standings("b-0001")]
    assert found == [
        ("batch", "b"),
        ("job", "a"),
        ("job", "c"),
        ("target", "t"),
        ("target", "u"),
    ]
    assert desk.ledger.standings("b-0009") == ()


def test_standing_counts_tasks_by_kind_and_state(planned):
    planned.lease(Q)
    whole, _, part = planned.ledger.standings("b-0001")
    assert part.tasks == {
        (Kind.ENCODE, State.PROCESSING): 1,
        (Kind.ENCODE, State.WAITING): 1,
        (Kind.ASSEMBLE, State.WAITING): 1,
        (Kind.PUBLISH, State.WAITING): 1,
    }
    assert whole.tasks[Kind.PROBE, State.SUCCESSFUL] == 1
    assert (part.destination, part.frames) == ("/out/t.mov", 20)


def test_target_with_only_joining_left_is_postprocessing(planned):
    planned.do(Q)
    planned.do(SECOND)
    assert set(planned.states("b-0001").values()) == {State.POST}


def test_delayed_batch_is_waiting(desk):
    desk.accept(batch(), not_before=desk.clock.unix + 60)
    assert set(desk.states("b-0001").values()) == {State.WAITING}


def test_only_what_is_below_is_told(desk):
    desk.accept(batch("a", "ab"))
    assert [task.id for task in desk.ledger.tasks("b-0001/a")] == ["b-0001/a/probe"]
    desk.do("b-0001/ab/probe")
    assert desk.ledger.attempts("b-0001/a") == ()


def test_events_come_in_pages(desk):
    desk.ledger.note("collected", "b-0001", {"bytes": 12})
    (first,) = desk.ledger.events(0, 1)
    (second,) = desk.ledger.events(first.seq)
    assert (second.kind, second.data) == ("collected", {"bytes": 12})
    assert (second.epoch, second.boottime) == (desk.ledger.epoch, 7.0)
    assert second.wall == "2027-01-15T08:00:00.000+00:00"


def test_text_that_utf8_cannot_hold_does_not_stop_the_ledger(planned):
    planned.fail(Q, "bad name \udcff", reach=Reach.TARGET)
    assert planned.ledger.attempts(Q)[0].why == "bad name ?"


def test_segment_of_a_render_takes_only_what_needs_it_with_it(planned):
    planned.fail(Q, reach=Reach.NEEDS)
    tasks = {task.id.rpartition("t/")[2]: task.state for task in planned.ledger.tasks("b-0001/j/t")}
    assert tasks == {
        "000000/encode": State.FAILED,
        "000001/encode": State.WAITING,
        "assemble": State.CANCELLED,
        "publish": State.CANCELLED,
    }


def test_probe_is_the_kind_of_a_probe():
    assert probe(batch().jobs[0]).id == P
