import json

import pytest

from orchestrator.model.codec import canonical, dump, load
from orchestrator.model.node import Identity, Phase, Program, Report, Spec
from orchestrator.model.work import (
    Batch,
    Cause,
    Ending,
    Job,
    Kind,
    Outcome,
    Segment,
    Service,
    Split,
    State,
    Target,
    Task,
)

JOB = Job(
    id="b-0001/j",
    name="j",
    processor="p",
    asks={"source": "/in/ä ö.mov", "outputs": [{"setting": "web", "size": [1920, 1080]}]},
    service=Service.COMPRESSOR,
    after=("first",),
    split=Split(seconds=12.5, cuts=(100, 200)),
)
TASK = Task(
    id="b-0001/j/t/000001/encode",
    job=JOB,
    kind=Kind.ENCODE,
    target="t",
    segment=Segment(1, 250, 500),
    args={"deep": {"list": [1, 2.5, None, True]}},
    needs=("b-0001/j/probe",),
    state=State.WAITING,
    cause=Cause.UNREADY,
)
FFMPEG = Program(name="ffmpeg", path="/f", version="7", parts=frozenset({"x264", "aac"}))
IDENTITY = Identity(
    version="0",
    python="python",
    cores=2,
    memory_bytes=1,
    instances={"render": 2},
    programs=(FFMPEG,),
)
NOUNS = [
    JOB,
    TASK,
    Target(name="t", tasks=(TASK,), segments=(Segment(0, 0, 250),), notes=("one segment",)),
    Batch(id="b-0001", name="b", jobs=(JOB,)),
    Outcome(attempt="a-1", ending=Ending.EXITED, exit_code=0, result={"frames": 250}),
    Spec(
        cluster="c", epoch=1, lease=2, attempt="a-1", task="t", service="render",
        argv=("ffmpeg", "-i", "a b"), folder="/s/a-1",
    ),
    Report(beat=3, identity=IDENTITY, attempts={"a-1": (Phase.RUNNING, "frame=3")}),
]  # fmt: skip


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: type(noun).__name__)
def test_noun_comes_back_from_its_json_as_it_was(noun):
    assert load(type(noun), json.loads(canonical(noun))) == noun


def test_default_is_left_out():
    assert dump(Segment(0, 0, 1)) == {"index": 0, "start": 0, "end": 1}
    assert "reason" not in dump(TASK)


def test_unknown_key_is_refused_by_name():
    with pytest.raises(ValueError, match="Segment: unknown stop"):
        load(Segment, {"index": 0, "start": 0, "end": 1, "stop": 2})


def test_missing_key_without_a_default_is_refused():
    with pytest.raises(TypeError):
        load(Segment, {"index": 0})


def test_equal_data_has_equal_text_whatever_its_order():
    assert canonical({"b": 1, "a": [2, {"d": 3, "c": 4}]}) == '{"a":[2,{"c":4,"d":3}],"b":1}'
    assert canonical(frozenset("ba")) == canonical(frozenset("ab"))
