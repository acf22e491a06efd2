"""Stories of licences: never more in use than there are, and nobody waits behind who waits for one."""

import types
from collections import Counter
from dataclasses import replace

import pytest
from farm import job
from farm_world import fails

from orchestrator.api import (
    Accept,
    Cause,
    Command,
    Kind,
    Reject,
    Review,
    Segment,
    Service,
    Target,
    Task,
    task_id,
)
from orchestrator.decide.fleet import Gate
from orchestrator.model.cluster import Licence, Limits


class Renders:
    """`with`: ``segments``, ``holds`` (licences): per segment a render, and a publish task."""

    name = "renders"
    service = Service.RENDER
    schema = types.MappingProxyType({"type": "object"})
    setting_schema = None

    def review(self, job):
        return Review(licences=tuple(job.asks.get("holds", ())))

    def probe(self, job):
        return None

    def plan(self, job, facts, room):
        segments = tuple(Segment(n, n, n + 1) for n in range(job.asks.get("segments", 2)))
        tasks = []
        for each in segments:
            render, done = (
                task_id(job.id, kind, "frames", each.index) for kind in (Kind.RENDER, Kind.PUBLISH)
            )
            common = {"job": job, "target": "frames", "segment": each}
            tasks.append(Task(id=render, kind=Kind.RENDER, **common))
            tasks.append(Task(id=done, kind=Kind.PUBLISH, needs=(render,), **common))
        return (Target(name="frames", tasks=tuple(tasks), segments=segments, destination="/out"),)

    def command(self, task, where, done):
        return Command((f"{task.kind.value} it", task.id), limit_s=60)

    def progress(self, task, line):
        return None

    def check(self, task, outcome):
        if outcome.exit_code == 9:
            return Reject("its licence server has no licence left", Cause.UNREADY)
        return outcome.exit_fault or Accept()


def renders(name="j", *holds, segments=4, **more):
    made = job(name, processor="renders", holds=list(holds), segments=segments, probe=False)
    return replace(made, **more)


def limited(farm, nodes=3, instances=2, memory=False, **licences):
    names = tuple(f"n{number}" for number in range(nodes))
    f = farm(nodes=names, instances=instances, processors=[Renders()], memory=memory)
    f.watched(Gate(limits=Limits(licences=licences)))
    f.turn()
    f.step()
    return f


def held(f):
    """Return how many renders of each job are open."""
    return Counter(task.split("/")[1] for task in f.holders() if task.endswith("/render"))


def most(f) -> Counter:
    """Run to the end; return how many renders of each job were open at once at most."""
    found = Counter()
    while not f.is_over():
        f.turn()
        found |= held(f)
        f.step()
    return found


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        (Licence(cluster=2), 2),
        (Licence(host=1), 3),
        (Licence(cluster=2, host=1), 2),
        (Licence(cluster=9), 6),
    ],
)
def test_as_many_renders_hold_a_licence_as_there_are_and_never_fewer(farm, licence, expected):
    f = limited(farm, maya=licence)
    f.submit(renders("j", "maya", segments=12))
    assert most(f) == {"j": expected}
    assert f.state() == "Successful"


def test_licence_that_the_job_names_counts_beside_the_processors(farm):
    f = limited(farm, maya=Licence(cluster=3), arnold=Licence(cluster=1))
    f.submit(renders("j", "maya"), renders("k", "maya", licences=("arnold",)))
    assert most(f) <= Counter(j=3, k=1)
    assert f.state() == "Successful"


def test_what_waits_for_a_licence_holds_up_nobody_behind_it(farm):
    f = limited(farm, nodes=2, instances=2, maya=Licence(cluster=1))
    for number in range(12):  # more than are looked past in one look
        f.submit(renders(f"m{number}", "maya", segments=9), name=f"b{number}")
    f.submit(renders("free", segments=6), name="c")
    f.turn()
    f.turn()
    assert held(f)["free"] == 3
    said = f.controller.lookout.licensing.told
    why = "licence maya: 1 of 1 in use (limits.licences)"
    assert set(said.values()) == {why}
    assert "b1-0001/m1/render" in said
    f.run()
    assert f.state("c-0001") == "Successful"


def test_other_work_of_a_job_whose_renders_wait_goes_on(farm):
    f = limited(farm, nodes=1, instances=2, maya=Licence(cluster=1))
    f.submit(renders("j", "maya", segments=5))
    while not f.is_over():
        f.turn()
        open_now = [task for task in f.holders() if task.endswith("/publish")]
        done = f.states(kind=Kind.RENDER).count("Successful")
        published = f.states(kind=Kind.PUBLISH).count("Successful")
        assert done == published + len(open_now)
        f.step()


def test_silent_node_holds_its_licence_until_it_is_given_up(farm):
    f = limited(farm, nodes=2, instances=1, maya=Licence(cluster=1))
    f.submit(renders("j", "maya"))
    f.run_until("/render")
    (node,) = f.holders().values()
    f.engine.lose(node)
    f.pass_time(20)
    assert list(f.holders().values()) == [node]
    f.run()
    assert f.state() == "Successful"


def test_limit_that_is_lifted_counts_from_the_next_look_on(farm):
    f = limited(farm, nodes=2, instances=2, maya=Licence(cluster=1))
    f.submit(renders("j", "maya", segments=9))
    f.turn()
    assert held(f) == {"j": 1}
    f.watch.say(limits=Limits())
    f.turn()
    assert held(f) == {"j": 4}
    f.run()


def test_refused_licence_costs_no_try_and_neither_its_job_nor_its_node_pays(farm):
    f = limited(farm, nodes=2, instances=2, maya=Licence(cluster=3))
    f.script["frames/000000/render"] = [fails(exit_code=9), fails(exit_code=9)]
    f.submit(renders("j", "maya"))
    f.run_until("000000/render")
    while "licence" not in f.task("000000/render").reason:
        f.turn()
        f.step()
    waiting = f.task("000000/render")
    assert (waiting.tries, waiting.waits, waiting.cause) == (0, 1, Cause.UNREADY)
    f.run()
    done = f.task("000000/render")
    assert (done.tries, f.state(), len(f.started("000000/render"))) == (0, "Successful", 3)
    assert f.controller.lookout.blames.stored() == {}


def test_controller_that_dies_at_any_step_gives_out_no_licence_twice(farm):
    for burnt in range(1, 60, 7):
        f = limited(farm, memory=burnt % 2 == 0, nodes=2, maya=Licence(cluster=2, host=1))
        f.fuse.left = burnt
        f.survive(lambda f=f: f.submit(renders("j", "maya", segments=3)))
        while not f.is_over():
            f.survive(f.turn)
            f.step()
        assert f.state() == "Successful"
