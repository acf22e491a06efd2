"""The processor in CONTRIBUTING.md is a plugin that works, for people and for mypy."""

import json
import os
import subprocess
import sys
import tomllib

import pytest
from handbook import ROOT, blocks, titled

PAGE = ROOT / "CONTRIBUTING.md"


@pytest.fixture
def installed(tmp_path):
    """Install the plugin the way a wheel would: its file, and the names of its entry points."""
    (tmp_path / "orchestrator_count.py").write_text(titled(PAGE, "orchestrator_count.py"))
    (tmp_path / "count.yaml").write_text(titled(PAGE, "count.yaml"))
    project = tomllib.loads(blocks(PAGE, "toml")[0])["project"]
    info = tmp_path / f"orchestrator_count-{project['version']}.dist-info"
    info.mkdir()
    named = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(named)
    points = project["entry-points"]["orchestrator"].items()
    lines = [f"{name} = {module}" for name, module in points]
    (info / "entry_points.txt").write_text("\n".join(["[orchestrator]", *lines, ""]))
    return tmp_path


def call(folder, *words, **more):
    ours = {"PYTHONPATH": str(folder), "ORCHESTRATOR_STATE": str(folder / "state")}
    env = {**os.environ, **ours, **more}
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_processor_of_the_guide_counts_in_segments(installed):
    ended = json.loads(call(installed, "orchestrator", "run", "count.yaml", "-o", "json"))
    assert ended["status"] == "Successful"
    assert [target["segments"] for target in ended["targets"]] == [3]
    printed = call(installed, "orchestrator", "logs", "count-0001").split()
    assert {str(number) for number in range(1, 31)} <= set(printed)


@pytest.mark.timeout(300)
def test_processor_of_the_guide_is_listed(installed):
    assert "count" in call(installed, "orchestrator", "plugins")


@pytest.mark.timeout(300)
def test_processor_of_the_guide_is_typed(installed):
    """An editable install is found by Python, not by mypy: so it is told where the core is."""
    words = ("mypy", "--no-incremental", f"--config-file={ROOT / 'setup.cfg'}")
    said = call(installed, *words, "orchestrator_count.py", MYPYPATH=str(ROOT))
    assert "Success: no issues found in 1 source file" in said
