"""What `apply` would change: each key by its path in the manifest, drift, and notes."""

from dataclasses import fields, is_dataclass, replace

import pytest
import sample
from hypothesis import given, settings
from hypothesis import strategies as st
from wanted import EVERY_KEY, FREE_KEYS, ONE_NODE, QUICK

from orchestrator.decide.changes import changes, free_changes, is_replaced
from orchestrator.decide.differs import differences, facts
from orchestrator.manifest.applied import parse_sheets
from orchestrator.model.cluster import (
    Access,
    Cluster,
    ClusterKind,
    Extended,
    Network,
    Node,
    PluginRules,
    Secret,
    Ssh,
)
from orchestrator.model.schedule import DAYS, AtClose, WorkSchedule
from orchestrator.model.talk import ChangeKind, NodePhase, NodeView, Seats, Sheet
from orchestrator.model.work import Service

GB = 10**9
WHOLE = parse_sheets([Sheet(name="x", text=EVERY_KEY)]).cluster()
SMALL = parse_sheets([Sheet(name="x", text=ONE_NODE)]).cluster()
CORNER = parse_sheets([Sheet(name="x", text=QUICK)]).cluster()
FREE = parse_sheets([Sheet(name="x", text=FREE_KEYS)]).nodes[0]
BOTH = {Service.COMPRESSOR: None, Service.RENDER: None}


def node(name, **more):
    return Node(name=name, **{"instances": {Service.RENDER: None}, **more})


def cluster(*nodes, **more):
    return Cluster(**{"name": "studio", "kind": ClusterKind.QUICK, "nodes": nodes, **more})


def view(name, phase=NodePhase.READY, **more):
    return NodeView(name=name, phase=phase, **more)


def told(found, kind):
    return [(each.subject, each.details) for each in found if each.kind is kind]


def kinds(found):
    return [(each.kind.value, each.subject) for each in found if each.kind is not ChangeKind.NOTE]


def notes(wanted, *views):
    found = changes(wanted, wanted, {each.name: each for each in views})
    return [f"{subject}: {says}" for subject, (says,) in told(found, ChangeKind.NOTE)]


def test_the_first_time_everything_is_created():
    found = changes(None, cluster(node("b", host="b.lan"), node("a")), {})
    assert told(found, ChangeKind.CREATE) == [
        ("cluster studio", ("kind: quick", "controller: this computer")),
        ("node a", ("host: a", "services: render auto", "installed and started")),
        ("node b", ("host: b.lan", "services: render auto", "installed and started")),
    ]


def test_the_same_again_is_unchanged():
    for each in (WHOLE, SMALL, CORNER):
        found = changes(each, each, {})
        assert not any(change.is_work for change in found)
        assert len(told(found, ChangeKind.UNCHANGED)) == 1 + len(each.nodes)


def test_nodes_come_changed_go_and_stay_by_name():
    old = cluster(node("a"), node("b"), node("c"))
    new = cluster(node("d"), node("c", instances={Service.RENDER: 4}), node("b"))
    assert kinds(changes(old, new, {})) == [
        ("unchanged", "cluster studio"),
        ("remove", "node a"),
        ("unchanged", "node b"),
        ("change", "node c"),
        ("create", "node d"),
    ]


def test_a_cluster_that_is_deleted_lets_its_nodes_go():
    found = changes(cluster(node("a")), None, {"a": view("a", NodePhase.LOST)})
    assert kinds(found) == [("remove", "cluster studio"), ("remove", "node a")]
    assert told(found, ChangeKind.REMOVE)[1][1] == ("drained first, then free again",)


def test_nothing_from_nothing_is_nothing():
    assert changes(None, None, {}) == ()


