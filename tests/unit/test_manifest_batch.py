"""A good job file becomes nouns."""

import re
from datetime import datetime
from pathlib import Path

import pytest
from fake_processors import PROCESSORS, FakeCompressor, FakeShell

from orchestrator.cli.build import counts
from orchestrator.errors import ManifestError
from orchestrator.manifest.batch import digest, numbered, read_batch
from orchestrator.model import codec
from orchestrator.model.default import Extras
from orchestrator.model.work import Batch, Copying, IfExists, Priority, Service, Split

HEAD = "apiVersion: orchestrator/v1\nkind: Batch\nmetadata: {name: b}\n"
SETTING = """\
apiVersion: orchestrator/v1
kind: Setting
metadata: {name: web, description: H.264 for the web}
spec: {processor: compressor, container: mp4, lut: luts/warm.cube}
---
"""
ALL_KEYS = """\
apiVersion: orchestrator/v1
kind: Batch
metadata: {name: all-keys, annotations: {show: x}}
spec:
  cluster: studio
  plus: true
  priority: high
  delay: 1h30m
  copy: always
  copyAtSubmit: true
  notify: {to: [me@studio.example]}
  jobs:
    - name: first
      processor: shell
      with: {command: [ls]}
    - name: a
      processor: compressor
      after: [first]
      requires: {ffmpeg: ">=6"}
      env: {OCIO: /mnt/studio/ocio/config.ocio}
      preflight: [/mnt/studio/bin/check]
      workingDirectory: work
      timeout: 4h
      stallAfter: 60s
      ifExists: replace
      segments: {seconds: 20, spread: always}
      onDecodeErrors: warn
      with:
        source: in/a.mov
        outputs: [{setting: web, destination: "out/{source.stem}.mp4"}]
      actions: [{command: [/usr/bin/notify, "{destination}"]}]
"""


def read(tmp_path, text, **options):
    path = tmp_path / "job.yaml"
    path.write_text(text)
    return read_batch(path, PROCESSORS, **options)


def shell(tmp_path, spec="", job=""):
    """Read a batch of one shell job with more keys."""
    jobs = f"  jobs:\n    - {{name: a, processor: shell, with: {{command: [ls]}}{job}}}\n"
    return read(tmp_path, f"{HEAD}spec:\n{spec}{jobs}").batch


def asks(tmp_path, **values):
    """Read a compressor job; return its `with`."""
    source, destination = values.get("source", "a.mov"), values.get("destination", "a.mp4")
    job = f"{{source: {source}, outputs: [{{setting: web, destination: {destination}}}]}}"
    jobs = f"  jobs:\n    - {{name: a, processor: compressor, with: {job}}}\n"
    return read(tmp_path, f"{SETTING}{HEAD}spec:\n{jobs}").batch.jobs[0].asks


def test_every_key_of_a_batch_reaches_its_noun(tmp_path):
    batch = read(tmp_path, SETTING + ALL_KEYS).batch
    assert (batch.id, batch.name, batch.cluster, batch.plus) == (
        "all-keys",
        "all-keys",
        "studio",
        True,
    )
    assert (batch.priority, batch.delay_s, batch.not_before) == (Priority.HIGH, 5400.0, None)
    assert (batch.copy, batch.copy_at_submit) == (Copying.ALWAYS, True)
    assert batch.notify == {"to": ["me@studio.example"]}
    assert batch.annotations == {"show": "x"}


def test_every_key_of_a_job_reaches_its_noun(tmp_path):
    job = read(tmp_path, SETTING + ALL_KEYS).batch.jobs[1]
    assert (job.id, job.name, job.processor) == ("all-keys/a", "a", "compressor")
    assert job.service is Service.COMPRESSOR
    assert (job.after, job.requires, job.env) == (
        ("first",),
        {"ffmpeg": ">=6"},
        {"OCIO": "/mnt/studio/ocio/config.ocio"},
    )
    assert (job.preflight, job.working_directory) == (
        ("/mnt/studio/bin/check",),
        str(tmp_path / "work"),
    )
    assert (job.timeout_s, job.stall_s, job.if_exists) == (14400.0, 60.0, IfExists.REPLACE)
    assert (job.split, job.on_decode_errors) == (Split(seconds=20.0, spread="always"), "warn")
    assert job.actions == ({"command": ["/usr/bin/notify", "{destination}"]},)


def test_a_setting_reaches_its_job_with_absolute_paths(tmp_path):
    job = read(tmp_path, SETTING + ALL_KEYS).batch.jobs[1]
    spec = {
        "processor": "compressor",
        "container": "mp4",
        "lut": str(tmp_path / "luts" / "warm.cube"),
    }
    assert job.settings == {"web": spec}


def test_what_a_processor_says_of_a_job_comes_with_the_file(tmp_path):
    assert read(tmp_path, SETTING + ALL_KEYS).reviews["a"].needs == {"ffmpeg": ()}


