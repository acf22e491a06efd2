"""Actions as tasks: in order, after each target or once after all (F-SUB-9)."""

from dataclasses import replace

import pytest

from orchestrator.controller import actions
from orchestrator.controller.act import Hands
from orchestrator.errors import Busy, PluginError, Refusal
from orchestrator.model.node import Places
from orchestrator.model.work import (
    Accept,
    Cause,
    Job,
    Kind,
    Reject,
    State,
    Target,
    Task,
    task_id,
)

PLACES = Places(attempt="/store/attempts/a1", results={}, programs={"python": "py"})


def job(*acts):
    return Job(id="b-0001/j", name="j", processor="p", asks={}, actions=acts)


def targets(of):
    def one(name):
        task = Task(id=task_id(of.id, Kind.PUBLISH, name), job=of, kind=Kind.PUBLISH, target=name)
        return Target(name=name, tasks=(task,), destination=f"/out/{name}")

    return one("x"), one("y")


def planned(*acts):
    of = job(*acts)
    found = [task for target in actions.added(of, targets(of)) for task in target.tasks]
    return {task.id.removeprefix("b-0001/j/"): task for task in found if task.kind is Kind.ACTION}


def needs(task):
    return {need.removeprefix("b-0001/j/") for need in task.needs}


def test_what_concerns_a_file_is_done_after_each_target():
    found = planned({"command": ["a"]}, {"webhook": "https://x"})
    assert sorted(found) == [f"{t}/00000{n}/action" for t in "xy" for n in (0, 1)]
    assert needs(found["x/000000/action"]) == {"x/publish"}
    assert needs(found["x/000001/action"]) == {"x/000000/action"}


def test_the_source_is_moved_once_and_only_when_all_targets_are_published():
    found = planned({"move": "/done"}, {"command": ["a"]})
    assert [id for id in found if found[id].args.get("move")] == ["y/000000/action"]
    assert needs(found["y/000000/action"]) == {"x/publish", "y/publish"}
    assert needs(found["x/000001/action"]) == {"y/000000/action"}


def test_frames_are_acted_on_when_the_whole_sequence_was_looked_at():
    of = job({"command": ["a"]})
    x, _ = targets(of)
    look = Task(
        id=task_id(of.id, Kind.VERIFY, "x"),
        job=of,
        kind=Kind.VERIFY,
        target="x",
        needs=(x.tasks[0].id,),
    )
    (found,) = actions.added(of, [replace(x, tasks=(*x.tasks, look))])
    assert needs(found.tasks[-1]) == {"x/verify"}


def command(action, source="/in/a.mov", allow=None):
    return actions.command(planned(action)["y/000000/action"], PLACES, source, allow)


def test_on_this_computer_any_address_may_be_called_and_on_a_cluster_those_listed():
    url = {"webhook": "https://x"}
    assert command(url).input["allow"] == ["0.0.0.0/0", "::/0"]
    assert command(url, allow=()).input["allow"] == []
    assert command(url).input["body"]["destination"] == "/out/y"


def test_a_processor_without_a_source_has_none_to_move():
    with pytest.raises(PluginError, match="names no source"):
        command({"move": "/done"}, source="")


def onward(answer, state=State.PROCESSING):
    asked = []

    def submit_next(*_):
        asked.append(1)
        if answer:
            raise answer

    task = planned({"submit": {"name": "x.yaml", "text": "x"}})["y/000000/action"]
    hands = Hands(*[None] * 7, submit_next=submit_next)
    return hands._onward(replace(task, state=state)), len(asked)


def test_what_is_submitted_waits_for_a_full_queue_and_for_nothing_else():
    assert onward(None) == (Accept(), 1)
    assert onward(Busy("full")) == (Reject("full", Cause.UNREADY), 1)
    assert onward(Refusal("no")) == (Reject("no", final=True), 1)


def test_late_words_of_what_is_over_submit_nothing():
    assert onward(None, State.CANCELLED) == (Accept(), 0)
