"""Why something stands as it does, from nouns alone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestrator.decide.explain import AGAIN, explain
from orchestrator.decide.scene import Scene
from orchestrator.model.record import AttemptRecord, Standing
from orchestrator.model.talk import NodePhase, NodeView, Seats
from orchestrator.model.work import Batch, Cause, Job, Kind, Result, State, Task

NOW = datetime(2026, 5, 4, 20, 0, tzinfo=UTC)
JOB = Job(id="b-0001/clip", name="clip", processor="compressor", asks={})
AFTER = Job(id="b-0001/next", name="next", processor="compressor", asks={}, after=("clip",))
PROBE = Task(id="b-0001/clip/probe", job=JOB, kind=Kind.PROBE, state=State.SUCCESSFUL)
ENCODE = Task(
    id="b-0001/clip/web/000000/encode", job=JOB, kind=Kind.ENCODE, target="web", needs=(PROBE.id,)
)
PUBLISH = Task(
    id="b-0001/clip/web/publish", job=JOB, kind=Kind.PUBLISH, target="web", needs=(ENCODE.id,)
)


def standing(id, level, state=State.PROCESSING, **keys):
    accepted = NOW.isoformat() if level == "batch" else ""
    name = id.rpartition("/")[2]
    return Standing(id=id, level=level, name=name, state=state, accepted=accepted, **keys)


def scene(*tasks, jobs=(JOB,), batch_keys=None, state=State.PROCESSING, reason="", **keys):
    batch = Batch(id="b-0001", name="b", jobs=jobs, **(batch_keys or {}))
    standings = (
        standing("b-0001", "batch", state, reason=reason),
        *(standing(job.id, "job", state, reason=reason) for job in jobs),
        standing("b-0001/clip/web", "target", state, reason=reason),
    )
    there = {task.id: task for task in (PROBE, ENCODE, PUBLISH)}
    there.update({task.id: task for task in tasks})
    return Scene(batch=batch, standings=standings, tasks=there, now=NOW, **keys)


def attempt(number, **keys):
    keys = {"closed": "2026-05-04T19:59:00+00:00", **keys}
    return AttemptRecord(
        id=f"3f9c21-{number:06}",
        task=ENCODE.id,
        node="mac-01",
        opened="2026-05-04T19:58:00+00:00",
        **keys,
    )


def failed(number, why="exit code 1: no such file"):
    return attempt(number, cause="failed", why=why)


def why(scene, id=ENCODE.id):
    return explain(scene, id)[0].why


@pytest.mark.parametrize(
    ("task", "says"),
    [
        (ENCODE, "it waits for a free instance of the render service"),
        (
            replace(ENCODE, reason="exit code 1", cause=Cause.FAILED, tries=1),
            "it waits for a free instance of the render service, to be tried again: exit code 1",
        ),
        (
            replace(ENCODE, reason="cluster storage /s is full", cause=Cause.UNREADY),
            "cluster storage /s is full; it is tried again by itself, which costs no try",
        ),
        (replace(ENCODE, state=State.HOLD, reason="lost 10 times"), "lost 10 times"),
        (replace(ENCODE, state=State.FAILED, reason="no source"), "no source"),
        (replace(ENCODE, state=State.CANCELLED), "it is no longer wanted"),
    ],
)
def test_task_says_why_it_stands_so(task, says):
    assert why(scene(task)) == says


def test_task_names_those_it_waits_for():
    account = explain(scene(), PUBLISH.id)[0]
    assert account.waits_for == (ENCODE.id,)
    assert account.why == f"it waits for {ENCODE.id}"


def test_of_many_that_are_waited_for_five_are_named():
    needs = tuple(f"b-0001/clip/web/{number:06}/encode" for number in range(8))
    said = why(scene(replace(PUBLISH, needs=needs)), PUBLISH.id)
    assert said.endswith("000004/encode and 3 more")


def test_probe_waits_for_the_job_before_it():
    probe = Task(id="b-0001/next/probe", job=AFTER, kind=Kind.PROBE)
    account = explain(scene(probe, jobs=(JOB, AFTER)), probe.id)[0]
    assert account.waits_for == ("b-0001/clip",)


@pytest.mark.parametrize("keys", [{"not_before": "2026-05-04T22:00:00+00:00"}, {"delay_s": 7200.0}])
def test_batch_that_starts_later_says_when(keys):
    seen = scene(replace(PROBE, state=State.WAITING), batch_keys=keys, state=State.WAITING)
    assert why(seen, PROBE.id) == "it does not start before 2026-05-04T22:00:00+00:00"
    assert why(seen, "b-0001") == why(seen, PROBE.id)


def test_failed_task_counts_its_tries_by_what_they_came_to():
    tries = (failed(1), failed(2, "no progress for 60 s"), failed(3))
    gone = replace(ENCODE, state=State.FAILED, reason="exit code 1: no such file")
    account = explain(scene(gone, attempts={ENCODE.id: tries}), ENCODE.id)[0]
    assert account.why == "2x exit code 1: no such file; no progress for 60 s"
    assert account.tries == tries
    assert account.next == (f"orchestrator logs {ENCODE.id}", AGAIN)


def test_running_task_names_node_and_attempt():
    tries = (attempt(7, closed=""),)
    busy = scene(replace(ENCODE, state=State.PROCESSING), attempts={ENCODE.id: tries})
    said = "it runs on mac-01 since 2026-05-04T19:58:00+00:00, as attempt 3f9c21-000007"
    assert why(busy) == said


def test_without_a_run_the_way_out_is_to_run_again():
    account = explain(scene(worked_on=False), ENCODE.id)[0]
    assert account.why == "no `orchestrator run` works on it now"
    assert account.next == (AGAIN,)


def test_successful_task_names_the_attempt_that_was_accepted():
    tries = (failed(1), attempt(2, accepted=True))
    done = scene(replace(ENCODE, state=State.SUCCESSFUL), attempts={ENCODE.id: tries})
    said = "attempt 3f9c21-000002 on mac-01 was accepted, after 1 that did not end well"
    assert why(done) == said


def test_successful_target_says_where_its_file_is():
    result = Result(attempt="3f9c21-000009", values={"destination": "/out/clip.mp4"})
    done = scene(state=State.SUCCESSFUL, results={PUBLISH.id: result})
    account = explain(done, "b-0001/clip/web")[0]
    assert account.files == ("/out/clip.mp4",)
    assert account.why == "verified and published"


def test_cancelled_task_names_the_one_that_fell():
    other = replace(ENCODE, id="b-0001/clip/web/000001/encode", state=State.FAILED, reason="x")
    seen = scene(replace(ENCODE, state=State.CANCELLED), other)
    assert why(seen) == f"{other.id} failed, so it is not needed"


def test_batch_lets_the_first_of_like_tasks_speak():
    others = [replace(ENCODE, id=f"b-0001/clip/web/{n:06}/encode") for n in range(1, 5)]
    head, encode = explain(scene(*others), "b-0001")
    assert (head.id, encode.id, encode.alike) == ("b-0001", ENCODE.id, 4)


def test_job_that_could_not_be_planned_says_so_itself():
    gone = scene(state=State.FAILED, reason="no stream to encode")
    accounts = explain(replace(gone, tasks={PROBE.id: PROBE}), "b-0001")
    assert [account.id for account in accounts][:2] == ["b-0001", "b-0001/clip"]
    assert accounts[1].why == "no stream to encode"


def test_what_to_type_is_said_once():
    gone = replace(ENCODE, state=State.FAILED, reason="x")
    lines = [line for a in explain(scene(gone, state=State.FAILED), "b-0001") for line in a.next]
    assert len(lines) == len(set(lines))


def test_segment_is_answered_with_its_tasks():
    (account,) = explain(scene(), "b-0001/clip/web/000000")
    assert account.id == ENCODE.id


def test_every_state_of_a_task_has_a_sentence():
    for state in State:
        assert why(scene(replace(ENCODE, state=state)))


# -- what people paused, and what a cluster lacks


@pytest.mark.parametrize(
    ("paused", "says"),
    [
        (ENCODE.id, "a person has paused it"),
        ("b-0001/clip", "a person has paused b-0001/clip"),
        ("b-0001", "a person has paused b-0001"),
    ],
)
def test_paused_task_names_the_pause_and_the_way_out(paused, says):
    seen = scene(replace(ENCODE, state=State.HOLD), paused=frozenset({paused}))
    account = explain(seen, ENCODE.id)[0]
    assert (account.why, account.next) == (says, (f"orchestrator resume {paused}",))


def test_paused_batch_says_so_and_its_parts_say_it_once():
    held = [replace(task, state=State.HOLD) for task in (ENCODE, PUBLISH)]
    seen = scene(*held, state=State.HOLD, paused=frozenset({"b-0001"}))
    head, *below = explain(seen, "b-0001")
    assert (head.why, head.next) == ("a person has paused it", ("orchestrator resume b-0001",))
    assert all(account.next == () for account in below)


def test_batch_with_only_held_work_left_says_that_a_person_decides():
    seen = scene(replace(ENCODE, state=State.HOLD, reason="lost 10 times"), state=State.HOLD)
    assert why(seen, "b-0001") == "all that is left of it is on Hold: a person decides"


def test_cancelled_part_says_who_wanted_it():
    gone = replace(ENCODE, state=State.CANCELLED, reason="cancelled by a person")
    seen = scene(gone, state=State.CANCELLED, reason="cancelled by a person", nodes=())
    account = explain(seen, "b-0001")[0]
    assert account.why == "cancelled by a person"
    again = "orchestrator retry b-0001 --cluster this-computer  # it does only what is missing"
    assert account.next[-1] == again


RENDERS = {"render": Seats(instances=2)}


def node(name, phase=NodePhase.READY, **keys):
    return NodeView(name=name, phase=phase, **{"services": RENDERS, **keys})


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ((), "the cluster has no node: add one to its manifest, or wait for a free one"),
        (
            (
                node("a", NodePhase.UNREACHABLE, why="no route to a.lan"),
                node("b", NodePhase.PAUSED),
            ),
            "no node is ready: a (no route to a.lan), b (paused)",
        ),
        (
            (
                node(
                    "a",
                    NodePhase.CLOSED,
                    opens="2026-05-05T18:00:00+02:00",
                    timezone="Europe/Berlin",
                ),
                node("b", NodePhase.CLOSED, opens="2026-05-05T15:30:00+00:00", timezone="UTC"),
            ),
            "every node is closed; the next opens Tue 15:30: b (UTC)",
        ),
        (
            (node("a", services={"compressor": Seats(instances=1)}), node("b", NodePhase.LOST)),
            "no node that is ready offers the render service; others are not ready: b (lost)",
        ),
        (
            (node("a"), node("b", services={"render": Seats(instances=0)})),
            "it waits for a free instance of the render service",
        ),
    ],
)
def test_task_of_a_cluster_says_what_its_nodes_lack(nodes, says):
    assert why(scene(nodes=nodes)) == says


def test_program_that_no_node_has_is_named():
    job = replace(JOB, requires={"blender": ">=4"})
    task = replace(ENCODE, job=job)
    said = "no node that is ready has blender, which the job requires"
    assert why(scene(task, jobs=(job,), nodes=(node("a"),))) == said
    able = node("b", programs={"blender": "4.1"})
    assert "free instance" in why(scene(task, jobs=(job,), nodes=(node("a"), able)))


def test_render_that_waits_for_a_licence_says_whose_and_how_many():
    render = replace(ENCODE, id=ENCODE.id.replace("/encode", "/render"), kind=Kind.RENDER)
    full = {f"{JOB.id}/render": "licence maya: 4 of 4 in use (limits.licences)"}
    asked = scene(render, nodes=(node("a"),), full=full)
    assert why(asked, render.id) == full[f"{JOB.id}/render"]
    assert "free instance" in why(scene(nodes=(node("a"),), full=full))


def test_of_many_closed_nodes_the_first_are_named():
    nodes = tuple(node(f"n{number}", NodePhase.LOST) for number in range(9))
    assert why(scene(nodes=nodes)).endswith("n4 (lost) and 4 more")


def test_nodes_that_cannot_do_a_task_say_why():
    nodes = (node("a"), node("b"), node("c", NodePhase.LOST))
    refused = {ENCODE.id: {"b": "ffmpeg 6 has no encoder x265, needed by web."}}
    assert why(scene(nodes=nodes, refused=refused)) == (
        "it waits for a free instance of the render service on a; others cannot do it: "
        "b (ffmpeg 6 has no encoder x265, needed by web)"
    )
    refused[ENCODE.id]["a"] = "it has no ffmpeg"
    assert why(scene(nodes=nodes, refused=refused)) == (
        "no node that is ready can do it: a (it has no ffmpeg), "
        "b (ffmpeg 6 has no encoder x265, needed by web)"
    )


def test_what_a_limit_holds_up_says_which():
    full = {"targets": "40 targets are worked on", "segments": "400 segments are worked on"}
    assert why(scene(full=full)) == full["targets"]
    assert why(scene(full=full, state=State.WAITING), "b-0001/clip/web") == full["targets"]
    running = replace(PUBLISH, state=State.PROCESSING, needs=())  # the target is active by it
    assert why(scene(running, full=full)) == full["segments"]
    ready = replace(PUBLISH, id="b-0001/clip/web/assemble", kind=Kind.ASSEMBLE, needs=())
    assert "free instance" in why(scene(running, ready, full=full), ready.id)


def test_job_that_waits_to_learn_who_sees_its_source_says_so():
    probe = replace(PROBE, state=State.WAITING)
    asks = "asks the nodes whether they see /m/a.mov: n2"
    seen = scene(probe, full={"b-0001/clip/copy": asks}, state=State.WAITING)
    assert why(seen, probe.id) == asks
    assert why(seen, "b-0001/clip") == asks


def test_job_that_is_being_copied_says_so():
    copy = Task(id="b-0001/clip/copy", job=JOB, kind=Kind.COPY, state=State.PROCESSING)
    there = scene(copy, replace(PROBE, state=State.WAITING, needs=(copy.id,)))
    there = Scene(
        batch=there.batch,
        standings=there.standings,
        tasks={id: task for id, task in there.tasks.items() if not task.target},
        now=NOW,
    )
    assert why(there, "b-0001/clip") == "its source is copied to cluster storage"
    assert why(there, PROBE.id) == "it waits for b-0001/clip/copy"
