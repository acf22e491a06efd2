"""What the command line says without a ledger: validate, settings, schema, plugins, help."""

import json
import sys

import pytest
from jsonschema import Draft202012Validator

from orchestrator.cli.app import VERBS, main
from orchestrator.cli.settings import document_text
from orchestrator.manifest.setting import Setting

OWN = """\
# for the intranet
apiVersion: orchestrator/v1
kind: Setting
metadata: {name: mine, description: ours}
spec:
  processor: compressor
  container: mp4   # plays everywhere
  video: {codec: h264, rate: {crf: 30}}
"""
BATCH = """\
apiVersion: orchestrator/v1
kind: Batch
metadata: {name: b}
spec:
  jobs:
    - name: a
      processor: shell
      with: {command: [echo, hello]}
"""


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORCHESTRATOR_STATE", str(tmp_path / "state"))

    def run(*words, ends=0):
        monkeypatch.setattr(sys, "argv", ["orchestrator", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert end.value.code == ends, said
        return said

    return run


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(call, verb):
    assert "Usage:" in call(verb, "--help").out


def test_valid_documents_are_listed(call, tmp_path):
    (tmp_path / "all.yaml").write_text(f"{OWN}---\n{BATCH}")
    rows = json.loads(call("validate", "all.yaml", "-o", "json").out)
    assert [(row["kind"], row["name"]) for row in rows] == [("Setting", "mine"), ("Batch", "b")]
    assert "Setting" in call("validate", tmp_path).out


def test_every_fault_of_every_file_stands_on_stderr(call, tmp_path):
    (tmp_path / "one.yaml").write_text(BATCH.replace("shell", "shel").replace("name: b", "nam: b"))
    (tmp_path / "two.yaml").write_text(OWN.replace("crf: 30", "crf: many"))
    said = call("validate", "one.yaml", "two.yaml", ends=2)
    assert said.out == ""
    assert {line.split(":")[0] for line in said.err.splitlines()} == {"one.yaml", "two.yaml"}
    assert len(said.err.splitlines()) >= 3


@pytest.mark.parametrize("kind", ["cluster", "NODE", "Setting", "batch"])
def test_schema_is_one_for_editors(call, kind):
    schema = json.loads(call("schema", kind).out)
    Draft202012Validator.check_schema(schema)
    assert schema["title"].lower() == kind.lower()


def test_schema_of_a_batch_knows_the_processors(call):
    text = call("schema", "batch").out
    assert "compressor-with" in text
    assert "shell-with" in text


def test_unknown_kind_is_answered_with_those_there_are(call):
    assert "'cluster', 'node', 'setting', 'batch'" in call("schema", "job", ends=2).err


def test_built_in_settings_are_listed_and_shown_as_written(call):
    rows = json.loads(call("settings", "-o", "json").out)
    assert {"name", "processor", "container", "description", "origin"} == set(rows[0])
    assert {row["origin"] for row in rows} == {"built-in"}
    for row in rows:
        assert f"name: {row['name']}" in call("settings", "show", row["name"]).out


def test_own_settings_hide_built_in_ones_of_their_name(call, tmp_path):
    (tmp_path / "settings.d").mkdir()
    (tmp_path / "settings.d" / "mine.yaml").write_text(OWN.replace("name: mine", "name: wav"))
    rows = json.loads(call("settings", "list", "-o", "json").out)
    assert [row["origin"] for row in rows if row["name"] == "wav"] == ["settings.d/mine.yaml"]


def test_setting_of_a_job_file_is_shown_with_its_comments(call, tmp_path):
    (tmp_path / "job.yaml").write_text(f"{BATCH}---\n{OWN}")
    assert call("settings", "show", "mine", "--file", "job.yaml").out == OWN


def test_unknown_setting_is_answered_with_what_is_near(call):
    said = call("settings", "show", "prores-422-h", ends=2).err
    assert "did you mean 'prores-422-hq'?" in said


def test_settings_are_compared_key_by_key(call, tmp_path):
    (tmp_path / "job.yaml").write_text(f"{BATCH}---\n{OWN}")
    rows = json.loads(
        call("settings", "diff", "prores-lt", "prores-4444", "-o", "json", ends=1).out
    )
    assert rows == [
        {"key": "video.profile", "first": "lt", "second": "4444"},
        {"key": "video.pixelFormat", "first": "yuv422p10le", "second": "yuva444p10le"},
    ]
    said = call("settings", "diff", "mine", "wav", "--file", "job.yaml", ends=1).out
    assert "container" in said
    assert "audio" in said
    assert "no difference" in call("settings", "diff", "wav", "wav").out
    assert "did you mean 'wav'?" in call("settings", "diff", "wave", "wav", ends=2).err


def test_setting_is_copied_to_be_changed_and_never_over_another(call, tmp_path):
    (tmp_path / "job.yaml").write_text(f"{BATCH}---\n{OWN}")
    call("settings", "copy", "mine", "theirs", "--file", "job.yaml")
    made = tmp_path / "settings.d/theirs.yaml"
    assert made.read_text() == OWN.replace("{name: mine,", "{name: theirs,")
    assert "exists" in call("settings", "copy", "wav", "theirs", ends=2).err
    assert made.read_text() == OWN.replace("{name: mine,", "{name: theirs,")
    # a copy of a built-in one is found at once, and hides it where it has its name
    call("settings", "copy", "h264-1080p", "web")
    assert json.loads(call("settings", "diff", "web", "h264-1080p", "-o", "json").out) == []
    call("settings", "copy", "wav", "wav")
    rows = json.loads(call("settings", "list", "-o", "json").out)
    assert [row["origin"] for row in rows if row["name"] == "wav"] == ["settings.d/wav.yaml"]


@pytest.mark.parametrize("name", ["../wav", "A b", "x: y", ""])
def test_setting_is_not_copied_to_what_is_no_name(call, tmp_path, name):
    call("settings", "copy", "wav", name, ends=2)
    assert not (tmp_path / "settings.d").exists()


def test_document_is_cut_out_of_its_file(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text(f"---\n{OWN}---\n{BATCH}")
    setting = Setting(name="mine", processor="compressor", spec={}, file=str(file), line=3)
    assert document_text(setting) == OWN


def test_plugins_tell_where_they_come_from_and_what_they_bring(call):
    rows = {row["name"]: row for row in json.loads(call("plugins", "-o", "json").out)}
    compressor = rows["compressor"]
    assert compressor["distribution"] == "media-orchestrator"
    assert (compressor["processors"], compressor["programs"]) == (["compressor"], ["ffmpeg"])
    assert compressor["settings"] > 0
