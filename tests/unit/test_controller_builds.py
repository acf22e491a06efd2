from dataclasses import replace

import pytest

from orchestrator.controller.builds import TargetBuilds
from orchestrator.decide.reconcile import Attempt
from orchestrator.engine.fake import USUAL
from orchestrator.errors import PluginError
from orchestrator.model.node import Member, Program, Report
from orchestrator.model.work import Job, Kind, Review, Service, Task

JOB = Job(id="b-0001/j", name="j", processor="p", asks={})
FIRST, SECOND = "b-0001/j/t/000000/encode", "b-0001/j/t/000001/encode"
OTHER = "b-0001/j/u/000000/encode"
WHOLE = "b-0001/j/t/assemble"


class Reviewer:
    """A caller whose every job needs ffmpeg."""

    is_gone = False

    def review(self, job):
        if self.is_gone:
            raise PluginError("processor 'p' is gone")
        return Review(needs={"ffmpeg": ()})


class Tasks:
    """A ledger that knows every task."""

    def task(self, id):
        return Task(id=id, job=JOB, kind=Kind.ENCODE)


@pytest.fixture
def builds(tmp_path):
    return lambda caller=None: TargetBuilds(tmp_path / "builds", caller or Reviewer(), Tasks())


def having(sha):
    return replace(USUAL, programs=(Program(name="ffmpeg", path="/ffmpeg", sha256=sha),))


def test_first_segment_of_a_target_decides(builds):
    record = builds()
    record.fix([(FIRST, having("old")), (SECOND, having("new")), (WHOLE, having("new"))])
    record.fix([(SECOND, having("new")), (OTHER, having("new"))])
    assert record.fixed([], {}) == {
        "b-0001/j/t": {"ffmpeg": "old"},
        "b-0001/j/u": {"ffmpeg": "new"},
    }


def test_it_is_remembered_over_a_restart(builds):
    builds().fix([(FIRST, having("old"))])
    assert builds().fixed([], {}) == {"b-0001/j/t": {"ffmpeg": "old"}}


def test_open_segment_counts_before_it_was_sent(builds):
    attempt = Attempt(
        id="a-1", task=FIRST, service=Service.RENDER, node="n1", incarnation="1", lease=1
    )
    here = {Member("n1", "1"): Report(beat=1, identity=having("old"))}
    assert builds().fixed([attempt], here) == {"b-0001/j/t": {"ffmpeg": "old"}}
    assert builds().fixed([attempt], {}) == {}


def test_job_that_begins_anew_may_begin_with_any_build(builds):
    record = builds()
    record.fix([(FIRST, having("old")), ("b-0002/j/t/000000/encode", having("old"))])
    record.forget("b-0001/j")
    assert builds().fixed([], {}) == {"b-0002/j/t": {"ffmpeg": "old"}}


def test_job_whose_plugin_is_gone_holds_up_nobody(builds):
    caller = Reviewer()
    caller.is_gone = True
    record = builds(caller)
    record.fix([(FIRST, having("old"))])
    assert record.fixed([], {}) == {"b-0001/j/t": {}}
