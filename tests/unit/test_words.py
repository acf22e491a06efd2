"""Every text of a manifest arrives as one word exactly where it belongs, and nowhere else (T03)."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from compressor_jobs import COMPRESSOR, SOURCE, job, places, planned, seen, steady
from fake_processors import PROCESSORS
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestrator.controller.brief import Briefing
from orchestrator.controller.storage import Storage
from orchestrator.decide.reconcile import Attempt
from orchestrator.engine.fake import USUAL
from orchestrator.errors import ManifestError, PluginError
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.manifest.batch import numbered, read_batch
from orchestrator.model.codec import canonical, load
from orchestrator.model.node import Spec
from orchestrator.model.work import Facts, Job, Kind, Result, Room, Service, Task
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins

AUDITED = Path(__file__).parents[1] / "audited.py"
HOSTILE = [
    "$(touch canary)",
    "`touch canary`",
    "; touch canary #",
    "&& touch canary",
    "| tee canary",
    "> canary",
    "a\ntouch canary\n",
    "' ; touch canary '",
    '"; touch canary; "',
    "\\'; touch canary",
    "${IFS}touch${IFS}canary",
    "-rf",
    "--help",
    "-",
    "--",
    "-o/tmp/x",
    "*",
    "~root",
    "~",
    "{braces}",
    "{{x}}",
    "%s%n%03d",
    "%PATH%",
    "$HOME",
    "\t",
    " ",
    "",
    "é☃𝄞\u202e",
    "../../etc/passwd",
    "http://127.0.0.1/",
    "=",
    "!!python/object/apply:os.system [x]",
]
#: writes what it was given into a file that is called after its first argument
SHOW = """\
import json, os, sys
from pathlib import Path
folder, name = Path(sys.argv[1]), sys.argv[2]
hostile = {key: value for key, value in os.environ.items() if key.startswith("H_")}
(folder / name).write_text(json.dumps([sys.argv[3:], hostile, os.getcwd()]))
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run one shell job full of hostile text; every process that was started is written down."""
    folder = tmp_path_factory.mktemp("words")
    (folder / "show.py").write_text(SHOW)
    (folder / "shown").mkdir()
    where = folder / "work $(touch canary); 'dir'"
    where.mkdir()

    def words(name, *more):
        show = [sys.executable, "-S", str(folder / "show.py"), str(folder / "shown"), name]
        return [*show, *HOSTILE, *more]

    batch = {
        "apiVersion": "orchestrator/v1",
        "kind": "Batch",
        "metadata": {
            "name": "words",
            "displayName": "note $(touch canary)",
            "description": "note `touch canary`",
            "annotations": {f"note {text}": f"note {text}" for text in HOSTILE},
        },
        "spec": {
            "jobs": [
                {
                    "name": "all",
                    "processor": "shell",
                    "env": {f"H_{n}": text for n, text in enumerate(HOSTILE)},
                    "preflight": words("preflight"),
                    "workingDirectory": where.name,
                    "with": {"command": words("command")},
                    "actions": [{"command": words("action", "{destination}", "<{batch}>")}],
                }
            ]
        },
    }
    (folder / "job.yaml").write_text(json.dumps(batch))
    arguments = [folder / "trace", "run", folder / "job.yaml", "--state", folder / "state"]
    done = subprocess.run(
        [sys.executable, AUDITED, *arguments], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    starts = [json.loads(line) for line in (folder / "trace").read_text().splitlines()]
    return folder, where, words, starts


def test_command_preflight_and_action_get_their_words_as_written(ran):
    folder, where, _, _ = ran
    environment = {f"H_{n}": text for n, text in enumerate(HOSTILE)}
    for name, more in (("preflight", []), ("command", []), ("action", ["", "<words-0001>"])):
        argv, env, cwd = json.loads((folder / "shown" / name).read_text())
        assert argv == [*HOSTILE, *more]
        assert env == environment
        assert cwd == str(where)


def test_agent_starts_runners_with_words_of_its_own_only(ran):
    folder, _, _, starts = ran
    runners = [words for who, _, words, _ in starts if who == "agent" and str(AUDITED) in words]
    assert len(runners) == 2
    for *words, spool in runners:
        assert words == [sys.executable, "-I", "-S", str(AUDITED)]
        assert Path(spool).parent.parent.is_relative_to(folder / "state")
    written = json.dumps([words for who, _, words, _ in starts if who == "agent"])
    assert "canary" not in written


def test_runners_start_what_was_written_and_nothing_else(ran):
    _, _, words, starts = ran
    spawned = [start for start in starts if start[0] == "runner"]
    assert {event for _, event, _, _ in spawned} == {"os.posix_spawn"}
    assert [given for _, _, given, _ in spawned] == [
        words("preflight"),
        words("command"),
        words("preflight"),
        words("action", "", "<words-0001>"),
    ]
    known = {"PATH", "HOME", "LANG", "TMPDIR", "TZ", *(f"H_{n}" for n in range(len(HOSTILE)))}
    for _, _, _, env in spawned:
        assert {name for name in env if not name.startswith("LC_")} <= known


def test_no_text_was_run_as_a_command(ran):
    assert not list(ran[0].rglob("canary"))


# -- the same without processes, for any text

TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\t\n"))
PLAIN = job("h264-1080p")
PLUGINS = Plugins.installed()
MORE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def briefing(tmp_path_factory):
    caller = Caller(PLUGINS)
    return Briefing("c", MemoryLedger(), caller, Storage.at(tmp_path_factory.mktemp("storage")))


def told(briefing, task):
    """Return what an agent reads of a task."""
    attempt = Attempt(
        id="a-000001", task=task.id, service=Service.RENDER, node="n", incarnation="1", lease=1
    )
    spec, _ = briefing.spec(attempt, task, USUAL)
    assert load(Spec, json.loads(canonical(spec))) == spec
    return spec


def only(job):
    """Return the one task of a shell job."""
    room = Room(instances=1, cores=1, node_instances=1)
    (target,) = PLUGINS.processor("shell").plan(job, Facts(), room)
    return target.tasks[0]


@MORE
@given(words=st.lists(TEXT, min_size=1, max_size=4), value=TEXT, folder=TEXT)
@example(words=HOSTILE, value="$(touch canary)", folder="-rf")
def test_any_text_of_a_shell_job_arrives_as_it_is(briefing, tmp_path, words, value, folder):
    asked = {"name": "a", "processor": "shell", "with": {"command": words}, "env": {"A": value}}
    asked |= {"preflight": words, "workingDirectory": f"/x/{folder}/y"}
    head = {"apiVersion": "orchestrator/v1", "kind": "Batch", "metadata": {"name": "b"}}
    file = tmp_path / "job.yaml"
    file.write_text(json.dumps(head | {"spec": {"jobs": [asked]}}))
    batch = numbered(read_batch(file, PROCESSORS).batch, "b-0001")
    spec = told(briefing, only(batch.jobs[0]))
    assert spec.argv == spec.preflight == tuple(words)
    assert spec.env == {"A": value}
    assert spec.cwd == os.path.normpath(f"/x/{folder}/y")
    assert spec.input is None


@MORE
@given(before=TEXT, after=TEXT, destination=TEXT)
@example(before="", after="", destination="/out/{batch}.mp4")
@example(before="{batch}", after="{{batch}}", destination="{destination}")
def test_destination_of_an_action_is_put_in_as_it_is(briefing, before, after, destination):
    words = [f"{before}{{destination}}{after}", "{batch}", "{other}"]
    args = {"command": words, "destination": destination}
    owner = Job(id="b-0001/j", name="j", processor="shell", asks={})
    spec = told(briefing, Task(id="b-0001/j/t/0/action", job=owner, kind=Kind.ACTION, args=args))
    around = [text.replace("{batch}", "b-0001") for text in (before, after)]
    if "{destination}" not in before + after:
        assert spec.argv == (f"{around[0]}{destination}{around[1]}", "b-0001", "{other}")


@given(name=TEXT.filter(lambda text: "/" not in text and "\n" not in text))
@example(name="-y.mov")
@example(name="$(touch canary).mov")
@example(name="movie=x,concat:y.mov")
def test_any_source_is_one_word_that_says_file(name):
    source = f"/in/{name}"
    named = replace(PLAIN, asks={**PLAIN.asks, "source": source})
    usual, odd = (encoding(each) for each in (PLAIN, named))
    assert [word.replace(f"file:{SOURCE}", "") for word in usual] == [
        "" if word == f"file:{source}" else word for word in odd
    ]


def encoding(asked):
    """Return the words of the first segment of a job."""
    (target,) = planned(asked)
    first = next(task for task in target.tasks if task.kind is Kind.ENCODE)
    values = {**seen(steady(250)), "path": asked.asks["source"]}
    done = {"friday-0001/trailer/probe": Result(attempt="a1", values=values)}
    return COMPRESSOR.command(first, places(target.tasks), done).words()


@pytest.mark.parametrize("text", ["a\0b", "half \ud800"])
def test_word_that_no_system_takes_is_refused_with_a_sentence(briefing, text):
    owner = Job(id="b-0001/j", name="j", processor="shell", asks={"command": ["echo", text]})
    with pytest.raises(PluginError, match=r"b-0001/j/command/render: a word .*; remove it"):
        told(briefing, only(owner))


NAMED = {"name": "a", "processor": "shell", "with": {"command": ["true"]}}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("where", ["batch", "name", "processor", "after", "env", "setting"])
def test_name_with_more_than_plain_characters_is_refused(tmp_path, where, text):
    asked, named = dict(NAMED), "b"
    if where == "batch":
        named = text
    elif where == "env":
        asked["env"] = {text: "x"}
    elif where == "setting":
        output = {"setting": text, "destination": "/out/a.mov"}
        asked |= {"processor": "compressor", "with": {"source": "/a.mov", "outputs": [output]}}
    else:
        asked[where] = [text] if where == "after" else text
    head = {"apiVersion": "orchestrator/v1", "kind": "Batch", "metadata": {"name": named}}
    (tmp_path / "job.yaml").write_text(json.dumps(head | {"spec": {"jobs": [asked]}}))
    with pytest.raises(ManifestError):
        read_batch(tmp_path / "job.yaml", PROCESSORS)
