"""`orchestrator plan`: what it shows, as data, and how it ends (F-CLI-14)."""

import json
import subprocess
import sys

import pytest
from wanted import FREE_KEYS, NODE, ONE_NODE

from orchestrator.cli import app, freenodes
from orchestrator.cli.plan import previewed
from orchestrator.errors import OrchestratorError
from orchestrator.manifest.applied import read_clusters
from orchestrator.manifest.cluster import revision
from orchestrator.model.talk import Change, ChangeKind, Preview

SAME = Preview(
    changes=(
        Change(kind=ChangeKind.UNCHANGED, subject="cluster studio"),
        Change(kind=ChangeKind.NOTE, subject="node n1", details=("now joining",)),
    ),
    revision="a" * 12,
    next_revision="a" * 12,
)
DRIFTED = Preview(
    changes=(Change(kind=ChangeKind.DRIFT, subject="node n1", details=("lost",)),),
    revision="a" * 12,
    next_revision="a" * 12,
)


@pytest.fixture
def plan(tmp_path, monkeypatch, capsys):
    """Run `plan`; ``stands`` says what each cluster's controller answers."""

    def call(*words, stands=None, ends=0):
        monkeypatch.setattr(freenodes, "stands", lambda wanted, _: stands and stands(wanted))
        monkeypatch.setattr(sys, "argv", ["orchestrator", "plan", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            app.main()
        shown = capsys.readouterr()
        assert ended.value.code == ends, shown
        return shown

    (tmp_path / "studio.yaml").write_text(ONE_NODE)
    return call


def test_where_nothing_stands_all_is_created(plan, tmp_path):
    lines = plan(tmp_path).out.splitlines()
    assert lines[0].startswith("cluster studio: nothing stands -> ")
    assert "  + node n1          host: n1" in lines
    assert lines[-1] == "2 to create."


def test_the_controller_is_asked_with_its_own_files_only(plan, tmp_path):
    (tmp_path / "desk.yaml").write_text(NODE)
    asked = []
    plan(tmp_path, stands=lambda wanted: asked.append(wanted))
    assert [each.cluster for each in asked] == ["studio", ""]
    assert [[sheet.text for sheet in each.sheets] for each in asked] == [[ONE_NODE], [NODE]]
    assert asked[0].secrets == {}


def test_as_data_it_names_both_revisions(plan, tmp_path):
    (data,) = json.loads(plan(tmp_path, "-o", "json", stands=lambda _: SAME).out)
    assert data == {
        "cluster": "studio",
        "revision": "a" * 12,
        "nextRevision": "a" * 12,
        "hasChanges": False,
        "changes": [
            {"kind": "unchanged", "subject": "cluster studio", "details": []},
            {"kind": "note", "subject": "node n1", "details": ["now joining"]},
        ],
    }


@pytest.mark.parametrize(
    ("stands", "plain", "coded"),
    [(None, 0, 2), (lambda _: SAME, 0, 0), (lambda _: DRIFTED, 0, 2)],
    ids=["new", "the same", "drifted"],
)
def test_the_exit_code_says_whether_there_are_changes(plan, tmp_path, stands, plain, coded):
    plan(tmp_path, stands=stands, ends=plain)
    plan(tmp_path, "--exit-code", stands=stands, ends=coded)


def test_what_is_refused_or_fails_must_not_look_like_changes(plan, tmp_path):
    def away(_):
        raise OrchestratorError("cluster 'studio': its controller does not run")

    (tmp_path / "bad.yaml").write_text("kind: Nobody\n")
    shown = plan(tmp_path, ends=2)
    assert plan(tmp_path, "--exit-code", ends=1).err == shown.err
    assert "bad.yaml:1:7: kind: 'Nobody' is no kind of manifest" in shown.err
    (tmp_path / "bad.yaml").unlink()
    assert "does not run" in plan(tmp_path, "--exit-code", stands=away, ends=1).err
    plan(tmp_path, stands=away, ends=1)


def test_wrong_arguments_are_refused_and_must_not_look_like_changes(plan, tmp_path):
    assert "No such option" in plan(tmp_path, "--nonsense", ends=2).err
    assert "No such option" in plan(tmp_path, "--exit-code", "--nonsense", ends=1).err
    assert "Missing argument" in plan("--exit-code", ends=1).err


def test_one_cluster_may_be_named(plan, tmp_path):
    other = ONE_NODE.replace("studio", "annex").replace("n1", "n2")
    (tmp_path / "annex.yaml").write_text(other)
    (tmp_path / "desk.yaml").write_text(FREE_KEYS)
    names = [each["cluster"] for each in json.loads(plan(tmp_path, "-o", "json").out)]
    assert names == ["annex", "studio", ""]
    (only,) = json.loads(plan(tmp_path, "--cluster", "annex", "-o", "json").out)
    assert only["cluster"] == "annex"
    assert "none of these files has it" in plan(tmp_path, "--cluster", "x", ends=2).err


def test_free_nodes_alone_have_a_plan(plan, tmp_path):
    (tmp_path / "studio.yaml").write_text(FREE_KEYS)
    shown = plan(tmp_path).out
    assert shown.startswith("free nodes: nothing stands -> ")
    assert "+ free node desk   host: desk.lan" in shown


def test_the_revision_that_is_shown_is_that_of_the_files(tmp_path):
    (tmp_path / "studio.yaml").write_text(ONE_NODE)
    found = read_clusters([tmp_path])
    ((name, preview),) = previewed(found, None, None)
    assert (name, preview.next_revision) == ("studio", revision(found.cluster()))


def test_a_plan_asks_nobody_for_a_secret(plan, tmp_path):
    (tmp_path / "studio.yaml").write_text(
        ONE_NODE + "  access: {adminPassword: {env: NOT_SET_ANYWHERE}, userPassword: {file: /no}}\n"
    )
    plan(tmp_path)


def test_it_is_a_subcommand():
    words = [sys.executable, "-m", "orchestrator", "plan", "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "--exit-code" in done.stdout
