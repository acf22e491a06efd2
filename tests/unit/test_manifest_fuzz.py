"""Whatever a file holds: nouns or one ManifestError, soon (T08, F25)."""

import gc
import json
import time
from pathlib import Path

import pytest
import sample
from fake_processors import PROCESSORS
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pace import slowness

from orchestrator.errors import ManifestError
from orchestrator.manifest.accepted import manifest_text
from orchestrator.manifest.batch import digest, read_batch
from orchestrator.manifest.validate import validate

GOOD = (
    (Path(__file__).parents[2] / "clusters.d" / "studio.yaml").read_text()
    + """\
---
apiVersion: orchestrator/v1
kind: Setting
metadata: {name: web}
spec: {processor: compressor, container: mp4}
---
apiVersion: orchestrator/v1
kind: Batch
metadata: {name: b, annotations: {a: b}}
spec:
  serialize: true
  notBefore: 2026-05-04T20:00
  jobs:
    - {name: a, processor: shell, with: {command: [ls]}, env: {A: b}, segments: {cuts: [1, 2]}}
    - name: c
      processor: compressor
      after: [a]
      timeout: 1h30m
      with: {source: a.mov, outputs: [{setting: web, destination: "{source.stem}.mp4"}]}
"""
)
JOB = """\
apiVersion: orchestrator/v1
kind: Batch
metadata: {name: b}
spec: {jobs: [{name: a, processor: shell, with: {command: [ls]}}]}
"""
PIECES = st.sampled_from(
    [
        *":{}[],&*!|>%@`#-?\"'\n\t \\~",
        "<<: ",
        "---\n",
        "...\n",
        "? ",
        "- ",
        "!!int ",
        "0755",
        ".inf",
        "null",
        "true",
        "2026-02-30",
        "kind: Batch\n",
        "spec:\n  jobs:\n",
        "\x00",
        "\u2028",
        "é",
        "1e999",
        "\\ud800",
        "%YAML 1.1\n",
        "9" * 400,
        "onBetween",
        "24:00",
        "on",
        "[a, a]",
        "{a: b}",
    ]
)
LIMIT_S = 2.0  # of this process, for reading twice

pytestmark = [pytest.mark.timeout(sample.LIMIT_S), pytest.mark.fault("F25")]
quick = settings(
    max_examples=sample.times(1500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module", autouse=True)
def alone():
    """Let no time go into what hundreds of tests before us have left in memory."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def told(read):
    """Return the faults; anything but a ManifestError is a fault of ours."""
    try:
        read()
    except ManifestError as error:
        return error.faults
    return ()


def answer(path, content):
    """Read `content` as a job file and as any manifest."""
    path.write_bytes(content)
    start = time.process_time()
    faults = told(lambda: read_batch(path, PROCESSORS))
    faults += told(lambda: validate([path], PROCESSORS))
    took_s = time.process_time() - start
    assert took_s < LIMIT_S or took_s < LIMIT_S * slowness()
    assert all(fault.startswith(f"{path}:") for fault in faults)
    "\n".join(faults).encode()  # can be printed: holds no half of a character


@quick
@given(content=st.binary(max_size=2000))
@example(content=b"\xff\xfe")
def test_any_bytes_are_answered(tmp_path, content):
    answer(tmp_path / "job.yaml", content)


@quick
@given(text=st.lists(PIECES, max_size=60).map("".join))
@example(text="? [a]\n: b")
@example(text="a: !<x> b")
@example(text="%TAG ! x\n---\na")
def test_any_text_of_yaml_is_answered(tmp_path, text):
    answer(tmp_path / "job.yaml", text.encode())


@quick
@given(at=st.integers(0, len(GOOD)), length=st.integers(0, 30), put=st.lists(PIECES, max_size=3))
def test_any_damage_to_a_good_manifest_is_answered(tmp_path, at, length, put):
    text = GOOD[:at] + "".join(put) + GOOD[at + length :]
    answer(tmp_path / "job.yaml", text.encode())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99999) | st.text("abc:{}/é", max_size=9),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text("abc", max_size=3), each),
    max_leaves=5,
)
WORDS = [word for word in GOOD.replace("{", " ").replace("}", " ").split() if word.endswith(":")]


@quick
@given(word=st.sampled_from(WORDS), value=VALUES)
def test_any_value_at_any_key_is_answered(tmp_path, word, value):
    """JSON is YAML: put `value` where a known key stands."""
    answer(tmp_path / "job.yaml", GOOD.replace(word, f"{word} {json.dumps(value)} #", 1).encode())


WRITTEN = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Z"]), min_size=1)


@quick
@given(words=st.lists(WRITTEN, min_size=1, max_size=3))
@example(words=["0755", "1_000", ".inf", "22:30", "<<", "~", "no", "{a}", "- x", "#"])
@example(words=["9" * 400, "1e999", "2026-02-30", "0x1F", "*a", "&a", "!a", "%a", "? a"])
def test_what_was_accepted_can_be_written_and_read_again(tmp_path, words):
    path = tmp_path / "job.yaml"
    command = json.dumps([word for word in words if not set(word) & set("\u2028\u2029")] or ["a"])
    path.write_text(JOB.replace("[ls]", command))
    batch = read_batch(path, PROCESSORS).batch
    path.write_text(manifest_text(batch))
    assert digest(read_batch(path, PROCESSORS).batch) == digest(batch)


LARGE = {
    "keys": "spec:\n" + "".join(f"  k{n}: 1\n" for n in range(9000)),
    "jobs": "spec:\n  jobs:\n"
    + "".join(f"    - {{name: j{n}, processor: x}}\n" for n in range(3000)),
    "bad jobs": "spec:\n  jobs:\n"
    + "".join(f"    - {{nam: J, after: [{n}]}}\n" for n in range(3000)),
    "items": "spec:\n  jobs: [" + "1," * 30000 + "]\n",
    "dashes": "- " * 50000,
    "questions": "? " * 50000,
    "brackets apart": "[a," * 30000,
    "brackets and comments": "[#\n" * 30000,
    "anchors": "&a " * 30000,
    "long text": "a: " + "x " * 50000,
    "long word": "x" * 102_000,
    "long key": "spec: {" + "k" * 100_000 + ": 1}",
    "long name": "metadata: {name: " + "a." * 50_000 + "a}",
    "documents": "---\na\n" * 15000,
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_manifest_is_answered_soon(tmp_path, name):
    head = "apiVersion: orchestrator/v1\nkind: Batch\n" if LARGE[name][0] in "sm" else ""
    answer(tmp_path / "job.yaml", (head + LARGE[name]).encode()[:102_400])
