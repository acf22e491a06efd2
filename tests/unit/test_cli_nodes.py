"""The table of nodes: what is true of each, and below it what holds one up."""

import json
from contextlib import nullcontext
from types import SimpleNamespace

from click.testing import CliRunner

from orchestrator.cli import nodes
from orchestrator.model.talk import Found, NodePhase, NodeView, Seats

SERVICES = {"render": Seats(instances=24, busy=13), "compressor": Seats(instances=12)}


def test_no_node_says_what_to_type():
    assert nodes.table(()).endswith("type: orchestrator apply")


def test_no_node_has_no_week(monkeypatch):
    monkeypatch.setattr(nodes, "connected", lambda _: nullcontext(SimpleNamespace(nodes=list)))
    said = CliRunner().invoke(nodes.command, ["--schedule"])
    assert said.output == f"{nodes.NONE_YET}\n"


def test_name_host_and_address_are_all_shown_in_80_columns():  # F-NET-8, F-SVC-11
    views = (
        NodeView(name="mac-01", phase=NodePhase.READY, host="mac-01.lan", services=SERVICES),
        NodeView(
            name="mac-02",
            phase=NodePhase.UNREACHABLE,
            host="mac-02.lan",
            address="192.168.100.122",
            why="no route",
            notes=("another machine calls itself so",),
            todo="orchestrator nodes log mac-02",
        ),
    )
    head, first, second, remark = nodes.table(views).splitlines()
    assert head.split() == ["node", "phase", "services", "host", "address"]
    assert "compressor 0/12, render 13/24" in first
    assert second.split() == ["mac-02", "unreachable", "mac-02.lan", "192.168.100.122"]
    assert remark == (
        "mac-02: no route; another machine calls itself so; type: orchestrator nodes log mac-02"
    )
    assert max(map(len, (head, first, second))) <= 80


def test_name_to_type_stands_before_the_one_for_people_and_a_free_node_is_told():
    view = NodeView(name="n1", display_name="Mac Pro", phase=NodePhase.READY, is_managed=False)
    assert nodes.table([view]).splitlines()[1].split("  ") == ["n1 (Mac Pro)", "ready (free)"]


BLENDER = Found(name="blender", version="4.1.1", path="/opt/blender/blender")
GPU = Found(name="gpu", version="8.9")
MAYA = Found(name="maya", why="it has no maya: install it, or name it in `programs`")


def having(name, *found, **keys):
    programs = {each.name: each.version for each in found if not each.why}
    return NodeView(name=name, phase=NodePhase.READY, looked_for=found, programs=programs, **keys)


def test_programs_stand_below_the_nodes_each_with_where_it_is():
    views = [having(f"n{n}", BLENDER, MAYA, *([GPU] if n else ())) for n in range(6)]
    assert nodes.table(views).splitlines()[7:] == [
        "programs:",
        "  blender 4.1.1: on every node",
        "  gpu 8.9: n1, n2, n3, n4 and 1 more",
    ]


def test_node_shows_version_and_path_of_each_program_or_why_it_has_it_not(monkeypatch):
    client = SimpleNamespace(nodes=lambda: [having("n1", BLENDER, GPU, MAYA), having("n2")])
    monkeypatch.setattr(nodes, "connected", lambda _: nullcontext(client))
    said = CliRunner().invoke(nodes.command, ["show", "n1"], standalone_mode=False)
    assert said.output.splitlines()[3:] == [
        "program  version  where, or why not",
        "blender  4.1.1    /opt/blender/blender",
        "gpu      8.9",
        "maya              it has no maya: install it, or name it in `programs`",
    ]
    data = json.loads(CliRunner().invoke(nodes.command, ["show", "n1", "-o", "json"]).output)
    assert [each.get("path") for each in data["looked_for"]] == [BLENDER.path, None, None]
    gone = CliRunner().invoke(nodes.command, ["show", "n3"], standalone_mode=False)
    assert str(gone.exception) == "node 'n3': no such node; there are: n1, n2"
