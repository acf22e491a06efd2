"""What people do, on every ledger: submit under a key, pause, resume, cancel, apply."""

from dataclasses import replace

import pytest
from ledgers import batch, target

from orchestrator.decide.settle import Reach
from orchestrator.errors import LedgerError
from orchestrator.ledger.protocol import Application, Origin
from orchestrator.model.cluster import Cluster, ClusterKind, Node
from orchestrator.model.talk import Sheet
from orchestrator.model.work import (
    Cause,
    Kind,
    Priority,
    Segment,
    Service,
    State,
    Target,
    Task,
    task_id,
)

P, Q = "b-0001/j/probe", "b-0001/j/t/000000/encode"
SECOND, JOIN, PUBLISH = "b-0001/j/t/000001/encode", "b-0001/j/t/assemble", "b-0001/j/t/publish"
SEGMENT, TARGET, JOB, BATCH = "b-0001/j/t/000000", "b-0001/j/t", "b-0001/j", "b-0001"


# -- who sent what (R6)


def test_key_leads_to_its_batch(desk):
    origin = Origin(owner="u1", sent_by="Ann", key="k", body="abc")
    desk.ledger.accept(batch(priority=Priority.HIGH), "d", [], 0.0, origin)
    assert desk.ledger.submission("k") == (BATCH, "abc")
    assert desk.ledger.submission("l") is None
    assert (desk.ledger.owner(BATCH), desk.ledger.owner("b-0002")) == ("u1", None)
    (standing,) = desk.ledger.standings()
    assert (standing.owner, standing.sent_by) == ("u1", "Ann")
    assert standing.priority is Priority.HIGH


def test_key_is_used_once(desk):
    desk.ledger.accept(batch(), "d", [], 0.0, Origin(key="k", body="abc"))
    with pytest.raises(LedgerError, match="its key was used before"):
        desk.ledger.accept(batch(number=2), "d", [], 0.0, Origin(key="k", body="def"))
    assert desk.ledger.batch("b-0002") is None
    desk.ledger.keep_key("k", "def", "b-0003")
    desk.ledger.keep_key("l", "def", BATCH)
    assert [desk.ledger.submission(key) for key in "kl"] == [(BATCH, "abc"), (BATCH, "def")]


def test_batches_that_are_not_over_are_counted(desk):
    desk.accept(batch())
    desk.accept(batch(number=2))
    assert desk.ledger.unfinished() == 2
    desk.ledger.cancel(BATCH, "not wanted")
    desk.close(desk.ledger.over()[0])
    assert desk.ledger.unfinished() == 1


def test_attempt_is_found_by_its_id(planned):
    (attempt,) = planned.lease(Q)
    assert planned.ledger.attempt(attempt.id) == planned.ledger.attempts(Q)[0]
    assert planned.ledger.attempt("ffffff-000001") is None


# -- pause and resume


@pytest.mark.parametrize("id", [BATCH, JOB, TARGET])
def test_paused_part_starts_nothing_and_is_on_hold(planned, id):
    assert planned.ledger.pause(id)
    assert not planned.ledger.pause(id)
    assert planned.ready() == []
    assert planned.states(BATCH)[id] is State.HOLD
    assert planned.ledger.paused() == (id,)
    assert planned.ledger.resume(id)
    assert not planned.ledger.resume(id)
    assert planned.ready() == [Q, SECOND]
    planned.finish()
    assert planned.ledger.state(BATCH) is State.SUCCESSFUL


@pytest.mark.parametrize("id", [SEGMENT, Q])
def test_paused_segment_lets_the_others_go_on(planned, id):
    planned.ledger.pause(id)
    assert planned.ready() == [SECOND]
    assert planned.state(Q) is State.HOLD
    planned.finish()
    assert planned.states(BATCH)[TARGET] is not State.SUCCESSFUL
    planned.ledger.resume(TARGET)
    planned.finish()
    assert planned.ledger.state(BATCH) is State.SUCCESSFUL


def test_running_tasks_of_a_paused_part_finish(planned):
    (running,) = planned.lease(Q)
    planned.ledger.pause(BATCH)
    assert planned.states(BATCH)[BATCH] is State.PROCESSING
    assert planned.end(running)
    assert set(planned.states(BATCH).values()) == {State.HOLD}


def test_task_that_comes_back_to_a_paused_part_is_held(planned):
    (running,) = planned.lease(Q)
    planned.ledger.pause(BATCH)
    planned.end(running, State.WAITING, reason="exit code 1", cause=Cause.FAILED, tries=1)
    assert planned.ready() == []
    task = planned.ledger.task(Q)
    assert (task.state, task.tries, task.reason) == (State.HOLD, 1, "exit code 1")
    planned.ledger.resume(BATCH)
    assert planned.ready() == [Q, SECOND]


