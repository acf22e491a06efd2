"""The kit's golden files: what differs is told as YAML to paste, what is wrong in one with its place."""

import subprocess
import sys

import pytest

from orchestrator.errors import ManifestError
from orchestrator.manifest.write import yaml_text
from orchestrator.testing import golden_cases, read_case

CASE = """\
processor: shell
with: {command: [echo, "a b"], progress: "^at ([0-9]+)"}
"""


def case(tmp_path, text):
    file = tmp_path / "case.yaml"
    file.write_text(text)
    return read_case(file)


def refused(tmp_path, text):
    with pytest.raises(AssertionError) as error:
        case(tmp_path, text).check()
    return str(error.value)


def test_what_the_processor_says_now_passes_when_it_is_pasted(tmp_path):
    asked = f"{CASE}progress: {{at 7: 0, elsewhere: 0}}\nverdicts: [{{exitCode: 1, is: accept}}]\n"
    said = case(tmp_path, asked).says()
    assert said["progress"] == {"at 7": 7, "elsewhere": None}
    assert said["verdicts"] == [{"exitCode": 1, "is": {"reject": "exit code 1"}}]
    case(tmp_path, CASE + yaml_text(said)).check()


def test_difference_is_told_with_what_is_to_be_pasted(tmp_path):
    told = refused(tmp_path, f"{CASE}commands: {{command/render: echo a b, gone/render: x}}\n")
    assert "case.yaml: the processor says otherwise: commands\n" in told
    lines = told.splitlines()
    assert {"-  command/render: echo a b", "-  gone/render: x"} <= set(lines)
    assert "+  command/render: echo 'a b'" in lines
    assert told.endswith("to paste, if that is right:\n\ncommands:\n  command/render: echo 'a b'\n")


def test_faults_of_schema_and_review_are_answers_alike(tmp_path):
    case(tmp_path, 'processor: shell\nwith: {command: [a], progress: "["}\n').says()
    text = "processor: shell\nwith: {command: [], sucessCodes: [0]}\n"
    assert case(tmp_path, text).says()["faults"] == {
        "command": "0 items are too few, at least 1; wanted: the program and its arguments, "
        "a word each; no shell reads them",
        "sucessCodes": "unknown key 'sucessCodes'; did you mean 'successCodes'?",
    }
    told = refused(tmp_path, f"{text}commands: {{command/render: x}}\n")
    assert "the processor says otherwise: faults\n" in told  # of commands, nothing is said then


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("processor: shell\nwiht: {}\n", ":2:1: wiht: unknown key 'wiht'; did you mean 'with'?"),
        ("processor: shell\nwith: {}\nroom: {cores: many}\n", ":3:15: room.cores: 'many' is not"),
        (
            "processor: shell\nwith: {}\nverdicts: [{is: {final: true}}]\n",
            ":3:17: verdicts[0].is: ",
        ),
        ("processor: &x shell\n", ":1:12: document: anchor &x is not read"),
    ],
)
def test_fault_of_a_file_is_told_with_line_and_column(tmp_path, text, place):
    with pytest.raises(ManifestError) as error:
        case(tmp_path, text)
    assert place in str(error.value)


def test_two_faults_of_one_place_are_both_told(tmp_path):
    text = "processor: povray\nwith: {}\n"
    assert [each.partition(";")[0] for each in case(tmp_path, text).says()["faults"][""]] == [
        "key 'scene' is missing",
        "key 'frames' is missing",
        "key 'destination' is missing",
    ]


def test_answer_that_is_not_given_any_more_is_to_be_removed(tmp_path):
    told = refused(tmp_path, f"{CASE}impossible: no shot\n")
    assert told.endswith("to be removed, if that is right: impossible")


def test_processor_that_is_not_installed_is_said_with_those_there_are(tmp_path):
    assert "'shel'; known: " in refused(tmp_path, "processor: shel\nwith: {}\n")


def test_verdict_on_a_task_that_is_not_there_names_those_there_are(tmp_path):
    told = refused(tmp_path, f"{CASE}verdicts: [{{task: a/render, is: accept}}]\n")
    assert "there is no task 'a/render'; there are: command/render" in told


def test_folder_without_a_case_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"no file \*\.yaml below it"):
        golden_cases(tmp_path)


def test_key_of_a_tests_own_is_handed_to_it(tmp_path):
    (tmp_path / "a.yaml").write_text(f"{CASE}table: 3\n")
    (found,) = golden_cases(tmp_path, own=("table",))
    assert (str(found), found.own) == (f"{tmp_path.name}/a", {"table": 3})


def test_a_file_named_to_the_module_is_answered(tmp_path):
    file = tmp_path / "case.yaml"
    file.write_text(CASE)
    words = [sys.executable, "-m", "orchestrator.testing", str(file), str(tmp_path / "none.yaml")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout.endswith("commands:\n  command/render: echo 'a b'\n")
    assert "none.yaml:1:1: document: cannot be read" in done.stderr
