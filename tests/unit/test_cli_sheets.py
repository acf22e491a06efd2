"""What `submit` is given, to batches."""

import io
import json
import sys
from types import SimpleNamespace

import pytest
from fake_client import FakeClient

from orchestrator.cli import sheets, submit
from orchestrator.cli.app import main
from orchestrator.errors import ManifestError, Refusal
from orchestrator.manifest.batch import read_batch
from orchestrator.model.work import Priority
from orchestrator.plugin.manager import Plugins

JOB = """\
apiVersion: orchestrator/v1
kind: Batch
metadata: {name: hello}
spec:
  cluster: studio
  jobs:
    - name: hi
      processor: shell
      with: {command: [echo, hi]}
"""


@pytest.fixture(scope="module")
def plugins():
    return Plugins.installed()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def triples(*listed):
    sources, settings, destinations = zip(*listed, strict=True) if listed else ((), (), ())
    return sheets.Triples(sources=sources, settings=settings, destinations=destinations)


def test_triples_are_a_job_each_and_paths_start_here(plugins, here):
    asked = triples(("a.mov", "wav", "out/a.wav"), ("B 2.mov", "h264-1080p", "out/b.mp4"))
    (found,) = sheets.read([], asked, plugins, "dailies")
    assert found.batch.name == "dailies"
    assert [job.name for job in found.batch.jobs] == ["a", "b-2"]
    assert found.batch.jobs[0].asks["source"] == str(here / "a.mov")
    assert found.batch.jobs[0].asks["outputs"][0]["destination"] == str(here / "out/a.wav")


def test_two_sources_of_one_name_are_two_jobs(plugins):
    asked = triples(("x/a.mov", "wav", "1.wav"), ("y/a.mov", "wav", "2.wav"))
    (found,) = sheets.read([], asked, plugins, None)
    assert [job.name for job in found.batch.jobs] == ["a", "a.2"]


def test_triples_come_in_threes(plugins):
    asked = sheets.Triples(sources=["a.mov"], settings=[], destinations=["a.wav"])
    with pytest.raises(Refusal, match="there are 1, 0 and 1"):
        sheets.read([], asked, plugins, None)


def test_unknown_setting_is_answered_with_what_is_near(plugins):
    with pytest.raises(Refusal, match=r"did you mean h264-1080p"):
        sheets.read([], triples(("a.mov", "h264-1080", "a.mp4")), plugins, None)


@pytest.mark.parametrize("both", [True, False])
def test_files_or_triples_but_one_of_them(plugins, here, both):
    files = [here / "job.yaml"] if both else []
    with pytest.raises(Refusal, match="one or the other"):
        sheets.read(files, triples(("a", "wav", "b")) if both else triples(), plugins, None)


def test_faults_of_all_files_are_told_at_once(plugins, here):
    for name in ("a", "b"):
        (here / f"{name}.yaml").write_text(JOB.replace("shell", "shel"))
    with pytest.raises(ManifestError) as refused:
        sheets.read([here / "a.yaml", here / "b.yaml"], triples(), plugins, None)
    assert [fault.partition(":")[0][-6:] for fault in refused.value.faults] == ["a.yaml", "b.yaml"]


def test_standard_input_is_a_file(plugins, monkeypatch):
    stream = SimpleNamespace(buffer=io.BytesIO(JOB.encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    (found,) = sheets.read([sheets.STDIN], triples(), plugins, None)
    assert found.batch.cluster == "studio"


def test_what_is_said_on_the_command_line_counts(plugins, here):
    (here / "job.yaml").write_text(JOB)
    batch = read_batch(here / "job.yaml", plugins.processors).batch
    asked = sheets.as_asked(batch, "other", "high", "farm")
    assert (asked.name, asked.priority, asked.cluster) == ("other", Priority.HIGH, "farm")


@pytest.fixture
def call(monkeypatch, capsys):
    def run(*words, ends=0):
        monkeypatch.setattr(sys, "argv", ["orchestrator", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert end.value.code == ends, said
        return said

    return run


def test_submit_sends_the_batch_and_prints_its_ids(here, monkeypatch, call):
    fake = FakeClient()
    monkeypatch.setattr(submit, "connected", fake.connected)
    (here / "job.yaml").write_text(JOB)
    said = call("submit", "job.yaml", "--priority", "low")
    assert said.out == "dailies-0001\ndailies-0001/hi\n"
    (((sent,), _),) = fake.submitted
    assert "priority: low" in sent.text
    assert "cluster: studio" in sent.text
    assert fake.dial.cluster == "studio"


def test_ids_are_data_too(here, monkeypatch, call):
    fake = FakeClient()
    monkeypatch.setattr(submit, "connected", fake.connected)
    (here / "job.yaml").write_text(JOB)
    data = json.loads(call("submit", "job.yaml", "--cluster", "10.0.0.1:50001", "-o", "json").out)
    assert data == {"batchid": "dailies-0001", "arrival": "new", "jobs": ["dailies-0001/hi"]}
    assert fake.dial.cluster == "10.0.0.1:50001"


def test_each_submission_has_a_key_of_its_own(here, monkeypatch, call):
    fake = FakeClient()
    monkeypatch.setattr(submit, "connected", fake.connected)
    (here / "job.yaml").write_text(JOB)
    call("submit", "job.yaml", "job.yaml")
    assert len({key for _, key in fake.submitted}) == 2


def test_bad_file_sends_nothing(here, monkeypatch, call):
    fake = FakeClient()
    monkeypatch.setattr(submit, "connected", fake.connected)
    (here / "good.yaml").write_text(JOB)
    (here / "bad.yaml").write_text("kind: Batch\n")
    call("submit", "good.yaml", "bad.yaml", ends=2)
    assert fake.submitted == []
