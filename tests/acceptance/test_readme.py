"""Every `$ orchestrator …` line of the README does what stands beside it, one after the other."""

import os
import shlex
import subprocess
import sys

import pytest
from handbook import ROOT, commands, files

PAGE = ROOT / "README.md"


@pytest.mark.timeout(600)
def test_every_command_of_the_readme_runs(tmp_path):
    """In a folder with the manifests it shows, and a movie where it has one."""
    for name, text in files(PAGE).items():
        (tmp_path / name).write_text(text)
    make = [sys.executable, ROOT / "examples" / "make_source.py", tmp_path / "movie.mov"]
    subprocess.run([*make, "--seconds", "4", "--size", "320x180"], check=True)
    found = dict(commands(PAGE))
    assert len(found) >= 10
    assert {line: call(line, tmp_path) for line in found} == found


def call(line, folder):
    """Run a line as a person would, with a state of its own; return the exit code."""
    words = [sys.executable, "-m", *shlex.split(line, comments=True)]
    env = {**os.environ, "ORCHESTRATOR_STATE": str(folder / "state")}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)
    sys.stdout.write(f"$ {line}\n{done.stdout}{done.stderr}")
    return done.returncode
