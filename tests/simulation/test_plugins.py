"""A processor that breaks its promises harms its own job, and is named."""

from dataclasses import replace
from pathlib import Path

import pytest
from farm import job
from farm_processor import Parts

from orchestrator.api import Command, Kind, Segment
from orchestrator.controller.submit import check_able
from orchestrator.engine.fake import USUAL
from orchestrator.errors import PluginError
from orchestrator.model.work import Batch, State


class Odd(Parts):
    """As `Parts`, but for what the test replaces."""

    name = "odd"


def odd(**methods):
    return type("Odd", (Odd,), methods)()


def raising(*args):
    raise KeyError("frames")


def run(farm, processor):
    """Run a job of the odd processor beside one that is well."""
    f = farm(processors=(processor,))
    f.submit(job("odd", processor="odd"), job("well"))
    f.run()
    assert f.state("b-0001/well") == "Successful"
    return f


def reason(f):
    return next(part.reason for part in f.ledger.standings("b-0001") if part.id == "b-0001/odd")


@pytest.mark.parametrize("method", ["plan", "command", "check"])
def test_method_that_raises_fails_its_job_and_is_named(farm, method):
    f = run(farm, odd(**{method: raising}))
    assert f.state("b-0001/odd") == "Failed"
    assert f"processor 'odd': {method} raised KeyError: 'frames'" in reason(f)


def test_probe_that_raises_refuses_the_batch_before_anything_is_stored(farm):
    f = farm(processors=(odd(probe=raising),))
    with pytest.raises(PluginError, match="'odd': probe raised KeyError: 'frames'"):
        f.submit(job("odd", processor="odd"))
    assert f.ledger.standings() == ()


def test_review_that_raises_refuses_the_batch_before_it_is_submitted(farm):
    f = farm(processors=(odd(review=raising),))
    batch = Batch(id="b", name="b", jobs=(job("odd", processor="odd"),))
    with pytest.raises(PluginError, match="'odd': review raised KeyError: 'frames'"):
        check_able(f.caller, batch, [USUAL])


def test_review_that_raises_later_harms_its_own_job_only(farm):
    f = run(farm, odd(review=raising))
    assert f.state("b-0001/odd") == "Failed"


def test_progress_that_raises_is_nobodys_fault(farm):
    f = run(farm, odd(progress=raising))
    assert f.state() == "Successful"


def answering(answer):
    return lambda *args: answer


@pytest.mark.parametrize(
    ("method", "answer", "says"),
    [
        ("plan", (), "plan named no target"),
        ("plan", None, "plan answered NoneType"),
        ("plan", ("web",), "plan answered str"),
        ("command", "ffmpeg -i movie.mov", "command answered str"),
        ("command", Command(("x",), input={"path": Path("/in")}), "is not JSON"),
        ("command", Command(("x",), input={"size": float("nan")}), "is not JSON"),
        ("command", Command(("x",), folders=("../../x",)), "'../../x', which is not below its own"),
        ("command", Command(("x\0y",)), "holds a NUL"),
        ("check", None, "check answered NoneType"),
        ("check", True, "check answered bool"),
    ],
)
def test_answer_of_the_wrong_kind_fails_its_job_and_is_named(farm, method, answer, says):
    f = run(farm, odd(**{method: answering(answer)}))
    assert f.state("b-0001/odd") == "Failed"
    assert says in reason(f)
    assert "odd" in reason(f)


def planning(change):
    """Return a `plan` whose targets are changed."""
    return lambda self, job, facts, room: tuple(map(change, Parts.plan(self, job, facts, room)))


def circle(target):
    first, *rest = target.tasks
    return replace(target, tasks=(replace(first, needs=(rest[-1].id,)), *rest))


def stranger(target):
    first, *rest = target.tasks
    return replace(target, tasks=(replace(first, needs=("b-0001/other/probe",)), *rest))


def path_in_args(target):
    first, *rest = target.tasks
    return replace(target, tasks=(replace(first, args={"path": Path("/in")}), *rest))


def not_its_own(target):
    first, *rest = target.tasks
    return replace(target, tasks=(replace(first, id="b-0001/well/web/000000/encode"), *rest))


def twice(target):
    return replace(target, tasks=(*target.tasks, target.tasks[0]))


def named(name):
    def change(target):
        tasks = (replace(each, target=name, id=f"{each.job.id}/{name}/x") for each in target.tasks)
        return replace(target, name=name, tasks=tuple(tasks))

    return change


def of_another(target):
    return replace(target, tasks=tuple(replace(each, target="other") for each in target.tasks))


def backwards(target):
    return replace(target, segments=(Segment(0, 5, 9), Segment(1, 0, 5)))


def nothing_to_do(target):
    return replace(target, tasks=())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (circle, "need each other"),
        (stranger, "'b-0001/other/probe' is needed, not planned"),
        (path_in_args, "is not JSON"),
        (not_its_own, "'b-0001/well/web/000000/encode' is not its own"),
        (twice, "names a task twice"),
        (nothing_to_do, "target 'web' has no tasks"),
        (named("../x"), "target '../x' is named as no file can be; tell its author"),
        (named("a\nb"), "is named as no file can be"),
        (of_another, "says that it is of target 'other'"),
        (backwards, "segments of target 'web' overlap, or go backwards"),
    ],
)
def test_plan_that_cannot_be_carried_out_fails_its_job_and_is_named(farm, change, says):
    f = run(farm, odd(plan=planning(change)))
    assert f.state("b-0001/odd") == "Failed"
    assert says in reason(f)


def test_plugin_deaf_to_the_end_of_a_batch_stops_nothing(farm):
    f = farm()
    f.ended = None  # what its hook appends to
    f.submit(job())
    f.run()
    assert (f.state(), f.task("publish").state) == ("Successful", State.SUCCESSFUL)
    assert f.task("publish").kind is Kind.PUBLISH
