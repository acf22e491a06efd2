"""Many manifests at once, and what a good one answers."""

import subprocess
import sys

from fake_processors import PROCESSORS

from orchestrator.manifest.validate import Named, validate

CLUSTER = "apiVersion: orchestrator/v1\nkind: Cluster\nmetadata: {name: q}\nspec: {kind: quick}\n"
NODE = "apiVersion: orchestrator/v1\nkind: Node\nmetadata: {name: n1}\n"

HEAVY = {
    "av",
    "dask",
    "distributed",
    "fabric",
    "paramiko",
    "fastapi",
    "uvicorn",
    "httpx",
    "sqlite3",
}
"""Packages that take their time to be imported, and have nothing to do with reading YAML."""


def test_every_document_is_listed_with_its_place(tmp_path):
    path = tmp_path / "all.yaml"
    path.write_text(f"{CLUSTER}---\n{NODE}")
    assert validate([path], PROCESSORS) == (
        Named(kind="Cluster", name="q", file=str(path), line=1),
        Named(kind="Node", name="n1", file=str(path), line=6),
    )


def test_a_folder_is_searched_to_the_bottom(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "q.yml").write_text(CLUSTER)
    (tmp_path / "a" / "n.yaml").write_text(NODE)
    (tmp_path / "a" / "readme.txt").write_text("kind: Nobody\n")
    assert [each.name for each in validate([tmp_path], PROCESSORS)] == ["q", "n1"]


def test_what_is_hidden_is_passed_over(tmp_path):
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "ci.yaml").write_text("on: push\n")
    (tmp_path / "n.yaml").write_text(NODE)
    assert [each.name for each in validate([tmp_path], PROCESSORS)] == ["n1"]


def test_a_file_named_twice_is_listed_once(tmp_path):
    (tmp_path / "q.yaml").write_text(CLUSTER)
    assert len(validate([tmp_path, tmp_path / "q.yaml"], PROCESSORS)) == 1


def test_the_reader_imports_nothing_heavy():
    code = "import sys, orchestrator.manifest.validate; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert not HEAVY & {*done.stdout.split()}
