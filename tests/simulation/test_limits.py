"""Stories of whose turn it is: batches that share, priorities that change, and how much at once."""

from collections import Counter

import pytest
from farm import job
from farm_world import fails

from orchestrator.controller.parts import act, prioritize
from orchestrator.decide.active import active
from orchestrator.decide.fleet import Gate
from orchestrator.errors import NotThere, Refusal
from orchestrator.model.cluster import Limits
from orchestrator.model.talk import Verb
from orchestrator.model.work import Priority


def limited(farm, nodes=3, instances=4, **limits):
    names = tuple(f"n{number}" for number in range(nodes))
    f = farm(nodes=names, instances=instances).watched(Gate(limits=Limits(**limits)))
    f.turn()
    f.step()
    return f


def told(f) -> list[tuple[int, int]]:
    """Run to the end; return after every look how many targets and segments were active."""
    found = []
    while not f.is_over():
        f.turn()
        now = active(f.holders())
        found.append((len(now.targets), now.segments))
        f.step()
    return found


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({"active_targets": 3}, (3, 6)),
        ({"active_segments": 5}, (5, 5)),
        ({"active_targets": 2, "active_segments": 3}, (2, 3)),
        ({}, (6, 12)),
    ],
)
def test_no_more_is_worked_on_than_the_limits_say_and_never_less(farm, limits, most):
    f = limited(farm, **limits)
    for number in range(3):
        f.submit(job(targets=["a", "b", "c"], segments=2), name=f"b{number}")
    seen = told(f)
    assert {f.state(f"b{number}-0001") for number in range(3)} == {"Successful"}
    targets, segments = (max(column) for column in zip(*seen, strict=True))
    assert segments == most[1]
    assert targets <= max(most[0], limits.get("active_targets", 9))
    assert targets == limits.get("active_targets", targets)


def test_limit_lets_a_higher_priority_begin_at_the_next_end(farm):
    f = limited(farm, nodes=1, instances=2, active_targets=1)
    f.submit(job(segments=9, probe=False), priority=Priority.LOW)
    f.turn()
    f.submit(job(segments=1, probe=False), name="c", priority=Priority.HIGH)
    f.run_until("c-0001/j/web/000000/encode")
    assert len(f.started("/encode")) <= 5
    assert f.state("b-0001") == "Processing"
    f.run()


def test_what_is_paused_or_fits_no_node_holds_up_nobody(farm):
    f = limited(farm, nodes=1, instances=2, active_targets=1)
    f.submit(job(segments=4))
    f.run_until("000001/encode")
    act(f.guarded, f.storage, Verb.PAUSE, "b-0001", now=False)
    f.submit(job(segments=2), name="c")
    while f.state("c-0001") != "Successful":
        f.turn()
        f.step()
    assert f.state("b-0001") == "Hold"
    act(f.guarded, f.storage, Verb.RESUME, "b-0001", now=False)
    f.run()


def test_batches_of_one_priority_share_the_instances(farm):
    f = limited(farm, nodes=3, instances=3)
    f.submit(job(segments=40, probe=False))
    f.turn()
    assert Counter(task[0] for task in f.holders()) == {"b": 9}
    for name in "cd":
        f.submit(job(segments=40, probe=False), name=name)
    while len(f.started("/encode")) < 27:
        f.turn()
        f.step()
    assert Counter(task[0] for task in f.holders()) == {"b": 3, "c": 3, "d": 3}
    f.run()


def test_changed_priority_counts_from_the_next_instance_on(farm):
    f = limited(farm, nodes=1, instances=2)
    f.submit(job(segments=9, probe=False))
    f.submit(job(segments=4, probe=False), name="c")
    f.run_until("c-0001/j/web/000001/encode")
    before = len(f.started())
    prioritize(f.guarded, "c-0001", Priority.HIGH)
    f.restart()
    while f.state("c-0001") != "Successful":
        f.turn()
        f.step()
    while_it_ran = [task[0] for task in f.started()[before:]]
    assert while_it_ran[:3] == ["c"] * 3  # two segments and the audio
    prioritize(f.guarded, "b-0001", Priority.LOW)
    f.run()
    with pytest.raises(Refusal, match="b-0001: it is over"):
        prioritize(f.guarded, "b-0001", Priority.HIGH)
    with pytest.raises(Refusal, match="run: orchestrator priority b-0001 low"):
        prioritize(f.guarded, "b-0001/j", Priority.LOW)
    with pytest.raises(NotThere, match="b-0002"):
        prioritize(f.guarded, "b-0002", Priority.LOW)


@pytest.mark.parametrize(
    "id", ["b-0001/j/web", "b-0001/j/web/000001", "b-0001/j/web/000001/encode"]
)
def test_retried_part_does_what_it_lacks_and_nothing_else(farm, id):
    f = farm()
    f.script["web/000001/encode"] = [fails()] * 3
    f.script["master/000000/encode"] = [fails()] * 3
    f.submit(job(segments=3, targets=["web", "master"]))
    f.run()
    before = len(f.leases())
    for record in f.ledger.attempts("b-0001"):
        f.storage.attempt(record.id).mkdir()  # what was accepted is still there
    act(f.guarded, f.storage, Verb.RETRY, id, now=False)
    f.run()
    assert f.state("b-0001/j/web") == "Successful"
    assert (f.state("b-0001/j/master"), f.state()) == ("Failed", "Failed")
    again = f.leases()[before:]
    assert {task.split("/")[2] for task in again} == {"web"}
    assert "b-0001/j/web/000000/encode" not in again
    f.guarded.retry("b-0001/j/master")
    f.run()
    assert f.state() == "Successful"
