"""A batch that submits another: read with it, sent with it, refused with it."""

import pytest
from compressor_jobs import COMPRESSOR

from orchestrator.errors import ManifestError, Refusal
from orchestrator.manifest.accepted import manifest_text
from orchestrator.manifest.batch import read_batch
from orchestrator.manifest.sent import parse_sent
from orchestrator.model.talk import Sheet

PROCESSORS = {"compressor": COMPRESSOR}
WAV = """apiVersion: orchestrator/v1
kind: Setting
metadata: {name: wav}
spec: {processor: compressor, container: wav, audio: {codec: pcm}}
---
"""


def written(folder, name, *jobs):
    body = "".join(f"\n    - {job}" for job in jobs)
    head = "apiVersion: orchestrator/v1\nkind: Batch\nmetadata: {name: "
    (folder / f"{name}.yaml").write_text(f"{WAV}{head}{name}}}\nspec:\n  jobs:{body}\n")
    return folder / f"{name}.yaml"


def job(name, source, actions, more=""):
    asks = f"{{source: {source}, outputs: [{{setting: wav, destination: {name}.wav}}]}}"
    return f"{{name: {name}, processor: compressor, with: {asks}, actions: {actions}{more}}}"


def test_the_next_file_is_read_now_and_goes_along_as_text(tmp_path):
    written(tmp_path, "next", job("n", "s.wav", "[{copy: kept}]"))
    first = written(tmp_path, "first", job("a", "s.wav", "[{move: done}, {submit: next.yaml}]"))
    batch = read_batch(first, PROCESSORS).batch
    move, submit = batch.jobs[0].actions
    assert move == {"move": f"{tmp_path}/done"}
    sent = Sheet(name="next", text=submit["submit"]["text"])
    (onward,) = parse_sent([sent], PROCESSORS, ()).batch.jobs
    assert onward.actions == ({"copy": f"{tmp_path}/kept"},)
    again = parse_sent([Sheet(name="first", text=manifest_text(batch))], PROCESSORS, ()).batch
    assert again.jobs[0].actions == batch.jobs[0].actions


def test_a_fault_of_the_next_file_is_told_at_once(tmp_path):
    written(tmp_path, "next", job("n", "s.wav", "[{coppy: kept}]"))
    first = written(tmp_path, "first", job("a", "s.wav", "[{submit: next.yaml}]"))
    with pytest.raises(ManifestError, match=r"next\.yaml:.*coppy"):
        read_batch(first, PROCESSORS)


def test_batches_that_submit_each_other_are_refused(tmp_path):
    written(tmp_path, "next", job("n", "s.wav", "[{submit: first.yaml}]"))
    first = written(tmp_path, "first", job("a", "s.wav", "[{submit: next.yaml}]"))
    with pytest.raises(Refusal, match="again and again"):
        read_batch(first, PROCESSORS)


def test_a_source_is_not_moved_away_from_under_another_job(tmp_path):
    jobs = [job("a", "s.wav", "[{move: done}]"), job("b", "s.wav", "[]")]
    with pytest.raises(ManifestError, match="job 'b' reads this source too"):
        read_batch(written(tmp_path, "x", *jobs), PROCESSORS)
    jobs[0] = job("a", "s.wav", "[{move: done}]", ", after: [b]")
    assert read_batch(written(tmp_path, "y", *jobs), PROCESSORS).batch


@pytest.mark.parametrize(
    ("source", "actions", "says"),
    [
        ("s.wav", "[{move: .}]", r"actions\[0\]\.move: the source's own folder"),
        ("s.wav", "[{copy: ../{here}/}]", "own folder"),
        ("s.wav", "[{move: a}, {copy: b}]", r"actions\[1\]\.copy: .* moved the source away"),
        ("s.wav", "[{move: a}, {move: b}]", r"actions\[1\]\.move: .* moved the source away"),
        ("s.%04d.png, rate: '25'", "[{copy: a}]", "no single file is this job's source"),
    ],
)
def test_a_source_that_cannot_be_moved_or_copied_is_refused(tmp_path, source, actions, says):
    actions = actions.replace("{here}", tmp_path.name)
    with pytest.raises(ManifestError, match=says):
        read_batch(written(tmp_path, "x", job("a", source, actions)), PROCESSORS)


def test_a_next_file_that_is_too_large_to_be_sent_is_refused_when_it_is_read(tmp_path):
    long = ", workingDirectory: " + "x" * 200
    jobs = [job(f"n{n}", "s.wav", "[]", long) for n in range(200)]
    written(tmp_path, "next", *jobs)
    first = written(tmp_path, "first", job("a", "s.wav", "[{submit: next.yaml}]"))
    with pytest.raises(Refusal, match=r"next\.yaml: larger than 102400 bytes"):
        read_batch(first, PROCESSORS)


@pytest.mark.parametrize(
    ("action", "says"),
    [("{move: done}", "is relative"), ("{submit: next.yaml}", "a file of the client")],
)
def test_a_client_sends_no_paths_of_its_own(action, says):
    text = f"{WAV}apiVersion: orchestrator/v1\nkind: Batch\nmetadata: {{name: b}}\nspec:\n  jobs:\n"
    one = job("a", "/in/s.wav", f"[{action}]").replace("a.wav}", "/out/a.wav}")
    with pytest.raises(ManifestError, match=says):
        parse_sent([Sheet(name="b", text=f"{text}    - {one}\n")], PROCESSORS, ())