def test_stopped_task_starts_over_without_using_up_a_try(planned):
    (running,) = planned.lease(Q)
    assert planned.ledger.pause(JOB, stop=True)
    assert planned.ledger.open_attempts() == ()
    assert not planned.end(running)
    (record,) = planned.ledger.attempts(Q)
    assert (record.cause, bool(record.closed)) == ("cancelled", True)
    planned.ledger.resume(JOB)
    assert planned.ledger.task(Q).tries == 0
    planned.finish()
    assert len(planned.ledger.attempts(Q)) == 2


def test_pause_can_be_made_to_stop_what_runs(planned):
    planned.lease(Q)
    planned.ledger.pause(JOB)
    assert planned.ledger.pause(JOB, stop=True)
    assert not planned.ledger.pause(JOB, stop=True)
    assert planned.ledger.open_attempts() == ()


def test_plan_of_a_paused_job_is_held(desk):
    (job,) = desk.accept(batch()).jobs
    desk.do(P)
    desk.ledger.pause(BATCH)
    assert desk.states(BATCH)[JOB] is State.HOLD
    desk.plan(job)
    assert desk.ready() == []
    assert desk.ledger.standings(BATCH)[2].tasks[Kind.ENCODE, State.HOLD] == 2
    desk.ledger.resume(BATCH)
    assert desk.ready() == [Q, SECOND]


def test_pause_above_holds_what_is_resumed_below(planned):
    planned.ledger.pause(BATCH)
    planned.ledger.pause(TARGET)
    assert planned.ledger.paused(JOB) == (TARGET,)
    planned.ledger.resume(TARGET)
    assert planned.ready() == []
    planned.ledger.pause(TARGET)
    planned.ledger.resume(BATCH)
    assert planned.ledger.paused() == ()
    assert planned.ready() == [Q, SECOND]


def test_what_is_over_or_nowhere_is_not_paused(planned):
    planned.finish()
    for id in (BATCH, JOB, TARGET, SEGMENT, Q, "b-0002", "b-0001/x"):
        assert not planned.ledger.pause(id, stop=True)
    assert "paused" not in planned.kinds()


def test_part_that_falls_is_no_longer_paused(planned):
    planned.ledger.pause(SEGMENT)
    planned.fail(SECOND)
    for part in planned.ledger.over():
        planned.close(part)
    assert planned.ledger.paused() == ()
    planned.ledger.retry(BATCH)
    assert planned.ready() == [Q, SECOND]


def test_retry_leaves_what_is_paused(desk):
    one, other = desk.accept(batch("j", "c")).jobs
    desk.fail(P, "no video")
    desk.ledger.pause(f"{BATCH}/c")
    desk.ledger.retry(BATCH)
    assert (one.name, other.name, desk.ready()) == ("j", "c", [P])


def test_delayed_task_keeps_its_time_while_it_is_paused(desk):
    later = desk.clock.unix + 60
    desk.accept(batch(), not_before=later)
    desk.ledger.pause(BATCH)
    assert desk.ledger.next_change(desk.clock.unix) is None
    desk.ledger.resume(BATCH)
    assert desk.ledger.next_change(desk.clock.unix) == later


# -- cancel


@pytest.mark.parametrize("id", [BATCH, JOB])
def test_cancelled_part_ends_with_all_of_it(planned, id):
    (running,) = planned.lease(Q)
    assert planned.ledger.cancel(id, "cancelled by a person")
    assert not planned.ledger.cancel(id, "cancelled by a person")
    assert planned.ledger.open_attempts() == ()
    assert not planned.end(running)
    planned.finish()
    assert set(planned.states(BATCH).values()) == {State.CANCELLED}
    assert planned.ledger.standings(BATCH)[1].reason == "cancelled by a person"


@pytest.mark.parametrize("id", [TARGET, SEGMENT, Q])
def test_cancelled_segment_takes_its_target_and_leaves_the_others(desk, id):
    (job,) = desk.accept(batch()).jobs
    desk.do(P)
    desk.plan(job, "t", "u")
    desk.lease(SECOND)
    assert desk.ledger.cancel(id, "not wanted")
    assert desk.ledger.open_attempts() == ()
    states = desk.states(BATCH)
    assert (states[TARGET], states["b-0001/j/u"]) == (State.CANCELLED, State.WAITING)
    reason = "not wanted" if id == TARGET else f"{id} was cancelled"
    assert desk.ledger.standings(BATCH)[2].reason == reason
    desk.finish()
    assert desk.states(BATCH) == {
        BATCH: State.CANCELLED,
        JOB: State.CANCELLED,
        TARGET: State.CANCELLED,
        "b-0001/j/u": State.SUCCESSFUL,
    }


