from dataclasses import replace

import pytest
from farm_processor import Parts, plugin

from orchestrator.api import Command, Secret
from orchestrator.controller.brief import LIMIT_DEFAULT_S, Briefing
from orchestrator.controller.storage import Storage
from orchestrator.decide.reconcile import Attempt
from orchestrator.engine.fake import USUAL
from orchestrator.errors import PluginError
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.model.work import Ending, Job, Kind, Outcome, Review, Service, Task
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins

JOB = Job(id="b-0001/j", name="j", processor="parts", asks={})
TASK = Task(id="b-0001/j/t/000000/encode", job=JOB, kind=Kind.ENCODE, target="t")
ATTEMPT = Attempt(
    id="a-000001", task=TASK.id, service=Service.RENDER, node="n1", incarnation="1", lease=5
)


@pytest.fixture
def spec_of(tmp_path):
    """Return the spec of a task whose processor answers with the command given."""
    storage = Storage.at(tmp_path)

    def spec(command, task=TASK):
        processor = type("Saying", (Parts,), {"command": lambda *args: command})()
        caller = Caller(Plugins.given(one=plugin(processor)))
        briefing = Briefing("c", MemoryLedger(), caller, storage)
        return briefing.spec(ATTEMPT, task, USUAL)[0]

    return spec


def job_task(kind=Kind.ENCODE, **job):
    return replace(TASK, kind=kind, job=replace(JOB, **job))


def test_spec_names_attempt_lease_epoch_and_folder(spec_of, tmp_path):
    spec = spec_of(Command(("ffmpeg", "-i", "a b")))
    assert (spec.attempt, spec.lease, spec.epoch) == ("a-000001", 5, 1)
    assert spec.folder == str(tmp_path / "attempts" / "a-000001")
    assert spec.argv == ("ffmpeg", "-i", "a b")


def test_what_a_task_needs_is_read_once_for_its_spec(tmp_path):
    asked = []

    class Asked(MemoryLedger):
        def results(self, tasks):
            asked.append(tuple(tasks))
            return super().results(tasks)

    saying = type("Saying", (Parts,), {"command": lambda *args: Command(("x",))})()
    caller = Caller(Plugins.given(one=plugin(saying)))
    task = replace(TASK, needs=("b-0001/j/probe",))
    Briefing("c", Asked(), caller, Storage.at(tmp_path)).spec(ATTEMPT, task, USUAL)
    assert asked == [("b-0001/j/probe", "b-0001/j/copy")]


def test_secrets_reach_the_node(spec_of):
    spec = spec_of(Command(("curl", Secret("tok en")), env={"KEY": Secret("key")}))
    assert (spec.argv, spec.env) == (("curl", "tok en"), {"KEY": "key"})


def test_every_command_has_a_time_limit(spec_of):
    assert spec_of(Command(("x",))).limit_s == LIMIT_DEFAULT_S
    assert spec_of(Command(("x",), limit_s=60)).limit_s == 60


@pytest.mark.parametrize(("kind", "limit_s"), [(Kind.ENCODE, 7), (Kind.PUBLISH, 60)])
def test_timeout_of_a_job_goes_before_the_processors_for_its_own_steps(spec_of, kind, limit_s):
    task = job_task(kind, timeout_s=7.0)
    assert spec_of(Command(("x",), limit_s=60), task).limit_s == limit_s


@pytest.mark.parametrize(("stall_s", "found"), [(None, 60), (5.0, 5), (0.0, None)])
def test_stall_limit_of_a_job_goes_before_the_processors_and_0_is_none(spec_of, stall_s, found):
    assert spec_of(Command(("x",), stall_s=60), job_task(stall_s=stall_s)).stall_s == found


def test_environment_of_the_job_is_given_and_the_commands_goes_before(spec_of):
    task = job_task(env={"OCIO": "job", "LANG": "C"})
    assert spec_of(Command(("x",), env={"OCIO": "own"}), task).env == {"OCIO": "own", "LANG": "C"}


def test_preflight_runs_before_segments_alone(spec_of):
    words = ("/studio/check", "--fast")
    assert spec_of(Command(("x",)), job_task(preflight=words)).preflight == words
    assert spec_of(Command(("x",)), job_task(Kind.VERIFY, preflight=words)).preflight == ()


def test_large_input_goes_by_way_of_cluster_storage(spec_of):
    spec = spec_of(Command(("x",), input={"table": "x" * 10_000}))
    assert (spec.input, spec.input_file is not None, spec.input_sha256 is not None) == (
        None,
        True,
        True,
    )


def test_word_with_a_nul_is_the_processors_fault(spec_of):
    with pytest.raises(PluginError, match="holds a NUL"):
        spec_of(Command(("x\0y",)))