def test_a_batch_survives_the_ledger(tmp_path):
    batch = read(tmp_path, SETTING + ALL_KEYS).batch
    assert codec.load(Batch, codec.dump(batch)) == batch


PATHS = {
    "in/a.mov": "FOLDER/in/a.mov",
    "./a.mov": "FOLDER/a.mov",
    "../x/a.mov": "ABOVE/x/a.mov",
    "/mnt/a.mov": "/mnt/a.mov",
    "~/a.mov": "HOME/a.mov",
    "shot 12.mov": "FOLDER/shot 12.mov",
    '"{storage}/a.mov"': "{storage}/a.mov",
    '"{storage}"': "{storage}",
    '"{source.parent}/a.mov"': "{source.parent}/a.mov",
    '"{source.stem}.mov"': "FOLDER/{source.stem}.mov",
}


@pytest.mark.parametrize(("written", "read_as"), PATHS.items(), ids=PATHS)
def test_a_path_is_seen_from_the_manifest(tmp_path, monkeypatch, written, read_as):
    monkeypatch.setenv("HOME", "/home/ada")
    words = {"FOLDER": str(tmp_path), "ABOVE": str(tmp_path.parent), "HOME": "/home/ada"}
    for word, value in words.items():
        read_as = read_as.replace(word, value)
    assert asks(tmp_path, source=written)["source"] == read_as


def test_a_path_in_a_composed_schema_is_seen_from_the_manifest_too(tmp_path):
    assert asks(tmp_path, source="[a.mov, /b.mov]")["source"] == [
        str(tmp_path / "a.mov"),
        "/b.mov",
    ]


def test_a_relative_manifest_gives_absolute_paths(tmp_path, monkeypatch):
    (tmp_path / "job.yaml").write_text(SETTING + ALL_KEYS)
    monkeypatch.chdir(tmp_path)
    job = read_batch(Path("job.yaml"), PROCESSORS).batch.jobs[1]
    assert job.asks["source"] == str(tmp_path / "in" / "a.mov")


DURATIONS = {"60s": 60.0, "1h30m": 5400.0, "2d": 172800.0, "1.5s": 1.5, "1d1h1m1s": 90061.0}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items(), ids=DURATIONS)
def test_a_duration_becomes_seconds(tmp_path, text, seconds):
    assert shell(tmp_path, job=f", timeout: {text}").jobs[0].timeout_s == seconds


def test_a_start_without_a_zone_is_this_computers(tmp_path):
    when = shell(tmp_path, spec="  notBefore: 2026-05-04T20:00\n").not_before
    assert datetime.fromisoformat(when) == datetime(2026, 5, 4, 20).astimezone()
    assert re.search(r"[+-]\d\d:\d\d$", when)


def test_a_start_keeps_its_zone(tmp_path):
    when = shell(tmp_path, spec="  notBefore: 2026-05-04T20:00+02:00\n").not_before
    assert when == "2026-05-04T20:00:00+02:00"


def test_jobs_of_a_serialized_batch_come_one_after_the_other(tmp_path):
    jobs = "".join(
        f"    - {{name: {name}, processor: shell, with: {{command: [ls]}}{after}}}\n"
        for name, after in [("a", ""), ("b", ""), ("c", ", after: [a]")]
    )
    batch = read(tmp_path, f"{HEAD}spec:\n  serialize: true\n  jobs:\n{jobs}").batch
    assert [job.after for job in batch.jobs] == [(), ("a",), ("a", "b")]


WORDS = {"22:30": "22:30", "on": "on", "no": "no", "2026-01-01": "2026-01-01", '"0755"': "0755"}


@pytest.mark.parametrize(("written", "read_as"), WORDS.items(), ids=WORDS)
def test_text_stays_text(tmp_path, written, read_as):
    text = f"{HEAD}spec:\n  jobs:\n    - {{name: a, processor: shell, with: {{command: [{written}]}}}}\n"
    assert read(tmp_path, text).batch.jobs[0].asks["command"] == [read_as]


def test_windows_line_ends_are_read(tmp_path):
    text = f"{HEAD}spec:\n  jobs:\n    - {{name: a, processor: shell, with: {{command: [ls]}}}}\n"
    path = tmp_path / "job.yaml"
    path.write_bytes(text.replace("\n", "\r\n").encode())
    assert read_batch(path, PROCESSORS).batch.name == "b"


def test_numbering_a_batch_rewrites_its_jobs(tmp_path):
    batch = numbered(read(tmp_path, SETTING + ALL_KEYS).batch, "all-keys-0007")
    assert (batch.id, batch.name) == ("all-keys-0007", "all-keys")
    assert [job.id for job in batch.jobs] == ["all-keys-0007/first", "all-keys-0007/a"]


def test_a_digest_ignores_the_number_and_the_manner_of_writing(tmp_path):
    batch = read(tmp_path, SETTING + ALL_KEYS).batch
    again = read(tmp_path, "# a comment\n" + SETTING + ALL_KEYS.replace("4h", '"240m"')).batch
    assert digest(batch) == digest(numbered(again, "all-keys-0002"))
    assert re.fullmatch("[0-9a-f]{64}", digest(batch))


