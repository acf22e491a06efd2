"""What plugins lay under jobs: the manifest wins, and a wrong default is its plugin's fault."""

import json

import pytest
from fake_processors import PROCESSORS

from orchestrator.errors import ManifestError
from orchestrator.manifest.accepted import manifest_text
from orchestrator.manifest.batch import read_batch
from orchestrator.manifest.sent import parse_sent
from orchestrator.manifest.validate import validate
from orchestrator.model.default import Default, Extras
from orchestrator.model.talk import Sheet


def shell(*defaults):
    """Return defaults for jobs of `shell`: (dotted path, value)."""
    said = tuple(Default(tuple(path.split(".")), value, "house") for path, value in defaults)
    return Extras(defaults=lambda processor: said if processor == "shell" else ())


def written(folder, **keys):
    job = {"name": "a", "processor": "shell", "with": {"command": ["ls"]}, **keys}
    document = {
        "apiVersion": "orchestrator/v1",
        "kind": "Batch",
        "metadata": {"name": "b"},
        "spec": {"jobs": [job]},
    }
    path = folder / "job.yaml"
    path.write_text(json.dumps(document))
    return path


def test_what_the_manifest_says_counts_more(tmp_path):
    path = written(tmp_path, timeout="1h", env={"A": "mine"})
    laid = shell(("timeout", "9h"), ("stallAfter", "5m"), ("env.A", "x"), ("env.B", "house"))
    (job,) = read_batch(path, PROCESSORS, extras=laid).batch.jobs
    assert (job.timeout_s, job.stall_s) == (3600, 300)
    assert job.env == {"A": "mine", "B": "house"}


def test_a_key_that_a_default_brings_need_not_be_written(tmp_path):
    path = written(tmp_path, **{"with": {}})
    (job,) = read_batch(path, PROCESSORS, extras=shell(("with.command", ["ls"]))).batch.jobs
    assert job.asks == {"command": ["ls"]}


def test_the_accepted_manifest_says_what_was_laid_and_is_read_again_as_it_is(tmp_path):
    defaults = shell(("timeout", "9h"), ("env.B", "house"))
    batch = read_batch(written(tmp_path), PROCESSORS, extras=defaults).batch
    text = manifest_text(batch)
    assert "timeout: 32400s" in text
    assert parse_sent([Sheet(name="b.yaml", text=text)], PROCESSORS, ()).batch == batch
    assert parse_sent([Sheet(name="b.yaml", text=text)], PROCESSORS, (), defaults).batch == batch


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("timeout", 5, "spec.jobs[0].timeout"),
        ("timeot", "5h", "spec.jobs[0].timeot"),
        ("with.comand", ["ls"], "spec.jobs[0].with.comand"),
        ("env", "A", "spec.jobs[0].env"),
    ],
)
def test_a_wrong_default_is_the_fault_of_its_plugin(tmp_path, path, value, said):
    file = written(tmp_path)
    with pytest.raises(ManifestError) as told:
        read_batch(file, PROCESSORS, extras=shell((path, value)))
    (fault,) = told.value.faults
    assert fault.startswith(f"plugin 'house': its default for {said} in {file}: ")
    assert fault.endswith("; tell its author")
    with pytest.raises(ManifestError, match="plugin 'house'"):
        validate([file], PROCESSORS, (), shell((path, value)))


def test_a_fault_of_the_file_stays_the_file_s(tmp_path):
    file = written(tmp_path, env="A", timeout=5)
    with pytest.raises(ManifestError) as told:
        read_batch(file, PROCESSORS, extras=shell(("env.B", "x"), ("timeout", "1h")))
    assert all(fault.startswith(f"{file}:1:") for fault in told.value.faults)
    assert len(told.value.faults) == 2
