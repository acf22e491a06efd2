"""A plugin of another distribution brings a subcommand and defaults: the real command line."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

TOOLS = """\
import argparse
from orchestrator.api import Subcommand, hookimpl

@hookimpl
def orchestrator_commands():
    names = ("report", "broken", "run")
    return [Subcommand(name, f"Do {name}.", f"house_tools:{name}") for name in names]

@hookimpl
def orchestrator_job_defaults(processor):
    return {"env": {"HOUSE": "ours", "SHOT": "none"}} if processor == "shell" else {}

def report(words):
    parser = argparse.ArgumentParser(prog="orchestrator report")
    parser.add_argument("--lines", type=int, default=1)
    print("lines", parser.parse_args(words).lines)
    return 7

def broken(words):
    raise KeyError("shot")
"""
JOB = {
    "apiVersion": "orchestrator/v1",
    "kind": "Batch",
    "metadata": {"name": "b"},
    "spec": {
        "jobs": [
            {
                "name": "a",
                "processor": "shell",
                "env": {"SHOT": "12"},
                "with": {"command": ["sh", "-c", "echo $HOUSE-$SHOT > $OUT"]},
            }
        ]
    },
}


@pytest.fixture
def house(tmp_path):
    """Return a function that calls the command line where the distribution is installed."""
    site = tmp_path / "site"
    info = site / "house_tools-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house-tools\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[orchestrator]\nhouse = house_tools\n")
    (site / "house_tools.py").write_text(TOOLS)
    env = {**os.environ, "PYTHONPATH": str(site), "ORCHESTRATOR_STATE": str(tmp_path / "state")}

    def call(*words):
        line = [sys.executable, "-m", "orchestrator", *words]
        return subprocess.run(line, env=env, cwd=tmp_path, capture_output=True, text=True)

    return call


def test_its_subcommand_is_listed_and_called_with_its_words(house):
    listed = house("--help").stdout
    assert "\nCommands of plugins:\n  broken  Do broken.\n  report  Do report.\n" in listed
    refused = " ".join(listed.partition("\nRefused:\n")[2].split())
    assert "'run' of plugin 'house' has the name of one of orchestrator's own" in refused
    done = house("report", "--lines", "3")
    assert (done.stdout, done.returncode) == ("lines 3\n", 7)
    assert "usage: orchestrator report [-h] [--lines LINES]" in house("report", "--help").stdout
    assert house("report", "--columns").returncode == 2


def test_one_that_raises_is_told_in_a_line_that_names_the_plugin(house):
    done = house("broken")
    assert done.stderr == "plugin 'house': subcommand 'broken' raised KeyError: 'shot'\n"
    assert done.returncode == 1
    assert "Run the job manifest FILE" in house("run", "--help").stdout


def test_its_defaults_are_laid_under_a_job_and_shown_as_accepted(house, tmp_path):
    JOB["spec"]["jobs"][0]["env"]["OUT"] = str(tmp_path / "out")
    (tmp_path / "job.yaml").write_text(json.dumps(JOB))
    assert house("run", "job.yaml").returncode == 0
    assert (tmp_path / "out").read_text() == "ours-12\n"
    assert "HOUSE: ours" in house("status", "b-0001", "--manifest").stdout