NODE_CHANGES = {
    "instances": (
        {"instances": {Service.RENDER: 4}},
        ("services.render.instances: auto -> 4", "drained first, then started again"),
    ),
    "service on": (
        {"instances": {Service.RENDER: None, Service.COMPRESSOR: 2}},
        ("services.compressor.instances: none -> 2", "drained first, then started again"),
    ),
    "service off": (
        {"instances": {}},
        ("services.render.instances: auto -> none", "drained first, then started again"),
    ),
    "host": ({"host": "n.lan"}, ("host: none -> n.lan", "drained first, then started again")),
    "program": (
        {"programs": {"ffmpeg": "/opt/ffmpeg"}},
        ("programs.ffmpeg: none -> /opt/ffmpeg", "drained first, then started again"),
    ),
    "path": (
        {"paths": {"/mnt": "/Volumes"}},
        ("paths./mnt: none -> /Volumes",),
    ),
    "inactive": ({"active": False}, ("active: true -> false",)),
    "name for people": ({"display_name": "N"}, ("displayName: none -> N",)),
    "schedule": (
        {
            "schedule": WorkSchedule(
                monday=((480, 540), (1080, 1440)),
                sunday=(),
                holidays={"2026-12-25": ()},
                timezone="Europe/Berlin",
                at_close=AtClose.REQUEUE,
            )
        },
        (
            "schedule.atClose: finish -> requeue",
            "schedule.holidays.2026-12-25: none -> off",
            "schedule.monday: on -> 08:00-09:00, 18:00-24:00",
            "schedule.sunday: on -> off",
            "schedule.timezone: none -> Europe/Berlin",
        ),
    ),
    "ports": (
        {"network": Network(port_from=50000, port_count=10)},
        (
            "network.ports.count: none -> 10",
            "network.ports.from: none -> 50000",
            "drained first, then started again",
        ),
    ),
    "extended": (
        {"extended": (Extended(host="x", instances=2, ssh=Ssh(port=22), programs={"a": "/a"}),)},
        (
            "services.render.extended.x:22.instances: none -> 2",
            "services.render.extended.x:22.programs.a: none -> /a",
            "services.render.extended.x:22.ssh.agent: none -> false",
            "services.render.extended.x:22.ssh.port: none -> 22",
            "drained first, then started again",
        ),
    ),
}


@pytest.mark.parametrize(("more", "details"), NODE_CHANGES.values(), ids=NODE_CHANGES)
def test_a_changed_node_says_which_key(more, details):
    found = changes(cluster(node("n")), cluster(node("n", **more)), {})
    assert told(found, ChangeKind.CHANGE) == [("node n", details)]


CLUSTER_CHANGES = {
    "licences": (
        "licences: {}",
        "licences: {maya: {cluster: 4}}",
        "limits.licences.maya.cluster: none -> 4",
    ),
    "limits": ("queuedBatches: 100", "queuedBatches: 7", "limits.queuedBatches: 100 -> 7"),
    "recovery": ("lostAfter: 60s", "lostAfter: 1m30s", "recovery.lostAfter: 60s -> 90s"),
    "log": ("truncate: 64MiB", "truncate: 1MiB", "log.truncate: 64MiB -> 1MiB"),
    "secret": ("{env: A}", "{file: /a}", "access.adminPassword: env A -> file /a"),
    "notify": (
        "to: [a@x.y]",
        "to: [b@x.y]",
        'notify.to: ["a@x.y"] -> ["b@x.y"]',
    ),
    "addresses": (
        "addresses: []",
        "addresses: [10.0.0.1]",
        'network.addresses: none -> ["10.0.0.1"]',
    ),
}
TEXT = ONE_NODE + (
    "  limits: {queuedBatches: 100, licences: {}}\n  recovery: {lostAfter: 60s}\n  log: {truncate: 64MiB}\n"
    "  access: {adminPassword: {env: A}}\n  notify: {to: [a@x.y]}\n  network: {addresses: []}\n"
)


@pytest.mark.parametrize(("old", "new", "says"), CLUSTER_CHANGES.values(), ids=CLUSTER_CHANGES)
def test_a_changed_cluster_says_which_key(old, new, says):
    assert old in TEXT
    one, other = (
        parse_sheets([Sheet(name="x", text=text)]).cluster()
        for text in (TEXT, TEXT.replace(old, new))
    )
    assert told(changes(one, other, {}), ChangeKind.CHANGE) == [("cluster studio", (says,))]


def other(value):
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, ClusterKind):
        return ClusterKind.QUICK
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, tuple):
        is_noun = value and is_dataclass(value[0])
        return (*value, Extended(host="another") if is_noun else "another")
    if isinstance(value, dict):
        return {} if value else {"another": "value"}
    return Secret(env="ANOTHER") if value is None else None


ODD = {
    **dict.fromkeys(DAYS, ((1, 2),)),
    "holidays": {"2026-12-25": ()},
    "timezone": "UTC",
    "at_close": AtClose.FINISH,
}


def variants(noun):
    """Yield a path and `noun` with one field in it changed, for every field at whatever depth."""
    for field in fields(noun):
        value = getattr(noun, field.name)
        if field.name in ("name", "nodes"):
            continue
        if isinstance(value, WorkSchedule):
            for key in (each.name for each in fields(value)):
                yield f"schedule.{key}", replace(noun, schedule=replace(value, **{key: ODD[key]}))
        elif is_dataclass(value) and not field.name.endswith("password"):
            for path, changed in variants(value):
                yield f"{field.name}.{path}", replace(noun, **{field.name: changed})
        else:
            yield field.name, replace(noun, **{field.name: other(value)})


