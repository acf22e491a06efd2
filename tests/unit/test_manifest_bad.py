"""Bad manifests as data: ``manifests/bad/NAME.yaml``, and what is said of it in ``NAME.txt``.

A line of the latter is ``line:column: path: what is wrong; what to do``.
"""

import pickle
import time
from pathlib import Path

import pytest
from fake_processors import PROCESSORS
from pace import slowness

from orchestrator.errors import ManifestError
from orchestrator.manifest.batch import read_batch
from orchestrator.manifest.validate import validate

BAD = sorted((Path(__file__).parent / "manifests" / "bad").glob("*.yaml"))
HEAD = b"apiVersion: orchestrator/v1\nkind: Batch\nmetadata: {name: b}\nspec:\n"
NOTHING = "1:1: document: nothing in it; a manifest begins with: apiVersion: orchestrator/v1"
DEEP = "1:33: document: brackets nested deeper than 32; flatten it"
LARGE = "1:1: document: larger than 102400 bytes; split it"

BYTES = {  # what cannot be kept as text, or would be large
    "empty": (b"", NOTHING),
    "blank": (b"\n \n", NOTHING),
    "a megabyte of [": (b"[" * (1 << 20), LARGE),
    "100 KiB of [": (b"[" * 102_400, DEEP),
    "100 KiB of {": (b"{ " * 51_200, DEEP.replace("33:", "65:")),
    "just too large": (b"#" * 102_401, LARGE),
    "byte order mark": (
        b"\xef\xbb\xbf" + HEAD,
        "1:1: document: begins with a byte order mark; save it as UTF-8 without one",
    ),
    "UTF-16": (
        HEAD.decode().encode("utf-16"),
        "1:1: document: not UTF-8 (byte 0xff); save it as UTF-8",
    ),
    "latin 1": (
        HEAD + b"  cluster: K\xf6ln\n",
        "5:13: document: not UTF-8 (byte 0xf6); save it as UTF-8",
    ),
    "half a character": (
        HEAD + b"  cluster: \xe2\x82",
        "5:12: document: not UTF-8 (byte 0xe2); save it as UTF-8",
    ),
    "NUL": (
        HEAD + b"  cluster: a\0b\n",
        "5:13: document: a control character (U+0000); remove it",
    ),
    "escape": (
        HEAD + b"  cluster: \x1b[31m\n",
        "5:12: document: a control character (U+001B); remove it",
    ),
    "line separator": (
        HEAD + "  cluster: a\u2028b\n".encode(),
        "5:13: document: a control character (U+2028); remove it",
    ),
    "very many parts": (
        HEAD + b"  jobs: [" + b"1," * 40_000 + b"]\n",
        "5:39978: document: more than 20000 parts; split the file",
    ),
    "half written": (
        HEAD + b"  jobs:\n    - {name: a, processor: sh",
        "6:30: document: the file ends too early; close the bracket or quote that is open",
    ),
    "pickled": (
        pickle.dumps({"kind": "Batch"}),
        "1:1: document: not UTF-8 (byte 0x80); save it as UTF-8",
    ),
}


def faults(path):
    with pytest.raises(ManifestError) as caught:
        validate([path], PROCESSORS)
    return [fault.removeprefix(f"{path}:") for fault in caught.value.faults]


def test_there_are_many_bad_manifests():
    assert len(BAD) + len(BYTES) > 100


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_each_fault_is_told_with_its_place(path):
    assert faults(path) == path.with_suffix(".txt").read_text().splitlines()


@pytest.mark.parametrize(("content", "says"), BYTES.values(), ids=BYTES)
def test_bytes_that_are_no_manifest_are_refused(tmp_path, content, says):
    path = tmp_path / "job.yaml"
    path.write_bytes(content)
    assert faults(path) == [says]


@pytest.mark.parametrize("name", BYTES)
def test_a_bad_manifest_is_answered_within_a_second(tmp_path, name):
    path = tmp_path / "job.yaml"
    path.write_bytes(BYTES[name][0])
    start = time.process_time()
    faults(path)
    took_s = time.process_time() - start
    assert took_s < 1 or took_s < slowness()


def test_a_file_that_is_not_there_is_told(tmp_path):
    path = tmp_path / "none.yaml"
    says = "1:1: document: cannot be read (No such file or directory); check its name and rights"
    assert faults(path) == [says]


def test_a_job_file_that_is_a_folder_is_told(tmp_path):
    with pytest.raises(ManifestError, match=r"cannot be read .Is a directory.; check its name"):
        read_batch(tmp_path, PROCESSORS)


def test_a_folder_without_manifests_is_told(tmp_path):
    assert faults(tmp_path) == ["1:1: document: no YAML file in this folder; name another"]


def test_a_job_file_without_a_batch_is_refused(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text(
        "apiVersion: orchestrator/v1\nkind: Node\nmetadata: {name: n1}\nspec: {active: true}\n"
    )
    with pytest.raises(ManifestError) as caught:
        read_batch(path, PROCESSORS)
    says = "document: no document of kind Batch; a job file holds exactly one"
    assert caught.value.faults == (f"{path}:1:1: {says}",)


def test_a_manifest_that_is_refused_ends_with_exit_code_2(tmp_path):
    with pytest.raises(ManifestError) as caught:
        validate([tmp_path], PROCESSORS)
    assert caught.value.exit_code == 2


def test_faults_of_several_files_are_told_file_by_file(tmp_path):
    for name in ("b.yaml", "a.yaml"):
        (tmp_path / name).write_text("kind: Nobody\n")
    with pytest.raises(ManifestError) as caught:
        validate([tmp_path / "b.yaml", tmp_path / "a.yaml"], PROCESSORS)
    assert [Path(fault.split(":")[0]).name for fault in caught.value.faults] == ["b.yaml", "a.yaml"]


def test_one_cluster_in_two_files_is_refused(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(
            "apiVersion: orchestrator/v1\nkind: Cluster\nmetadata: {name: q}\nspec: {kind: quick}\n"
        )
    with pytest.raises(ManifestError, match=r"b.yaml:3:18: .*Cluster 'q' stands in .*a.yaml:1"):
        validate([tmp_path], PROCESSORS)
