"""What an attempt of a segment came to: frames count, not exit codes alone (F-KNOWN-10)."""

import re

import pytest

from orchestrator.api import (
    Accept,
    Cause,
    Job,
    Kind,
    Outcome,
    Reject,
    Task,
    Trouble,
)
from orchestrator.frames import verdicts
from orchestrator.model.work import Ending

TROUBLES = (
    Trouble(line="no licence", says="no licence is free", cause=Cause.UNREADY),
    Trouble(line=r"no texture (?P<file>\S+)", says="texture {file} is missing"),
    Trouble(line="busy", says="a server is busy", cause=Cause.UNREADY, fails=False),
    Trouble(line="slow", says="it is slow", fails=False),
    Trouble(line="plug-in", says="a plug-in is missing", unless="ignorePluginErrors"),
)
WHOLE = {"frames": 10, "missing": [], "broken": []}


def judged(result, code=0, noticed=(), **asks):
    job = Job(id="b/j", name="j", processor="p", asks=asks)
    task = Task(id="b/j/t/000000/render", job=job, kind=Kind.RENDER)
    outcome = Outcome(
        attempt="a-000001",
        ending=Ending.EXITED,
        exit_code=code,
        result=result,
        noticed=noticed,
        log_tail="begun\nlast words\n",
    )
    return verdicts.verdict(TROUBLES, task, outcome)


@pytest.mark.parametrize(
    ("code", "noticed", "asks"),
    [
        (0, (), {}),
        (3, (), {"nonZeroIsFailure": False}),
        (0, ("slow",), {}),
        (0, ("busy",), {}),
        (0, ("plug-in",), {"ignorePluginErrors": True}),
    ],
)
def test_whole_frames_are_accepted(code, noticed, asks):
    assert judged(WHOLE, code, noticed, **asks) == Accept()


@pytest.mark.parametrize(
    ("result", "code", "noticed", "why"),
    [
        (WHOLE, 3, (), "exit code 3: last words"),
        (WHOLE, 0, ("no texture a.tx",), "texture a.tx is missing"),
        (WHOLE, 0, ("plug-in",), "a plug-in is missing"),
        ({"frames": 9, "missing": ["7"]}, 0, (), "frame 7 is missing: exit code 0: last words"),
        (
            {"frames": 8, "missing": ["7", "9"], "instead": "a.0107.png"},
            1,
            ("no texture a.tx",),
            "frames 7, 9 are missing (there is a.0107.png instead): texture a.tx is missing",
        ),
        (
            {"frames": 0, "missing": [str(n) for n in range(20)], "missing_count": 500},
            1,
            (),
            "frames 0, 1, 2, 3, 4, 5, 6, 7 and 492 more are missing: exit code 1: last words",
        ),
        (
            {"frames": 8, "broken": [["7", "is empty"]], "broken_count": 2},
            0,
            (),
            "frame 7 (and 1 more) is empty: exit code 0: last words",
        ),
    ],
)
def test_failure_says_which_frames_and_why(result, code, noticed, why):
    assert judged(result, code, noticed) == Reject(why)


def test_licence_is_waited_for_even_if_frames_are_missing():
    told = judged({"frames": 0, "missing": ["1"]}, 1, ("no licence",))
    assert told == Reject("no licence is free", Cause.UNREADY)


def test_what_nobody_looked_at_does_not_count():
    assert isinstance(judged({}), Reject)
    assert judged({}, 1) == Reject("exit code 1: last words")


def test_every_trouble_is_noticed_though_two_name_one_group():
    two = (*TROUBLES, Trouble(line=r"(?P<file>\S+) lost", says="{file}"))
    found = verdicts.notice(two, {})
    assert found is not None
    assert re.search(found, "a.tx lost")
    assert verdicts.notice((), {}) is None


def test_flags_of_a_line_are_its_own():
    two = (Trouble(line="(?i)no camera", says="no camera"), *TROUBLES)
    found = verdicts.notice(two, {})
    assert found is not None
    assert re.search(found, "NO CAMERA")
    assert not re.search(found, "NO LICENCE")


def test_what_a_job_ignores_is_not_noticed():
    found = verdicts.notice(TROUBLES, {"ignorePluginErrors": True})
    assert found is not None
    assert not re.search(found, "plug-in")


def test_trouble_that_counts_is_found_behind_one_that_does_not():
    assert judged(WHOLE, 0, ("slow", "plug-in")) == Reject("a plug-in is missing")


def test_server_that_is_busy_makes_a_failed_segment_wait():
    assert judged(WHOLE, 1, ("busy",)) == Reject("a server is busy", Cause.UNREADY)
