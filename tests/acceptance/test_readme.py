"""Every `$ orchestrator …` line of the README does what stands beside it, one after the other."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import sshd
from beginner import Beginner
from handbook import ROOT, chapter, commands, files, named_blocks, typed

from orchestrator.manifest.tree import documents

PAGE = ROOT / "README.md"
CLUSTER, GIT = "Your first cluster", "Manifests in git"
CLUSTERS = ROOT / "docs" / "clusters.md"


def movie(path, seconds):
    """Make a movie."""
    make = [sys.executable, ROOT / "examples" / "make_source.py", path]
    subprocess.run([*make, "--seconds", str(seconds), "--size", "320x180"], check=True)


@pytest.mark.timeout(600)
def test_every_command_for_one_computer_runs(tmp_path):
    """In a folder with the manifests it shows, and a movie where it has one."""
    text = PAGE.read_text().replace(chapter(PAGE, CLUSTER), "").replace(chapter(PAGE, GIT), "")
    for name, block in named_blocks(text).items():
        (tmp_path / name).write_text(block)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    movie(tmp_path / "movie.mov", 4)
    found = dict(commands(text))
    assert len(found) >= 10
    assert {line: call(line, tmp_path) for line in found} == found


def call(line, folder):
    """Run a line as a person would, with a state of its own; return the exit code."""
    words = [sys.executable, "-m", *shlex.split(line, comments=True)]
    env = {**os.environ, "ORCHESTRATOR_STATE": str(folder / "state")}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)
    sys.stdout.write(f"$ {line}\n{done.stdout}{done.stderr}")
    return done.returncode


@pytest.fixture
def beginner(tmp_path_factory):
    """In a folder with a short name: that of a local socket is limited."""
    sshd.needed()
    beginner = Beginner(tmp_path_factory.mktemp("b"))
    movie(beginner.work / "movie.mov", 12)
    yield beginner
    beginner.close()


def follow(beginner, text):
    """Type every line of a page in order; what ended otherwise than the page says."""
    lines = typed(text)
    assert lines
    ends = [(line, code, beginner.type(line, on)) for on, line, code in lines]
    return [end for end in ends if end[1] != end[2]]


@pytest.mark.timeout(600)
def test_first_cluster_is_made_word_by_word(beginner):
    beginner.write(files(PAGE))
    assert follow(beginner, chapter(PAGE, CLUSTER)) == []
    assert "2 of 2 nodes are ready" in beginner.said["orchestrator apply clusters.d"]
    assert (beginner.shared / "out" / "movie.mp4").stat().st_size > 0
    left = [each for server in beginner.servers.values() for each in server.node.glob("*")]
    assert left == []


@pytest.mark.timeout(600)
def test_page_of_clusters_is_followed_word_by_word(beginner):
    beginner.write(files(CLUSTERS))
    shutil.copy(beginner.work / "movie.mov", beginner.shared / "in")
    begin = [line for line in typed(chapter(PAGE, CLUSTER)) if "ssh" in line[1]]
    assert [beginner.type(line) for _, line, _ in begin] == [0] * len(begin)
    assert follow(beginner, CLUSTERS.read_text()) == []


@pytest.mark.timeout(300)
def test_pipeline_of_the_readme_applies_what_was_planned(tmp_path_factory):
    """Its steps as GitHub runs them, by `bash -e`, for a cluster that has no nodes yet."""
    pipeline = Pipeline(Beginner(tmp_path_factory.mktemp("p"), names=()))
    try:
        assert pipeline.plan() == ""
        assert pipeline.apply("") == 0
        stands = pipeline.plan()
        assert stands
        assert pipeline.apply("000000000000") == 2
        assert pipeline.apply(stands) == 0
        status = json.loads(pipeline.said("orchestrator controller status -o json"))
        assert status[0]["commit"] == pipeline.commit
    finally:
        pipeline.beginner.close()


class Pipeline:
    """The jobs of the README's workflow, in a repository of manifests."""

    commit = "c947e9aca9cebcbcfe00781768b843e01d6498f1"

    def __init__(self, beginner):
        self.beginner = beginner
        found = files(PAGE)
        ((workflow,), faults) = documents("clusters", found[".github/workflows/clusters.yaml"])
        assert faults == []
        self.jobs = workflow.data["jobs"]
        text = found["clusters.d/studio.yaml"]
        free = "  acceptUnmanaged: true\n  network: {discovery: false}\n"  # a cluster needs nodes, or these
        beginner.write({"clusters.d/studio.yaml": re.sub(r"  nodes:\n(    .*\n)+", free, text)})
        (beginner.work / ".git").mkdir()
        (beginner.work / ".git" / "HEAD").write_text(f"{self.commit}\n")
        self.output = beginner.work / "output"
        beginner.env |= {"GITHUB_OUTPUT": str(self.output)}

    def _run(self, job):
        (script,) = [step["run"] for step in self.jobs[job]["steps"] if "run" in step]
        return self.beginner.type(script, by=("bash", "-e", "-c"))

    def plan(self):
        """Return the revision that it says."""
        self.output.write_text("")
        assert self._run("plan") == 0
        return self.output.read_text().strip().removeprefix("revision=")

    def apply(self, revision):
        """Return its exit code."""
        self.beginner.env |= {"REVISION": revision}
        return self._run("apply")

    def said(self, line):
        """Return what a line prints."""
        assert self.beginner.type(line) == 0
        return self.beginner.said[line]
