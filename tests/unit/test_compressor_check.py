"""The last gate: a node's numbers against the plan's."""

from typing import Any

import pytest
from compressor_jobs import COMPRESSOR, job, planned, probe, seen, split, steady

from orchestrator.api import Accept, Kind, Outcome, Progress, Reject, Replan, Rework, Task
from orchestrator.model.work import Ending

GOOD = {
    "sha256": "1",
    "payload_sha256": "2",
    "extradata_sha256": "3",
    "frames": 100,
    "keyframe_first": True,
    "decoded": 100,
    "source_errors": 0,
}


def ended(code: int = 0, **result: Any) -> Outcome:
    return Outcome(attempt="a", ending=Ending.EXITED, exit_code=code, result=result, log_tail="x")


def task(kind: Kind, mode: str = "packets", **more: Any) -> Task:
    times = steady(250)
    values = seen(times)
    values["table"] = {**values["table"], "mode": mode}
    (target,) = planned(job("h264-1080p", split=split(frames=100), **more), times)
    chosen = next(each for each in target.tasks if each.kind is kind)
    chosen.args["mode"] = mode  # type: ignore[index]
    return chosen


def test_a_good_segment_is_accepted():
    assert COMPRESSOR.check(task(Kind.ENCODE), ended(**GOOD)) == Accept()


def test_exit_code_zero_alone_proves_nothing():
    assert isinstance(COMPRESSOR.check(task(Kind.ENCODE), ended()), Reject)


def test_another_exit_code_is_refused_with_the_last_line():
    assert COMPRESSOR.check(task(Kind.ENCODE), ended(1, **GOOD)) == Reject("exit code 1: x")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"frames": 99}, "99 frames instead of 100"),
        ({"keyframe_first": False}, "does not begin with a keyframe"),
        ({"decoded": 0}, "not decoded again"),
        ({"sha256": ""}, "lacks sha256"),
        ({"source_errors": 2}, "complained 2 times"),
    ],
)
def test_a_segment_that_is_not_as_planned_is_refused(change, said):
    verdict = COMPRESSOR.check(task(Kind.ENCODE), ended(**{**GOOD, **change}))
    assert isinstance(verdict, Reject)
    assert said in verdict.why


def test_complaints_of_the_source_are_let_pass_where_the_job_says_so():
    chosen = task(Kind.ENCODE, on_decode_errors="warn")
    assert COMPRESSOR.check(chosen, ended(**{**GOOD, "source_errors": 2})) == Accept()


def test_a_wrong_count_of_packets_is_planned_anew_by_the_decoder_once():
    result = {"mismatch": {"expected": 100, "found": 98}}
    first = COMPRESSOR.check(task(Kind.ENCODE), ended(**result))
    assert isinstance(first, Replan)
    assert first.changes == {"mode": "decoder"}
    second = COMPRESSOR.check(task(Kind.ENCODE, "decoder"), ended(**result))
    assert isinstance(second, Reject)
    assert "98 frames instead of 100" in second.why


UNDERFLOW = {"segment": 1, "frame": 104, "bits": 90, "fill": "0.400", "tightened": 0}


@pytest.mark.parametrize(
    "change",
    [
        *({"fill": fill} for fill in ("0.4:crf=51", "2.0", "1.1", "0.4\n", "0.1234567", "", 0.4)),
        *({"tightened": said} for said in (-1, 3, "0", True, None)),
        *({"segment": said} for said in (-1, 3, "1", 1.0)),
        *({"frame": "104"}, {"bits": None}),
    ],
)
def test_what_a_node_says_of_an_underflow_becomes_no_other_words_of_an_encoder(change):
    chosen = task(Kind.ASSEMBLE)
    assert isinstance(COMPRESSOR.check(chosen, ended(underflow=[UNDERFLOW])), Rework)
    for wrong in ([UNDERFLOW, UNDERFLOW | change], UNDERFLOW, ["x"], 1):
        verdict = COMPRESSOR.check(chosen, ended(underflow=wrong))
        assert isinstance(verdict, Reject)
        assert "makes no sense" in verdict.why


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        (Kind.AUDIO, {"sha256": "1", "samples": 480000}),
        (Kind.ASSEMBLE, {"sha256": "1", "frames": 250}),
        (Kind.VERIFY, {"report": {"ok": True}}),
        (Kind.PUBLISH, {"sha256": "1", "destination": "/out/h264-1080p.mp4"}),
    ],
)
def test_each_step_is_accepted_with_its_numbers_and_refused_without(kind, result):
    assert COMPRESSOR.check(task(kind), ended(**result)) == Accept()
    assert isinstance(COMPRESSOR.check(task(kind), ended()), Reject)


def test_a_probe_that_is_none_is_refused():
    asked = job("h264-1080p")
    assert COMPRESSOR.check(probe(asked), ended(**seen(steady(9)))) == Accept()
    assert isinstance(COMPRESSOR.check(probe(asked), ended()), Reject)


def test_a_line_of_progress_is_read():
    encode = task(Kind.ENCODE)

    def read(line):
        return COMPRESSOR.progress(encode, line)

    assert [read("frame=12 fps=3.5"), read("frame=12"), read("time=3")] == [
        Progress(12, speed=3.5),
        Progress(12),
        None,
    ]
    found = read("frame=12 fps=3.5")
    assert found is not None
    assert (found.frames, found.speed) == (12, 3.5)
