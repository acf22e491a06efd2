"""Settings are found at three levels, the nearest first."""

import pytest
from fake_processors import PROCESSORS

from orchestrator.errors import ManifestError
from orchestrator.manifest.batch import read_batch
from orchestrator.manifest.setting import read_built_in

JOB = """\
apiVersion: orchestrator/v1
kind: Batch
metadata: {name: b}
spec:
  jobs:
    - name: a
      processor: compressor
      with: {source: a.mov, outputs: [{setting: web, destination: a.mp4}]}
"""


def setting(name="web", crf=1, processor="compressor", container="mp4"):
    return (
        f"apiVersion: orchestrator/v1\nkind: Setting\nmetadata: {{name: {name}}}\n"
        f"spec: {{processor: {processor}, container: {container}, crf: {crf}}}\n"
    )


@pytest.fixture
def place(tmp_path):
    """A job file, a ``settings.d`` beside it and a folder of built-in Settings."""
    for folder in ("settings.d", "built_in", "more"):
        (tmp_path / folder).mkdir()
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def crf(place):
    folders = (place / "built_in", place / "more")
    job = read_batch(place / "job.yaml", PROCESSORS, folders).batch.jobs[0]
    return job.settings["web"]["crf"]


def faults(place):
    with pytest.raises(ManifestError) as caught:
        crf(place)
    return [fault.removeprefix(f"{place}/") for fault in caught.value.faults]


def test_a_built_in_setting_is_found(place):
    (place / "built_in" / "web.yaml").write_text(setting(crf=3))
    assert crf(place) == 3


def test_a_folder_beside_the_job_wins_over_the_built_in(place):
    (place / "built_in" / "web.yaml").write_text(setting(crf=3))
    (place / "settings.d" / "any-name.yml").write_text(setting(crf=2))
    assert crf(place) == 2


def test_the_file_itself_wins_over_all(place):
    (place / "built_in" / "web.yaml").write_text(setting(crf=3))
    (place / "settings.d" / "web.yaml").write_text(setting(crf=2))
    (place / "job.yaml").write_text(f"{setting(crf=1)}---\n{JOB}")
    assert crf(place) == 1


def test_two_of_one_name_in_settings_d_are_refused(place):
    (place / "settings.d" / "a.yaml").write_text(setting())
    (place / "settings.d" / "b.yaml").write_text(setting())
    assert faults(place) == [
        f"settings.d/b.yaml:3:18: metadata.name: Setting 'web' stands in "
        f"{place}/settings.d/a.yaml:1 already; remove or rename one"
    ]


def test_two_built_in_of_one_name_are_refused(place):
    for folder in ("built_in", "more"):
        (place / folder / "web.yaml").write_text(setting())
    assert faults(place) == [
        f"more/web.yaml:1:1: document: setting 'web' comes from "
        f"{place}/built_in/web.yaml too; remove one"
    ]


def test_a_fault_of_a_shared_setting_is_told_beside_those_of_the_job(place):
    (place / "settings.d" / "web.yaml").write_text(setting(crf=99))
    (place / "job.yaml").write_text(JOB.replace("kind: Batch", "kind: Batch\nsort: x"))
    assert faults(place) == [
        "job.yaml:3:1: sort: unknown key 'sort'; known: apiVersion, kind, metadata, spec",
        "settings.d/web.yaml:4:52: spec.crf: 99 is more than 51; wanted: 0 to 51",
    ]


def test_a_faulty_setting_is_not_called_unknown_too(place):
    (place / "job.yaml").write_text(f"{setting(container='avi')}---\n{JOB}")
    assert faults(place) == [
        "job.yaml:4:42: spec.container: 'avi' is not possible here; one of: mp4, mov"
    ]


def test_settings_d_holds_settings_only(place):
    (place / "settings.d" / "job.yaml").write_text(JOB)
    assert faults(place)[-1] == (
        "settings.d/job.yaml:2:7: kind: settings.d holds documents of kind Setting only; "
        "move it elsewhere"
    )


def test_a_built_in_setting_is_called_as_its_file(place):
    (place / "built_in" / "web.yaml").write_text(setting(name="wbe"))
    assert faults(place) == [
        "built_in/web.yaml:3:18: metadata.name: must be called as its file: web"
    ]


def test_a_built_in_file_is_one_setting(place):
    (place / "built_in" / "web.yaml").write_text(JOB)
    assert faults(place) == [
        "built_in/web.yaml:1:1: document: a built-in setting is one document of kind Setting"
    ]


def test_a_misspelt_built_in_is_answered_with_the_right_one(place):
    (place / "built_in" / "h264-1080p.yaml").write_text(setting(name="h264-1080p"))
    (place / "job.yaml").write_text(JOB.replace("web", "h264-108p"))
    assert faults(place) == [
        "job.yaml:8:49: spec.jobs[0].with.outputs[0].setting: unknown setting 'h264-108p'; "
        "did you mean 'h264-1080p'?"
    ]


def test_all_built_in_settings_are_read_by_name(place):
    (place / "built_in" / "web.yaml").write_text(setting(crf=3))
    (place / "more" / "archive.yaml").write_text(setting(name="archive"))
    found = read_built_in((place / "built_in", place / "more"), PROCESSORS)
    assert [(each.name, each.processor) for each in found] == [
        ("archive", "compressor"),
        ("web", "compressor"),
    ]
