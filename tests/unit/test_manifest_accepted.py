"""A batch as accepted is given back as a manifest that says the same (F-SUB-10)."""

import pytest
from fake_processors import PROCESSORS

from orchestrator.manifest.accepted import manifest_text
from orchestrator.manifest.batch import digest, numbered, read_batch

SETTING = """\
apiVersion: orchestrator/v1
kind: Setting
metadata: {name: web}
spec: {processor: compressor, container: mp4, crf: 20, lut: luts/a.cube}
---
"""
EVERY_KEY = """\
apiVersion: orchestrator/v1
kind: Batch
metadata: {name: all-keys, annotations: {show: x}}
spec:
  priority: high
  delay: 1h30m
  serialize: true
  copy: never-source
  copyAtSubmit: true
  notify: {to: [me@studio.example]}
  jobs:
    - name: a
      processor: compressor
      requires: {ffmpeg: ">=6.1"}
      licences: [arnold]
      env: {OCIO: /ocio}
      preflight: [/bin/check]
      workingDirectory: work
      timeout: 4h
      stallAfter: 1.5s
      ifExists: replace
      segments: {seconds: 20, spread: always}
      onDecodeErrors: warn
      with: {source: in/a.mov, outputs: [{setting: web, destination: "out/{source.stem}.mp4"}]}
      actions: [{command: [/usr/bin/notify, "{destination}"]}]
    - name: b
      processor: shell
      segments: {cuts: [100, 250]}
      with: {command: [echo, "it's \\"so\\"", "22:30"]}
"""
SHORT = """\
apiVersion: orchestrator/v1
kind: Batch
metadata: {name: short}
spec:
  cluster: studio
  plus: true
  notBefore: 2026-05-04T20:00+02:00
  jobs: [{name: a, processor: shell, with: {command: [ls]}}]
"""


@pytest.mark.parametrize("text", [SETTING + EVERY_KEY, SHORT])
def test_what_is_given_back_is_the_same_batch(tmp_path, text):
    (tmp_path / "in.yaml").write_text(text)
    (tmp_path / "elsewhere").mkdir()
    first = read_batch(tmp_path / "in.yaml", PROCESSORS).batch
    back = tmp_path / "elsewhere" / "back.yaml"
    back.write_text(manifest_text(numbered(first, "x-0007")))
    again = read_batch(back, PROCESSORS).batch
    assert again == first
    assert digest(again) == digest(first)
