"""The hook for repositories of manifests: what pre-commit would run, on what it would pass."""

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from wanted import FREE_KEYS, ONE_NODE

from orchestrator.manifest.tree import documents

KEYS = {"id", "name", "description", "language", "entry", "types", "files", "exclude"}


@pytest.fixture
def hook(root):
    text = (root / ".pre-commit-hooks.yaml").read_text()
    ((listed,), faults) = documents("hooks", text)
    assert faults == []
    (hook,) = listed.data
    return hook


@pytest.fixture
def manifests(tmp_path):
    """A repository of manifests, with files of other tools in it."""
    for name, text in {
        "clusters.d/studio.yaml": ONE_NODE,
        "clusters.d/desk.yml": FREE_KEYS,
        ".github/workflows/ci.yaml": "on: push\n",
        ".pre-commit-config.yaml": "repos: []\n",
        "README.md": "# Manifests\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def passed(hook, folder):
    """Return the files that pre-commit passes: by its own rules, re.search on paths with /."""
    names = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [
        name
        for name in names
        if re.search(hook["files"], name) and not re.search(hook["exclude"], name)
    ]


def run(hook, folder):
    words = [*shlex.split(hook["entry"]), *passed(hook, folder)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path}
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)


def test_the_hook_is_what_the_handbook_of_pre_commit_asks_for(hook):
    assert set(hook) >= KEYS
    assert (hook["id"], hook["language"]) == ("orchestrator-validate", "python")
    assert hook["entry"] == "orchestrator validate"


def test_only_manifests_are_passed(hook, manifests):
    assert passed(hook, manifests) == ["clusters.d/desk.yml", "clusters.d/studio.yaml"]


def test_good_manifests_may_be_committed(hook, manifests):
    done = run(hook, manifests)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_fault_stops_the_commit_and_says_where(hook, manifests):
    bad = manifests / "clusters.d" / "studio.yaml"
    bad.write_text(ONE_NODE.replace("{render: {}}", "{render: {instances: 0}}"))
    done = run(hook, manifests)
    assert done.returncode == 2
    assert done.stderr.startswith("clusters.d/studio.yaml:7:49: spec.nodes[0].services.render")


def test_two_files_that_want_one_machine_stop_the_commit(hook, manifests):
    (manifests / "annex.yaml").write_text(ONE_NODE.replace("studio", "annex"))
    done = run(hook, manifests)
    assert done.returncode == 2
    assert "belongs to node 'n1' of cluster 'annex' already (annex.yaml:7)" in done.stderr


@pytest.mark.skipif(find_spec("pre_commit") is None, reason="pre-commit is not installed")
def test_pre_commit_takes_the_file(root):
    words = [sys.executable, "-m", "pre_commit", "validate-manifest", ".pre-commit-hooks.yaml"]
    subprocess.run(words, check=True, capture_output=True, cwd=root)