VARIANTS = [
    *((f"cluster.{path}", WHOLE, each) for path, each in variants(WHOLE)),
    *((f"node.{path}", WHOLE.nodes[0], each) for path, each in variants(WHOLE.nodes[0])),
]


@pytest.mark.parametrize(
    ("one", "another"), [each[1:] for each in VARIANTS], ids=[each[0] for each in VARIANTS]
)
def test_no_field_changes_in_silence(one, another):
    assert differences(one, another)
    assert {text.partition(": ")[2] for text in differences(one, another)} == {
        " -> ".join(reversed(text.partition(": ")[2].split(" -> ")))
        for text in differences(another, one)
    }


def test_paths_are_those_of_the_manifest():
    assert {path for path in facts(SMALL) if "_" in path or path != path.strip(".")} == set()
    assert facts(WHOLE)["access.userPassword"] == "file /etc/orchestrator/user"
    assert facts(WHOLE)["controller.ssh.identityFile"] == "~/.ssh/ctrl"
    assert facts(WHOLE)["statusInterval"] == "10s"
    assert facts(WHOLE)["annotations.owner"] == "ops"


def test_another_controller_is_another_cluster():
    old = cluster(node("a"), controller_host="one.lan")
    new = cluster(node("a"), controller_host="two.lan")
    assert is_replaced(old, new)
    found = changes(old, new, {})
    assert kinds(found) == [
        ("remove", "cluster studio"),
        ("create", "cluster studio"),
        ("unchanged", "node a"),
    ]
    assert "refused while a batch is unfinished" in told(found, ChangeKind.REMOVE)[0][1][1]
    assert "controller: two.lan" in told(found, ChangeKind.CREATE)[0][1]


def test_a_name_for_people_changes_freely():
    old, new = cluster(node("a")), cluster(node("a"), display_name="Studio 1")
    assert not is_replaced(old, new)
    assert kinds(changes(old, new, {}))[0] == ("change", "cluster studio")


DRIFT = {
    "another version": (
        view("n", version="0.2"),
        ("orchestrator: 0.2 -> 0.3",),
    ),
    "unfit": (
        view("n", NodePhase.UNFIT, why="Python 3.12 and the others 3.11"),
        ("unfit: Python 3.12 and the others 3.11",),
    ),
    "host key": (
        view("n", NodePhase.REFUSED, why="its host key has changed", todo="ssh-keygen -R n"),
        ("refused: its host key has changed", "ssh-keygen -R n"),
    ),
    "away": (view("n", NodePhase.UNREACHABLE), ("unreachable",)),
    "its settings": (
        view("n", differs=("settings: changed on the node",), version="0.3"),
        ("settings: changed on the node",),
    ),
}


@pytest.mark.parametrize(("found", "details"), DRIFT.values(), ids=DRIFT)
def test_a_machine_that_is_not_as_applied_drifted(found, details):
    same = cluster(node("n"))
    done = changes(same, same, {"n": found}, "0.3")
    assert told(done, ChangeKind.DRIFT) == [("node n", details)]
    assert any(change.is_work for change in done)


def test_a_machine_that_is_as_applied_has_not_drifted():
    same = cluster(node("n"))
    found = {"n": view("n", version="0.3"), "other": view("other", NodePhase.LOST)}
    assert told(changes(same, same, found, "0.3"), ChangeKind.DRIFT) == []


def test_a_node_that_comes_or_goes_does_not_drift():
    found = {name: view(name, NodePhase.LOST) for name in "ab"}
    done = changes(cluster(node("a")), cluster(node("b")), found)
    assert told(done, ChangeKind.DRIFT) == []


def test_an_open_cluster_is_noted():
    assert notes(cluster(access=Access(open=True))) == [
        "cluster studio: access.open: everybody on the network may submit without a password"
    ]


def test_a_managed_cluster_that_runs_anything_is_noted():
    (note,) = notes(cluster(node("a"), kind=ClusterKind.MANAGED))
    assert note.endswith("access.executables is not set: jobs may run any program on the nodes")
    assert notes(cluster(node("a"))) == []


