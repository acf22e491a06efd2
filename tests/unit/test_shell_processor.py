"""The shell processor: one command, one task."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestrator.api import Accept, Facts, Job, Kind, Outcome, Places, Progress, Reject, Room, Task
from orchestrator.model.work import Ending
from orchestrator_shell import Shell

SHELL = Shell()


def task(**asks: Any) -> Task:
    job = Job(id="b-0001/j", name="j", processor="shell", asks={"command": ["true"], **asks})
    (target,) = SHELL.plan(job, Facts(), Room(instances=1, cores=1, node_instances=1))
    (only,) = target.tasks
    return only


def ended(code: int) -> Outcome:
    return Outcome(attempt="a", ending=Ending.EXITED, exit_code=code)


def test_a_command_is_one_task_of_one_target():
    only = task()
    assert (only.id, only.kind, only.target) == ("b-0001/j/command/render", Kind.RENDER, "command")


def test_words_reach_the_node_as_written():
    words = ["echo", "a b", "$HOME", "; rm"]
    command = SHELL.command(task(command=words), Places(attempt="/x"), {})
    assert command.words() == words
    assert (command.stall_s, command.watch, command.cwd) == (None, None, None)


def test_word_that_is_a_path_is_said_as_the_node_calls_it():  # F-STOR-14
    words = ["/mnt/studio/bin/x", "--out=/mnt/studio/a", "/mnt/studios"]
    where = Places(attempt="/x", paths={"/mnt/studio": "/Volumes/studio"})
    assert SHELL.command(task(command=words), where, {}).words() == [
        "/Volumes/studio/bin/x",
        "--out=/mnt/studio/a",
        "/mnt/studios",
    ]


@pytest.mark.parametrize(
    ("asks", "code", "fine"),
    [
        ({}, 0, True),
        ({}, 3, False),
        ({"successCodes": [0, 3]}, 3, True),
        ({"successCodes": [3]}, 0, False),
        ({"nonZeroIsFailure": False}, 9, True),
    ],
)
def test_exit_codes_decide(asks, code, fine):
    assert isinstance(SHELL.check(task(**asks), ended(code)), Accept if fine else Reject)


def test_a_line_that_the_jobs_expression_matches_is_progress():
    command = SHELL.command(task(progress="^frame [0-9]+"), Places(attempt="/x"), {})
    assert command.watch == "^frame [0-9]+"
    assert SHELL.progress(task(), "frame 12 of 20") == Progress(12)


def test_an_expression_that_is_none_is_refused():
    (fault,) = SHELL.review(task(progress="(").job).faults
    assert fault.path == ("progress",)
    assert "no regular expression" in fault.text


@pytest.mark.parametrize("wrong", [{"command": []}, {"command": "ls"}, {"shell": "ls"}, {}])
def test_the_schema_wants_words(wrong):
    assert not Draft202012Validator(dict(SHELL.schema)).is_valid(wrong)
