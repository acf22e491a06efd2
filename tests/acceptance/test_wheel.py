"""The wheel alone, in an environment of its own, does a job: nothing of the checkout is needed."""

import json
import os
import subprocess
import sys

import pytest
import wheels

INSTALL_MAX_S = 240

JOB = """\
apiVersion: orchestrator/v1
kind: Batch
metadata: {name: tiny}
spec:
  jobs:
    - name: clip
      processor: compressor
      with:
        source: movie.mov
        outputs:
          - {setting: h264-1080p, destination: "{source.stem}.mp4"}
          - {setting: wav, destination: "{source.stem}.wav"}
    - name: tell
      processor: shell
      after: [clip]
      with: {command: [echo, done]}
"""


@pytest.fixture(scope="module")
def programs(root, tmp_path_factory):
    """Return the folder of programs of an environment that has the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel, python = wheels.build(root, folder), folder / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
    done = subprocess.run(install, capture_output=True, text=True, timeout=INSTALL_MAX_S)
    if "connection" in done.stderr.lower() and done.returncode:
        pytest.skip("no package index is reachable; this test installs the wheel's requirements")
    assert done.returncode == 0, done.stderr
    return python.parent


def call(words, folder):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env = {**kept, "ORCHESTRATOR_STATE": str(folder / "state")}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(600)
def test_wheel_says_what_it_can_do(programs, tmp_path):
    assert "verified files out" in call([programs / "orchestrator", "--help"], tmp_path)
    assert "compressor" in call([programs / "orchestrator", "plugins"], tmp_path)


@pytest.mark.timeout(600)
def test_wheel_does_a_job(root, programs, tmp_path):
    make = [programs / "python", root / "examples" / "make_source.py", tmp_path / "movie.mov"]
    call([*make, "--seconds", "2", "--size", "320x180"], tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    told = call([programs / "orchestrator", "run", "job.yaml", "-o", "json"], tmp_path)
    assert json.loads(told)["status"] == "Successful"
    assert (tmp_path / "movie.mp4").stat().st_size > 10_000
    assert (tmp_path / "movie.wav").stat().st_size > 300_000
