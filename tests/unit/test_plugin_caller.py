import types

import pytest

from orchestrator.api import Facts, Kind, Outcome, Places, Progress, Review, Room, hookimpl
from orchestrator.errors import PluginError
from orchestrator.model.work import Ending, Job, Task
from orchestrator.plugin.caller import Caller, Unplannable
from orchestrator.plugin.manager import Plugins

JOB = Job(id="b-0001/j", name="j", processor="odd", asks={})
TASK = Task(id="b-0001/j/t/encode", job=JOB, kind=Kind.ENCODE, target="t")
CALLS = {
    "review": (JOB,),
    "probe": (JOB,),
    "plan": (JOB, Facts(), Room(instances=1, cores=1, node_instances=1)),
    "command": (TASK, Places(attempt="/s/a-1"), {}),
    "check": (TASK, Outcome(attempt="a-1", ending=Ending.EXITED, exit_code=0)),
}


def caller(**methods):
    odd = types.SimpleNamespace(name="odd", **methods)
    module = types.ModuleType("given")
    module.orchestrator_processors = hookimpl(lambda: [odd])
    return Caller(Plugins.given(given=module))


def raising(error):
    def call(*args):
        raise error

    return call


@pytest.mark.parametrize("method", CALLS)
def test_processor_that_raises_is_named_with_its_method(method):
    broken = caller(**{method: raising(KeyError("frames"))})
    with pytest.raises(PluginError, match=f"'odd': {method} raised KeyError: 'frames'; tell") as e:
        getattr(broken, method)(*CALLS[method])
    assert isinstance(e.value.__cause__, KeyError)


def test_impossible_job_is_no_fault_of_the_plugin():
    with pytest.raises(Unplannable, match=r"^the source has no video$"):
        caller(plan=raising(ValueError("the source has no video"))).plan(*CALLS["plan"])


def test_progress_that_raises_says_nothing():
    assert caller(progress=raising(ValueError("frame=N/A"))).progress(TASK, "frame=N/A") is None


def test_progress_is_asked_only_about_a_line():
    asked = caller(progress=lambda task, line: Progress(int(line)))
    assert (asked.progress(TASK, "7"), asked.progress(TASK, "")) == (Progress(7), None)


def test_job_is_reviewed_once():
    seen = []
    reviewing = caller(review=lambda job: seen.append(job) or Review())
    reviewing.review(JOB)
    reviewing.review(JOB)
    assert seen == [JOB]


def test_processor_that_is_gone_is_said_with_those_there_are():
    lost = Task(
        id="b/k/probe", job=Job(id="b/k", name="k", processor="gone", asks={}), kind=Kind.PROBE
    )
    with pytest.raises(PluginError, match="no processor is called 'gone'; known: odd"):
        caller().command(lost, Places(attempt="/s/a-1"), {})