@pytest.mark.parametrize(("old", "new"), [("in/a.mov", "in/b.mov"), ("mp4", "mov")])
def test_a_digest_changes_with_the_work(tmp_path, old, new):
    text = SETTING + ALL_KEYS
    assert digest(read(tmp_path, text).batch) != digest(
        read(tmp_path, text.replace(old, new)).batch
    )


NODE = """\
---
apiVersion: orchestrator/v1
kind: Node
metadata: {name: here}
spec:
"""


def node(tmp_path, spec):
    text = f"{HEAD}spec:\n  jobs:\n    - {{name: a, processor: shell, with: {{command: [ls]}}}}\n"
    return read(tmp_path, f"{text}{NODE}{spec}").node


def test_a_node_beside_the_batch_names_programs(tmp_path):
    found = node(tmp_path, "  programs: {ffmpeg: bin/ffmpeg, sox: /opt/sox}\n")
    assert found.name == "here"
    assert found.programs == {"ffmpeg": str(tmp_path / "bin" / "ffmpeg"), "sox": "/opt/sox"}
    assert found.instances == {Service.COMPRESSOR: None, Service.RENDER: None}


INSTANCES = {
    "{compressor: {instances: 3}, render: {instances: 2}}": {"compressor": 3, "render": 2},
    "{compressor: {instances: 3}}": {"compressor": 3},
    "{compressor: {instances: auto}, render: {}}": {"compressor": None, "render": None},
}


@pytest.mark.parametrize(("written", "instances"), INSTANCES.items(), ids=INSTANCES)
def test_a_service_left_out_is_off(tmp_path, written, instances):
    found = node(tmp_path, f"  services: {written}\n").instances
    assert {service.value: count for service, count in found.items()} == instances


def test_a_service_that_is_off_does_nothing_at_once_on_this_computer():
    assert counts({Service.RENDER: None}) == {"compressor": 0}
    assert counts({Service.RENDER: 3, Service.COMPRESSOR: None}) == {"render": 3}


def test_a_node_may_stand_in_a_file_of_its_own(tmp_path):
    apart = tmp_path / "here.yaml"
    apart.write_text(NODE + "  services: {render: {instances: 1}}\n")
    text = f"{HEAD}spec:\n  jobs:\n    - {{name: a, processor: shell, with: {{command: [ls]}}}}\n"
    assert read(tmp_path, text, node_file=apart).node.instances == {Service.RENDER: 1}


def test_two_nodes_are_refused_wherever_they_stand(tmp_path):
    apart = tmp_path / "here.yaml"
    apart.write_text(NODE + "  active: true\n")
    text = f"{HEAD}spec:\n  jobs:\n    - {{name: a, processor: shell, with: {{command: [ls]}}}}\n"
    with pytest.raises(
        ManifestError,
        match=r"here.yaml:3:7: kind: a second Node, the first is in .*job.yaml, line 8",
    ):
        read(tmp_path, f"{text}{NODE}  active: true\n", node_file=apart)


def test_a_cycle_is_named_in_the_order_of_waiting(tmp_path):
    jobs = "".join(
        f"    - {{name: {name}, processor: shell, with: {{command: [ls]}}, after: [{after}]}}\n"
        for name, after in [("x", "a"), ("a", "b"), ("b", "c"), ("c", "a")]
    )
    with pytest.raises(ManifestError, match="each other: a -> b -> c -> a; remove one after"):
        read(tmp_path, f"{HEAD}spec:\n  jobs:\n{jobs}")


def test_the_fakes_are_processors():
    assert {each.name for each in (FakeCompressor(), FakeShell())} == set(PROCESSORS)


def test_requirement_that_no_node_can_be_asked_for_is_a_fault_with_its_place(tmp_path):
    head = "apiVersion: orchestrator/v1\nkind: Batch\nmetadata: {name: b}\nspec:\n  jobs:\n"
    wanted = "{blendr: '>=4', gpu: '4', font: '*'}"
    job = f"{{name: a, processor: shell, requires: {wanted}, with: {{command: [ls]}}}}"
    with pytest.raises(ManifestError) as told:
        read(tmp_path, f"{head}    - {job}\n", extras=Extras(means=("blender", "gpu")))
    assert [fault.partition(".requires.")[2] for fault in told.value.faults] == [
        "blendr: no plugin looks for 'blendr' on a node; did you mean 'blender'?",
        "gpu: '4' is no condition on a version; "
        'write ">=3.4", ">=3.4,<4", "==3.4.*" or "*" for any',
        "font: no plugin looks for 'font' on a node; known: blender, gpu",
    ]
    assert "job.yaml:6:" in told.value.faults[0]
    assert read(tmp_path, f"{head}    - {job}\n".replace("'4'", "' >= 4 , <5'"))