def test_plugins_of_others_are_noted_where_nobody_has_said_which_are_let_in():
    wanted = cluster(node("a"))
    (note,) = changes(None, wanted, {}, "", ("acme-odd", "acme-well"))[-1].details
    assert note.endswith("plugins of other people that are installed run: acme-odd, acme-well")
    for rules in (PluginRules(allow=()), PluginRules(deny=("acme-odd", "acme-well"))):
        told = changes(None, replace(wanted, plugins=rules), {}, "", ("acme-odd", "acme-well"))
        assert not [each for each in told if each.kind is ChangeKind.NOTE]


@pytest.mark.parametrize(("count", "noted"), [(7, False), (8, True)])
def test_from_eight_nodes_up_the_controller_should_not_be_one(count, noted):
    nodes = tuple(node(f"n{number}") for number in range(count))
    found = notes(cluster(*nodes, controller_host="n3"))
    assert any("its controller is a node too" in note for note in found) is noted
    assert not any("a node too" in note for note in notes(cluster(*nodes)))


def test_a_local_controller_is_known_as_a_node():
    nodes = (*(node(f"n{number}") for number in range(7)), node("here", host="localhost"))
    assert any("a node too" in note for note in notes(cluster(*nodes)))


@pytest.mark.parametrize(
    ("instances", "noted"),
    [
        ({Service.COMPRESSOR: 8}, True),
        ({Service.COMPRESSOR: 2, Service.RENDER: 3}, True),
        ({Service.COMPRESSOR: 4}, False),
        (BOTH, False),
    ],
)
def test_instances_that_want_more_memory_than_there_is_are_noted(instances, noted):
    here = view("n", memory_bytes=8 * GB, services={"compressor": Seats(instances=8)})
    found = notes(cluster(node("n", instances=instances)), here)
    assert any("take 4, or instances: auto" in note for note in found) is noted


def test_memory_that_is_not_known_is_not_noted():
    assert notes(cluster(node("n", instances={Service.COMPRESSOR: 800}))) == []


def test_without_discovery_a_cluster_is_hard_to_find():
    hidden = Network(discovery=False)
    assert notes(cluster(network=hidden)) == [
        "cluster studio: network.discovery is off: clients find it by --cluster HOST:PORT only"
    ]
    assert len(notes(cluster(network=hidden, accept_unmanaged=True))) == 2
    near = Network(discovery=False, addresses=("10.0.0.1",))
    assert len(notes(cluster(network=near, accept_unmanaged=True))) == 1


def test_a_node_on_its_way_or_paused_by_hand_is_noted_and_is_no_drift():
    same = cluster(node("a"), node("b"), node("c", active=False))
    found = notes(
        same,
        view("a", NodePhase.INSTALLING),
        view("b", NodePhase.PAUSED),
        view("c", NodePhase.PAUSED),
    )
    assert found == ["node a: now installing", "node b: paused by hand; orchestrator resume b"]


def test_free_nodes_are_told_as_such():
    found = free_changes((), (FREE,), {})
    assert kinds(found) == [("create", "free node desk")]
    assert told(found, ChangeKind.NOTE) == [
        (
            "free node desk",
            ("access.open: every cluster of the network may use it without a password",),
        )
    ]
    assert kinds(free_changes((FREE,), (), {})) == [("remove", "free node desk")]


names = st.text("abc", min_size=1, max_size=2)
nodes = st.builds(
    Node,
    name=names,
    host=names,
    active=st.booleans(),
    instances=st.dictionaries(st.sampled_from(Service), st.none() | st.integers(1, 9)),
)
clusters = st.builds(
    lambda found, **more: cluster(*found, **more),
    st.lists(nodes, unique_by=lambda each: each.name, max_size=4),
    controller_host=names,
    display_name=names,
)
views = st.builds(view, names, st.sampled_from(NodePhase), version=names)


@pytest.mark.timeout(sample.LIMIT_S)
@settings(max_examples=sample.times(300))
@given(old=clusters, new=clusters, found=st.lists(views, max_size=4))
def test_a_plan_is_complete_and_depends_on_nothing_else(old, new, found):
    seen = {each.name: each for each in found}
    done = changes(old, new, seen, "a")
    turned = replace(new, nodes=new.nodes[::-1])
    assert changes(old, turned, dict(reversed(seen.items())), "a") == done
    lines = [change for change in done if change.subject.startswith("node ")]
    told = [each.subject for each in lines if each.kind not in (ChangeKind.DRIFT, ChangeKind.NOTE)]
    assert told == sorted({f"node {each.name}" for each in (*old.nodes, *new.nodes)})
    if not any(change.is_work for change in done):
        assert facts(old) == facts(new)
        assert [facts(each) for each in old.nodes] == [facts(each) for each in turned.nodes[::-1]]
