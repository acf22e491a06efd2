"""What the runner of an attempt promises: folder, input, preflight, command, record."""

import hashlib
import json
import os
import sys

import pytest
from runners import Attempt

from orchestrator.model.work import Cause, Ending


@pytest.fixture
def run(tmp_path):
    """Return a function that runs one attempt to its end and returns it with its outcome."""
    made = []

    def to_the_end(*argv, **more):
        made.append(Attempt(tmp_path, argv=list(argv), **more))
        return made[-1], made[-1].start().outcome()

    yield to_the_end
    for each in made:
        each.close()


def test_command_runs_in_the_attempts_folder_without_input(run):
    one, outcome = run("sh", "-c", "pwd; cat")
    assert outcome.log_tail == f"{one.folder}\n"


def test_command_runs_where_it_wants_to(run, tmp_path):
    _, outcome = run("pwd", cwd=str(tmp_path))
    assert outcome.log_tail == f"{tmp_path}\n"


def test_words_meet_no_shell(run):
    words = ["$HOME", "a b", "; echo x", "*", ""]
    _, outcome = run(sys.executable, "-c", "import sys; print(sys.argv[1:])", *words)
    assert outcome.log_tail == f"{words}\n"


def test_command_leads_a_session_of_its_own(run):
    code = "import os; print(os.getsid(0) == os.getpid() == os.getpgid(0), os.getppid())"
    one, outcome = run(sys.executable, "-c", code)
    assert outcome.log_tail == f"True {one.runner.pid}\n"


def test_command_starts_with_the_usual_signals(run):
    code = "import signal as s; print([s.getsignal(n) is s.SIG_IGN for n in (s.SIGINT, s.SIGHUP)])"
    _, outcome = run(sys.executable, "-c", code)
    assert outcome.log_tail == "[False, False]\n"


def test_command_inherits_no_descriptor(run):
    _, outcome = run("ls", "/proc/self/fd")
    assert outcome.log_tail.split() == ["0", "1", "2", "3"]  # the last is of ls itself


def test_small_input_stands_in_the_folder(run):
    data = {"name": "ü", "bad": "\ud800", "parts": [1, 2]}
    one, _ = run("true", input=data)
    assert json.loads((one.folder / "input.json").read_text()) == data


def test_large_input_is_copied(run, tmp_path):
    file = tmp_path / "input"
    file.write_text("[1]")
    digest = hashlib.sha256(b"[1]").hexdigest()
    _, outcome = run("cat", "input.json", input_file=str(file), input_sha256=digest)
    assert outcome.log_tail == "[1]"


def test_input_of_another_hash_is_refused(run, tmp_path):
    file = tmp_path / "input"
    file.write_text("[1]")
    _, outcome = run("true", input_file=str(file), input_sha256="0" * 64)
    assert outcome.ending is Ending.UNSTARTED
    assert "its hash is not the one that was told" in outcome.why


def test_missing_input_waits_for_storage(run, tmp_path):
    _, outcome = run("true", input_file=str(tmp_path / "gone"), input_sha256="0" * 64)
    assert outcome.cause is Cause.UNREADY


def test_preflight_comes_before_the_command(run):
    _, outcome = run("echo", "two", preflight=["echo", "one"])
    assert outcome.log_tail == "one\ntwo\n"


def test_failed_preflight_keeps_the_command_from_starting(run):
    _, outcome = run("echo", "two", preflight=["sh", "-c", "echo no licence; exit 4"])
    assert outcome.ending is Ending.UNSTARTED
    assert outcome.why == "preflight sh: exit code 4: no licence"
    assert "two" not in outcome.log_tail


def test_preflight_that_hangs_meets_the_limit(run):
    _, outcome = run("true", preflight=["sleep", "600"], limit_s=0.3)
    assert outcome.ending is Ending.LIMIT


LOOK = ["sh", "-c", 'ls -1 | tr "\\n" " "; printf \'{"seen": "%s"}\' "$(cat made)" > result.json']


def test_postflight_looks_at_what_a_command_left_whatever_its_exit_code(run):
    _, outcome = run("sh", "-c", "echo one > made; exit 3", postflight=LOOK)
    assert (outcome.ending, outcome.exit_code) == (Ending.EXITED, 3)
    assert outcome.result == {"seen": "one"}


