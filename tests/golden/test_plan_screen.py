"""What `plan` and `apply` show, letter by letter."""

from pathlib import Path

import pytest

from orchestrator.cli.preview import preview_screen
from orchestrator.decide.changes import changes, free_changes
from orchestrator.model.cluster import Access, Cluster, ClusterKind, Node
from orchestrator.model.talk import NodePhase, NodeView, Preview
from orchestrator.model.work import Service

SCREENS = Path(__file__).parent / "plans"


def node(name, count=None, **more):
    return Node(name=name, instances={Service.RENDER: count}, **more)


def cluster(*nodes, **more):
    return Cluster(name="studio", kind=ClusterKind.MANAGED, nodes=nodes, **more)


def created():
    new = cluster(node("mac-01", host="mac-01.lan"), node("gate", 2), controller_host="ctrl.lan")
    return "studio", Preview(changes=changes(None, new, {}), revision="", next_revision="9bc1")


def changed():
    old = cluster(node("mac-01"), node("mac-02"), node("mac-03"), storage="/mnt/a")
    new = cluster(
        node("mac-01", 6, paths={"/mnt/studio": "/Volumes/studio"}),
        node("mac-02"),
        node("käfer"),
        storage="/mnt/b",
        access=Access(open=True),
    )
    key = "its host key has changed; if you expected this, remove line 3 of known_hosts"
    found = {
        "mac-01": NodeView(name="mac-01", phase=NodePhase.READY, memory_bytes=8 * 10**9),
        "mac-02": NodeView(
            name="mac-02", phase=NodePhase.REFUSED, why=key, todo="ssh-keygen -R mac-02\x1b[2J"
        ),
    }
    done = changes(old, new, found)
    return "studio", Preview(changes=done, revision="3f2a", next_revision="9bc1")


def unchanged():
    same = cluster(*(node(f"n{number:02}") for number in range(25)))
    done = changes(same, same, {})
    return "studio", Preview(changes=done, revision="3f2a", next_revision="3f2a")


def free():
    new = (node("desk", 2, access=Access(open=True)),)
    return "", Preview(changes=free_changes((), new, {}), revision="", next_revision="7d11")


@pytest.mark.parametrize("case", [created, changed, unchanged, free], ids=lambda f: f.__name__)
def test_a_plan_looks_like_its_golden_file(case):
    golden = SCREENS / f"plan_{case.__name__}.txt"
    assert preview_screen(*case()) + "\n" == golden.read_text()