def test_what_needs_a_cancelled_target_falls_with_it(desk):
    (job,) = desk.accept(batch()).jobs
    desk.do(P)
    first, second = target(job, "t", 1), target(job, "u", 1)
    leaning = replace(second.tasks[0], needs=(JOIN,))
    desk.ledger.plan(job.id, [first, replace(second, tasks=(leaning, *second.tasks[1:]))])
    desk.ledger.cancel(TARGET, "not wanted")
    assert desk.state("b-0001/j/u/publish") is State.CANCELLED
    desk.finish()
    assert desk.ledger.state(BATCH) is State.CANCELLED


def test_cancelled_probe_takes_its_job(desk):
    desk.accept(batch())
    assert desk.ledger.cancel(P, "not wanted")
    desk.finish()
    assert desk.states(BATCH) == {BATCH: State.CANCELLED, JOB: State.CANCELLED}


def test_jobs_after_a_cancelled_one_name_it(desk):
    desk.accept(batch("a", "c", after={"c": ("a",)}))
    desk.ledger.cancel("b-0001/a", "not wanted")
    assert desk.ledger.standings(BATCH)[2].reason == "it comes after job 'a', which was cancelled"


def test_cancelled_action_leaves_its_target(desk):
    (job,) = desk.accept(batch()).jobs
    desk.do(P)
    whole = target(job, "t", 1)
    acts = [
        Task(
            id=task_id(job.id, Kind.ACTION, "t", number),
            job=job,
            kind=Kind.ACTION,
            target="t",
            needs=(PUBLISH,),
        )
        for number in (0, 1)
    ]
    desk.ledger.plan(job.id, [replace(whole, tasks=(*whole.tasks, *acts))])
    assert desk.ledger.cancel(acts[0].id, "not wanted")
    assert not desk.ledger.cancel(acts[0].id, "not wanted")
    desk.finish()
    assert (desk.state(PUBLISH), desk.state(acts[1].id)) == (State.SUCCESSFUL, State.SUCCESSFUL)
    assert desk.ledger.state(BATCH) is State.CANCELLED


def test_late_cancel_changes_nothing(planned):
    planned.finish()
    before = planned.kinds()
    for id in (BATCH, JOB, TARGET, SEGMENT, Q, PUBLISH, "b-0002"):
        assert not planned.ledger.cancel(id, "not wanted")
    assert planned.kinds() == before


def test_cancel_of_what_is_paused(planned):
    planned.ledger.pause(BATCH)
    assert planned.ledger.cancel(BATCH, "not wanted")
    planned.finish()
    assert planned.ledger.paused() == ()
    assert planned.ledger.state(BATCH) is State.CANCELLED


def test_retry_of_a_cancelled_batch_does_what_is_missing(planned):
    planned.do(Q)
    planned.ledger.cancel(BATCH, "not wanted")
    planned.finish()
    planned.ledger.retry(BATCH)
    assert planned.ready() == [SECOND]
    planned.finish()
    assert planned.ledger.state(BATCH) is State.SUCCESSFUL


# -- the line


def test_line_goes_past_jobs_that_nobody_can_do(desk):
    desk.accept(batch("a", "c"))
    passing = frozenset({"b-0001/a", "b-0009/x"})
    assert desk.ready(1, passing=passing) == ["b-0001/c/probe"]
    assert desk.ready(passing=passing, kinds=frozenset({Kind.PROBE})) == ["b-0001/c/probe"]
    assert desk.ready(passing=frozenset({"b-0001/a", "b-0001/c"})) == []
    desk.accept(batch(number=2), not_before=desk.clock.unix + 5)
    desk.clock.unix += 5
    assert desk.ready(passing=passing | {"b-0002/j"}, kinds=None) == ["b-0001/c/probe"]
    assert len(desk.ledger.ready(Service.RENDER, 9, desk.clock.unix)) == 3


def test_line_goes_past_renders_that_wait_for_a_licence_and_not_past_the_rest_of_their_job(desk):
    (job,) = desk.accept(batch("a"), probes=False).jobs
    segments = (Segment(0, 0, 1), Segment(1, 1, 2))
    kinds = (Kind.RENDER, Kind.PUBLISH)
    tasks = tuple(
        Task(id=task_id(job.id, k, "t", s.index), job=job, kind=k, target="t", segment=s)
        for s in segments
        for k in kinds
    )
    target = Target(name="t", tasks=tasks, segments=segments, destination="/out")
    desk.ledger.plan(job.id, (target,))
    assert desk.ready(unlicensed=frozenset({"b-0009/x"})) == [task.id for task in tasks]
    past = desk.ready(unlicensed=frozenset({job.id}))
    assert past == [task.id for task in tasks if task.kind is Kind.PUBLISH]
    assert desk.ready(unlicensed=frozenset({job.id}), passing=frozenset({job.id})) == []