def test_postflight_runs_in_the_attempts_folder_wherever_the_command_does(run, tmp_path):
    one, outcome = run("true", cwd=str(tmp_path), postflight=["pwd"])
    assert outcome.log_tail == f"{one.folder}\n"


def test_postflight_that_leaves_nothing_is_said_with_its_last_line(run):
    _, outcome = run("true", postflight=["sh", "-c", "echo no decoder; exit 4"])
    assert outcome.ending is Ending.UNSTARTED
    assert outcome.why == "what the command left cannot be checked: exit code 4: no decoder"


def test_postflight_has_a_time_limit_of_the_same_length(run):
    _, outcome = run("true", postflight=["sleep", "600"], limit_s=0.3)
    assert outcome.ending is Ending.LIMIT


def test_command_that_was_killed_is_not_looked_at(run):
    _, outcome = run("sh", "-c", "kill -9 $$", postflight=LOOK)
    assert outcome.signal == 9
    assert outcome.result == {}


def test_folders_are_there_before_the_command(run):
    _, outcome = run("ls", "-d", "frames", "a/b", folders=["frames", "a/b"])
    assert outcome.log_tail == "a/b\nframes\n"


def test_lines_that_are_to_be_noticed_come_back_and_stay_in_the_log(run):
    _, outcome = run("printf", "one\nError: no licence\nframe 1\n", notice="Error|frame")
    assert outcome.noticed == ("Error: no licence", "frame 1")
    assert "Error: no licence" in outcome.log_tail


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("no-such-program", "no-such-program: cannot be started: not found on PATH"),
        ("/no/such", "/no/such: cannot be started: No such file or directory"),
        ("/etc", "/etc: cannot be started: Permission denied"),
        ("/a\0b", "/a\0b: cannot be started: embedded null byte"),
    ],
)
def test_program_that_cannot_be_started_is_named(run, word, why):
    _, outcome = run(word)
    assert outcome.ending is Ending.UNSTARTED
    assert (outcome.why, outcome.cause) == (why, Cause.FAILED)


def test_missing_working_directory_is_named(run):
    _, outcome = run("true", cwd="/no/such/place")
    assert outcome.why == "working directory /no/such/place: there is none here"


@pytest.mark.parametrize("key", ["watch", "notice"])
def test_bad_pattern_is_named(run, key):
    _, outcome = run("true", **{key: "("})
    assert outcome.why.startswith(f"{key} '(':")


def test_parents_of_the_folder_are_made(run, tmp_path):
    one, _ = run("true", folder=tmp_path / "a" / "b" / "c")
    assert (one.folder / "exit.json").exists()


def test_result_is_part_of_the_outcome(run):
    _, outcome = run("sh", "-c", "echo '{\"frames\": 3}' > result.json")
    assert outcome.result == {"frames": 3}


def test_result_that_cannot_be_read_fails_the_attempt(run):
    _, outcome = run("sh", "-c", "echo '{' > result.json")
    assert outcome.cause is Cause.FAILED
    assert outcome.why.startswith("result.json is not JSON")


def test_exit_code_counts_more_than_a_bad_result(run):
    _, outcome = run("sh", "-c", "echo '{' > result.json; exit 3")
    assert (outcome.exit_code, outcome.cause) == (3, None)


def test_record_is_the_same_in_spool_and_folder(run):
    one, _ = run("true")
    assert (one.spool / "exit.json").read_bytes() == (one.folder / "exit.json").read_bytes()
    assert not [entry.name for entry in os.scandir(one.folder) if entry.name.endswith(".part")]


def test_log_begins_with_what_was_called_and_the_tail_is_the_commands_own(run, monkeypatch):
    monkeypatch.setenv("LC_TEST", "x\ny")
    monkeypatch.setenv("CANARY_TOKEN", "canary")
    one, outcome = run("echo", "hi", head="# orchestrator 0.4.0\n$ echo hi\n")
    first, command, inherited, *output = one.log().decode().splitlines()
    assert (first, command, output) == ("# orchestrator 0.4.0", "$ echo hi", ["hi"])
    assert inherited.startswith("# inherited: ")
    assert r"LC_TEST='x\ny'" in inherited
    assert "canary" not in inherited
    assert outcome.log_tail == "hi\n"
