from dataclasses import replace

import pytest

from orchestrator.controller.enlist import Ground, agents, heartbeat_s, settings
from orchestrator.model.cluster import (
    Cluster,
    ClusterKind,
    Extended,
    Network,
    Node,
    Recovery,
    Ssh,
)
from orchestrator.model.work import Service

GROUND = Ground(cluster_id="id", scheduler="tls://c:50000", storage="/mnt/studio/x", token="t")
NODE = Node(name="n1", instances={Service.RENDER: 3, Service.COMPRESSOR: None})


def cluster(*nodes, **more):
    return Cluster(name="studio", kind=ClusterKind.MANAGED, nodes=nodes or (NODE,), **more)


@pytest.mark.parametrize(
    ("nodes", "seconds"),
    [(1, 0.5), (10, 0.5), (11, 1), (49, 1), (50, 2), (199, 2), (200, 2), (1000, 6)],
)
def test_the_more_nodes_the_slower_they_beat(nodes, seconds):
    assert heartbeat_s(nodes) == seconds


def test_service_that_is_left_out_is_off():
    assert settings(cluster(), NODE, GROUND, 0.5).instances == {"render": 3, "compressor": None}
    bare = replace(NODE, instances={})
    assert settings(cluster(bare), bare, GROUND, 0.5).instances == {"render": 0, "compressor": 0}


def test_storage_is_named_as_the_node_calls_it():  # F-STOR-14
    node = replace(NODE, paths={"/mnt/studio": "/Volumes/studio"})
    assert settings(cluster(node), node, GROUND, 0.5).storage == "/Volumes/studio/x"


@pytest.mark.parametrize(
    ("of_cluster", "of_node", "ports"),
    [
        (Network(), Network(), ""),
        (Network(port_from=50000, port_count=1000), Network(), "50002:50999"),
        (
            Network(port_from=50000, port_count=1000),
            Network(port_from=6000, port_count=9),
            "6002:6008",
        ),
        (Network(port_from=50000, port_count=1), Network(), "50000:50000"),
    ],
)
def test_agents_listen_where_the_manifest_says(of_cluster, of_node, ports):
    node = replace(NODE, network=of_node)
    assert settings(cluster(node, network=of_cluster), node, GROUND, 0.5).ports == ports


def test_lost_is_never_sooner_than_five_beats():
    wanted = cluster(recovery=Recovery(lost_after_s=10))
    assert settings(wanted, NODE, GROUND, 6.0).lost_after_s == 30.0
    assert settings(wanted, NODE, GROUND, 0.5).lost_after_s == 10.0


def test_another_heartbeat_starts_no_agent_anew():
    assert (
        settings(cluster(), NODE, GROUND, 0.5).digest == settings(cluster(), NODE, GROUND, 2).digest
    )


def test_extended_node_is_an_agent_of_its_own():  # F-EXT-1
    gate = replace(NODE, extended=(Extended(host="old-01", instances=2),))
    found = dict(
        (node.name, (node, words))
        for node, words in agents(cluster(gate), lambda n, e, _: (n.name, e.host))
    )
    assert list(found) == ["n1", "n1+old-01"]
    node, words = found["n1+old-01"]
    assert (node.instances, words) == ({Service.RENDER: 2}, ("n1+old-01", "old-01"))
    assert [node.name for node, _ in agents(cluster(gate), None)] == ["n1"]


def test_extended_nodes_of_one_host_and_of_long_names_are_told_apart():
    hosts = ["old", "old", "x" * 80 + "1", "x" * 80 + "2", "fe80::1"]
    behind = tuple(Extended(host=host, ssh=Ssh(port=2200 + n)) for n, host in enumerate(hosts))
    found = agents(cluster(replace(NODE, extended=behind)), lambda *_: ())
    names = [node.name for node, _ in found]
    assert names[:3] == ["n1", "n1+old-2200", "n1+old-2201"]
    assert names[-1] == "n1+fe80--1"
    assert len(set(names)) == 6
    assert max(map(len, names)) == 63
    assert {node.address for node, _ in agents(cluster(NODE), None)} == {NODE.address}