def test_action_fills_in_destination_and_batch(spec_of):
    args = {"command": ["mail", "{destination}", "of {batch}"], "destination": "/out/a.mov"}
    task = replace(TASK, kind=Kind.ACTION, args=args)
    assert spec_of(Command(("unused",)), task).argv == ("mail", "/out/a.mov", "of b-0001")


@pytest.mark.parametrize("command", [None, [], "mail"])
def test_action_without_words_is_said_so(spec_of, command):
    task = replace(TASK, kind=Kind.ACTION, args={"command": command})
    with pytest.raises(PluginError, match="this action has no command"):
        spec_of(Command(("unused",)), task)


@pytest.mark.parametrize(
    ("media", "source"),
    [
        (((("captions",), "/in/a.vtt"), (("source",), "/in/a.mov")), "/in/a.mov"),
        (((("captions",), "/in/a.vtt"),), None),  # an image sequence
    ],
)
def test_action_moves_the_source_and_no_other_file(tmp_path, media, source):
    reviewed = lambda *_: Review(media=media)  # noqa: E731
    caller = Caller(Plugins.given(one=plugin(type("Saying", (Parts,), {"review": reviewed})())))
    briefing = Briefing("c", MemoryLedger(), caller, Storage.at(tmp_path))
    task = replace(TASK, kind=Kind.ACTION, args={"move": "/done"})
    if source is None:
        with pytest.raises(PluginError, match="names no source"):
            briefing.spec(ATTEMPT, task, USUAL)
    else:
        assert briefing.spec(ATTEMPT, task, USUAL)[0].input["source"] == source


# A node that calls folders otherwise (F-STOR-14)

THERE = {"/mnt/studio": "/Volumes/studio"}


@pytest.fixture
def briefed(tmp_path):
    """Return spec and places of a task on a node with other paths, cluster storage included."""
    storage = Storage.at(tmp_path)
    paths = {**THERE, str(tmp_path): "/Volumes/storage"}

    def brief(command, task=TASK):
        processor = type("Saying", (Parts,), {"command": lambda *args: command})()
        caller = Caller(Plugins.given(one=plugin(processor)))
        briefing = Briefing("c", MemoryLedger(), caller, storage, {"n1": paths}.__getitem__)
        return briefing.spec(ATTEMPT, task, USUAL)[0], briefing.places(ATTEMPT, task, USUAL)

    return brief


def test_spec_speaks_of_folders_as_the_node_calls_them(briefed):
    task = job_task(
        working_directory="/mnt/studio/work",
        preflight=("/mnt/studio/bin/check", "--fast"),
        env={"OCIO": "/mnt/studio/config.ocio", "LANG": "C"},
    )
    spec, where = briefed(Command(("x",), input={"table": "x" * 10_000}), task)
    assert spec.folder == where.attempt == "/Volumes/storage/attempts/a-000001"
    assert spec.input_file.startswith("/Volumes/storage/inputs/b-0001/")
    assert spec.cwd == "/Volumes/studio/work"
    assert spec.preflight == ("/Volumes/studio/bin/check", "--fast")
    assert spec.env == {"OCIO": "/Volumes/studio/config.ocio", "LANG": "C"}
    assert where.source("/mnt/studio/in/a.mov") == "/Volumes/studio/in/a.mov"


def test_action_speaks_of_folders_as_the_node_calls_them(briefed):
    args = {
        "command": ["/mnt/studio/bin/mail", "--file={destination}"],
        "destination": "/mnt/studio/a.mov",
    }
    spec, _ = briefed(Command(("unused",)), replace(TASK, kind=Kind.ACTION, args=args))
    assert spec.argv == ("/Volumes/studio/bin/mail", "--file=/Volumes/studio/a.mov")


def by(node):
    return Attempt(
        id="a-000001", task=TASK.id, service=Service.RENDER, node=node, incarnation="1", lease=5
    )


def test_what_a_node_says_is_told_in_the_words_of_manifests(tmp_path):
    paths = {"n1": THERE, "n2": {}}
    briefing = Briefing(
        "c", MemoryLedger(), Caller(Plugins.given()), Storage.at(tmp_path), paths.__getitem__
    )
    said = {"existing": {"/Volumes/studio/a.mov": True}, "notes": ["/Volumes/studios", 3, None]}
    outcome = Outcome(attempt="a-000001", ending=Ending.EXITED, exit_code=0, result=said)
    assert briefing.home(by("n1"), outcome).result == {
        "existing": {"/mnt/studio/a.mov": True},
        "notes": ["/Volumes/studios", 3, None],
    }
    assert briefing.home(by("n2"), outcome) is outcome