# -- the cluster


def test_what_was_applied_last_stands(desk):
    assert desk.ledger.applied() is None
    node = Node(name="mac-01", instances={Service.RENDER: None, Service.COMPRESSOR: 4})
    for revision, commit in (("aaa", "1"), ("bbb", "")):
        cluster = Cluster(name="studio", kind=ClusterKind.MANAGED, nodes=(node,))
        sheet = Sheet(name="studio.yaml", text="kind: Cluster")
        wanted = Application(revision=revision, cluster=cluster, sheets=(sheet,), commit=commit)
        desk.ledger.apply(wanted)
    stands = desk.ledger.applied()
    assert (stands.revision, stands.commit, stands.cluster) == ("bbb", "", cluster)
    assert (stands.sheets, stands.at) == ((sheet,), "2027-01-15T08:00:00.000+00:00")
    assert desk.kinds()[-2:] == ["applied", "applied"]
    assert desk.ledger.events()[-1].data["cluster"]["name"] == "studio"


def test_paused_nodes_are_kept(desk):
    assert desk.ledger.pause_node("mac-01")
    assert not desk.ledger.pause_node("mac-01")
    assert desk.ledger.pause_node("mac-02")
    assert desk.ledger.resume_node("mac-02")
    assert not desk.ledger.resume_node("mac-02")
    assert desk.ledger.paused_nodes() == frozenset({"mac-01"})
    assert desk.kinds()[1:] == ["node-paused", "node-paused", "node-resumed"]


def test_nodes_that_are_taken_out_are_kept_until_they_have_left(desk):
    nodes = {name: Node(name=name, instances={Service.RENDER: 2}) for name in ("n1", "n2", "n3")}

    def apply(*names):
        wanted = tuple(nodes[name] for name in names)
        cluster = Cluster(name="studio", kind=ClusterKind.MANAGED, nodes=wanted)
        desk.ledger.apply(Application(revision="aaa", cluster=cluster))
        return [node.name for node in desk.ledger.leaving_nodes()]

    assert apply("n1", "n2", "n3") == []
    assert apply("n3") == ["n1", "n2"]
    assert apply("n3") == ["n1", "n2"]
    assert desk.ledger.leaving_nodes()[0] == nodes["n1"]
    assert apply("n3", "n2") == ["n1"]
    assert desk.ledger.node_left("n1")
    assert not desk.ledger.node_left("n1")
    assert apply("n3", "n2") == []
    assert desk.kinds()[-2:] == ["node-left", "applied"]


# -- whose turn it is (F-SUB-3)


def test_next_instance_goes_to_the_batch_that_has_the_fewest(desk):
    for number in (1, 2, 3):
        (job,) = desk.accept(batch(number=number), probes=False).jobs
        desk.plan(job, segments=3)
    turns = [task.split("/")[0] for task in desk.ready(5)]
    assert turns == ["b-0001", "b-0002", "b-0003", "b-0001", "b-0002"]
    first, *_ = desk.lease(Q, SECOND)
    assert [task.split("/")[0] for task in desk.ready(3)] == ["b-0002", "b-0003", "b-0002"]
    desk.end(first)
    desk.ledger.pause("b-0002")
    assert [task.split("/")[0] for task in desk.ready(3)] == ["b-0003", "b-0001", "b-0003"]


def test_priority_is_changed_while_a_batch_waits_and_runs(desk):
    for number in (1, 2):
        (job,) = desk.accept(batch(number=number), probes=False).jobs
        desk.plan(job)
    (running,) = desk.lease(Q)
    assert desk.ledger.reprioritize("b-0002", Priority.HIGH)
    assert not desk.ledger.reprioritize("b-0002", Priority.HIGH)
    assert [task.split("/")[0] for task in desk.ready()] == ["b-0002", "b-0002", BATCH]
    assert desk.ledger.reprioritize(BATCH, Priority.LOW)
    assert desk.end(running)
    assert [part.priority for part in desk.ledger.standings()] == [Priority.LOW, Priority.HIGH]
    assert desk.ledger.batch("b-0002").priority is Priority.HIGH
    desk.finish()
    assert not desk.ledger.reprioritize("b-0002", Priority.LOW)
    assert not desk.ledger.reprioritize("b-0009", Priority.LOW)
    assert desk.kinds().count("reprioritized") == 2


def test_what_is_planned_later_has_the_new_priority(desk):
    (job,) = desk.accept(batch()).jobs
    desk.ledger.reprioritize(BATCH, Priority.LOW)
    desk.do(P)
    desk.plan(job)
    desk.accept(batch(number=2))
    assert desk.ready(1) == ["b-0002/j/probe"]


def test_line_can_be_asked_for_some_targets_only(desk):
    (job,) = desk.accept(batch()).jobs
    desk.do(P)
    desk.plan(job, "t", "u")
    desk.accept(batch(number=2))
    among = frozenset({"b-0001/j/u"})
    assert desk.ready(1, targets=among) == ["b-0001/j/u/000000/encode"]
    found = ["b-0001/j/u/000000/encode", "b-0002/j/probe", "b-0001/j/u/000001/encode"]
    assert desk.ready(targets=among) == found
    assert desk.ready(targets=frozenset()) == ["b-0002/j/probe"]
    assert desk.ready(targets=among, kinds=frozenset({Kind.ENCODE})) == found[::2]


# -- a part of a job that is tried again


@pytest.fixture
def halves(desk):
    """One job with two targets; both failed at their second segment, the job is closed."""
    (job,) = desk.accept(batch()).jobs
    desk.do(P)
    desk.plan(job, "t", "u")
    for name in "tu":
        desk.do(f"{JOB}/{name}/000000/encode")
        desk.fail(f"{JOB}/{name}/000001/encode", f"{name} broke")
    desk.finish()
    assert desk.ledger.state(BATCH) is State.FAILED
    return desk


@pytest.mark.parametrize("id", [f"{JOB}/u", f"{JOB}/u/000001", f"{JOB}/u/000001/encode"])
def test_only_what_is_missing_of_a_part_is_tried_again(halves, id):
    halves.ledger.retry(id)
    assert halves.ready() == [f"{JOB}/u/000001/encode"]
    states = halves.states(BATCH)
    assert states[f"{JOB}/t"] is State.FAILED
    assert not any(states[part].is_final for part in (BATCH, JOB, f"{JOB}/u"))
    assert {part.reason for part in halves.ledger.standings(BATCH)} >= {"t broke", ""}
    halves.finish()
    states = halves.states(BATCH)
    assert (states[f"{JOB}/u"], states[JOB], states[BATCH]) == (
        State.SUCCESSFUL,
        State.FAILED,
        State.FAILED,
    )
    assert {part.reason for part in halves.ledger.standings(BATCH)} == {"t broke", ""}
    halves.ledger.retry(TARGET)
    halves.finish()
    assert halves.ledger.state(BATCH) is State.SUCCESSFUL


def test_part_that_lacks_nothing_is_not_tried_again(halves):
    before = halves.kinds()
    halves.ledger.retry(f"{JOB}/t/000000")
    halves.ledger.retry(f"{JOB}/nothing")
    assert halves.kinds() == before
    assert halves.ledger.state(BATCH) is State.FAILED


def test_held_segment_alone_is_tried_again(planned):
    for task in (Q, SECOND):
        planned.do(task, State.HOLD, reason="lost 10 times", cause=Cause.LOST)
    planned.ledger.retry(SEGMENT)
    assert planned.ready() == [Q]
    assert planned.state(SECOND) is State.HOLD


def test_probe_that_is_tried_again_is_its_whole_job(desk):
    desk.accept(batch("a", "c", after={"c": ("a",)}))
    desk.fail("b-0001/a/probe", reach=Reach.JOB)
    desk.finish()
    desk.ledger.retry("b-0001/a/probe")
    assert desk.states(BATCH)["b-0001/a"] is State.WAITING
    assert desk.states(BATCH)["b-0001/c"] is State.CANCELLED
    desk.ledger.retry("b-0001/c/probe")
    desk.finish()
    assert desk.ledger.state(BATCH) is State.SUCCESSFUL


def test_part_of_a_job_that_begins_anew_begins_anew_with_it(halves):
    halves.ledger.retry(TARGET, [JOB])
    assert halves.ready() == [P]
    assert [task.id for task in halves.ledger.tasks(BATCH)] == [P]


def test_target_that_was_cancelled_with_all_of_it_done_goes_on(planned):
    planned.finish(closing=False)
    planned.ledger.close_part(TARGET, "target", State.CANCELLED, "not wanted")
    planned.ledger.retry(TARGET)
    planned.finish()
    assert planned.ledger.state(BATCH) is State.SUCCESSFUL
