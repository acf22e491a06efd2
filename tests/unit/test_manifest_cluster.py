"""Cluster and Node documents become nouns, with every key that their schema has."""

from dataclasses import MISSING, fields, is_dataclass, replace

import pytest
from wanted import EVERY_KEY, FREE_KEYS, MANAGED, NODE, ONE_NODE, QUICK, QUICK_KEYS

from orchestrator.manifest.applied import parse_sheets
from orchestrator.manifest.cluster import free_secrets, revision, secrets
from orchestrator.manifest.schema import core
from orchestrator.manifest.tree import documents
from orchestrator.model import codec
from orchestrator.model.cluster import (
    Access,
    Cluster,
    ClusterKind,
    Extended,
    Licence,
    Limits,
    MailTls,
    Network,
    Node,
    Notify,
    PluginRules,
    Recovery,
    Secret,
    Smtp,
    Ssh,
    Webhook,
)
from orchestrator.model.schedule import WorkSchedule
from orchestrator.model.talk import Sheet
from orchestrator.model.work import Service


def cluster(text):
    return parse_sheets([Sheet(name="studio.yaml", text=text)]).cluster()


def free(text):
    return parse_sheets([Sheet(name="desk.yaml", text=text)]).nodes[0]


def properties(rule, whole, path=""):
    """Yield the path of every property that a schema has; a list's items count as one."""
    if "$ref" in rule:
        rule = whole["$defs"][rule["$ref"].rpartition("/")[2]]
    for key, each in rule.get("properties", {}).items():
        yield f"{path}{key}"
        yield from properties(each, whole, f"{path}{key}.")
    if "items" in rule:
        yield from properties(rule["items"], whole, path)


def written(value, path=""):
    """Yield the path of every key of a document."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield f"{path}{key}"
            yield from written(each, f"{path}{key}.")
    if isinstance(value, list):
        for each in value:
            yield from written(each, path)


def said(text):
    (document,), _ = documents("x", text)
    return set(written(document.data))


def defaults(noun, path=""):
    """Yield each field of a noun, and of the nouns in it, that has its default."""
    for field in fields(noun):
        value, where = getattr(noun, field.name), f"{path}{field.name}"
        made = field.default_factory
        if value == (field.default if made is MISSING else made()):
            yield where
        for each in value if isinstance(value, tuple) else (value,):
            if is_dataclass(each) and not isinstance(each, Secret):
                yield from defaults(each, f"{where}.")


def test_the_sample_says_every_key_that_a_cluster_may_have():
    whole = core("Cluster")
    quick_only = {"spec.services", "spec.schedule", "spec.programs"}
    deep = ("spec.schedule.", "spec.services.", "spec.nodes.schedule.", "spec.nodes.services.")
    one_of_three = ("env", "file", "keyring")
    ssh = ("spec.controller.ssh.user", "spec.nodes.services.render.extended.ssh.")
    missing = {
        path
        for path in set(properties(whole, whole)) - said(EVERY_KEY) - quick_only
        if not path.startswith((*deep, *ssh)) and not path.endswith(one_of_three)
    }
    assert missing == set()


def test_every_key_reaches_the_noun():
    found = cluster(EVERY_KEY)
    assert set(defaults(found)) == {  # a node of a cluster cannot say these
        "nodes.access.user_password",
        "nodes.access.admin_password",
        "nodes.access.open",
        "nodes.access.executables",
        "nodes.access.webhooks",
        "nodes.extended.ssh.identity_file",
        "nodes.extended.ssh.proxy_jump",
        "nodes.extended.ssh.agent",
        "nodes.extended.ssh.host_key",
        "nodes.plugins",
        "nodes.plugins.allow",
        "nodes.plugins.deny",
        "nodes.more",
    }


def test_every_key_is_read_as_it_was_meant():
    found = cluster(EVERY_KEY)
    (node,) = found.nodes
    assert replace(found, nodes=()) == Cluster(
        name="studio",
        kind=ClusterKind.MANAGED,
        display_name="The studio",
        annotations={"owner": "ops"},
        controller_host="ctrl.lan",
        controller_ssh=Ssh(
            user="farm",
            port=2222,
            identity_file="~/.ssh/ctrl",
            proxy_jump="bastion.lan",
            agent=True,
            host_key="SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
        ),
        accept_unmanaged=True,
        storage="/mnt/studio/storage",
        delete_after_days=3,
        copy="never",
        network=Network(
            discovery=False,
            port_from=50000,
            port_count=100,
            addresses=("10.0.4.0/28", "10.0.5.1"),
            interface="en0",
        ),
        access=Access(
            user_password=Secret(file="/etc/orchestrator/user"),
            admin_password=Secret(env="STUDIO_ADMIN"),
            service_password=Secret(keyring="studio"),
            open=True,
            executables=("/usr/bin/blender",),
            webhooks=("10.0.4.7",),
        ),
        limits=Limits(
            queued_batches=10,
            active_targets=4,
            active_segments=40,
            licences={"maya": Licence(cluster=4, host=1)},
        ),
        recovery=Recovery(
            lost_after_s=30.0,
            orphan_stop_after_s=7200.0,
            mass_loss_hold_s=90.0,
            tries=2,
            losses=5,
            restarts=1,
        ),
        notify=Notify(
            to=("ops@studio.example",),
            service_down_after_s=120.0,
            smtp=Smtp(
                host="mail.lan",
                port=587,
                sender="farm@studio.example",
                user="farm",
                password=Secret(env="MAIL"),
                tls=MailTls.TLS,
            ),
            webhooks=(
                Webhook(
                    url="https://hooks.lan/farm", secret=Secret(env="HOOK"), allow=("10.0.4.0/28",)
                ),
            ),
            commands=(("/usr/local/bin/page", "--team", "farm"),),
        ),
        plugins=PluginRules(allow=("acme-render",), deny=("shell",)),
        keep_days=7,
        log_level="debug",
        log_bytes_max=10 << 20,
        status_interval_s=10.0,
        more=found.more,
    )
    assert set(found.more) == {"description"}
    assert (node.name, node.address, node.ssh.user) == ("n1", "n1.lan", "render")
    assert node.instances == {Service.COMPRESSOR: 2, Service.RENDER: None}
    assert node.extended == (
        Extended(
            host="old.lan",
            user="maya",
            instances=2,
            ssh=Ssh(user="maya", port=2200),
            programs={"maya": "/opt/maya/bin/Render"},
        ),
    )
    assert (node.network.port_from, node.network.interface) == (60000, "en1")
    assert (node.access, node.log_bytes_max) == (
        Access(service_password=Secret(file="~/n1")),
        1 << 30,
    )


def test_what_is_left_out_has_its_default():
    assert cluster(ONE_NODE) == Cluster(
        name="studio",
        kind=ClusterKind.MANAGED,
        nodes=(Node(name="n1", instances={Service.RENDER: None}),),
    )


def test_defaults_of_the_nouns_are_those_of_the_schema():
    whole = core("Cluster")["properties"]["spec"]["properties"]
    said = {
        "deleteAfterDays": (whole["storage"], Cluster.__dataclass_fields__["delete_after_days"]),
        "copy": (whole["storage"], Cluster.__dataclass_fields__["copy"]),
        "keepDays": (whole["history"], Cluster.__dataclass_fields__["keep_days"]),
        "queuedBatches": (whole["limits"], Limits.__dataclass_fields__["queued_batches"]),
        "activeTargets": (whole["limits"], Limits.__dataclass_fields__["active_targets"]),
        "activeSegments": (whole["limits"], Limits.__dataclass_fields__["active_segments"]),
        "tries": (whole["recovery"], Recovery.__dataclass_fields__["tries"]),
        "losses": (whole["recovery"], Recovery.__dataclass_fields__["losses"]),
        "restarts": (whole["recovery"], Recovery.__dataclass_fields__["restarts"]),
    }
    for key, (rule, field) in said.items():
        assert rule["properties"][key]["default"] == field.default, key


@pytest.mark.parametrize(
    ("smtp", "tls"),
    [
        ("", MailTls.NONE),
        ("smtp: {host: mail.lan}", MailTls.STARTTLS),
        ("smtp: {host: mail.lan, tls: none}", MailTls.NONE),
        ("smtp: {host: 127.0.0.1, password: {env: A}}", MailTls.NONE),
    ],
)
def test_mail_that_leaves_the_computer_is_encrypted_unless_it_is_said(smtp, tls):
    told = cluster(ONE_NODE.replace("spec:", f"spec:\n  notify: {{{smtp}}}")).notify
    assert told.smtp.tls is tls


def test_a_node_takes_the_clusters_user_and_ports_unless_it_says_its_own():
    text = MANAGED + (
        "  user: render\n  network: {ports: {from: 50000, count: 100}, interface: en0}\n  nodes:\n"
        "    - {name: a, services: {render: {}}}\n"
        "    - {name: b, services: {render: {}}, network: {ports: {from: 60000, count: 9}}}\n"
    )
    a, b = cluster(text).nodes
    assert [a.ssh.user, b.ssh.user] == ["render", "render"]
    assert [a.network.port_from, b.network.port_from] == [50000, 60000]
    assert a.network.interface == ""  # a name of one machine is not one of another


def test_a_quick_cluster_has_one_node_its_own_computer():
    found = cluster(QUICK_KEYS)
    (node,) = found.nodes
    assert (node.name, node.display_name, node.address) == ("corner", "The corner", "corner.lan")
    assert node.ssh == found.controller_ssh == Ssh(user="render")
    assert node.instances == {Service.COMPRESSOR: 2}
    assert (node.schedule, node.programs) == (WorkSchedule(sunday=()), {"ffmpeg": "/opt/ffmpeg"})
    assert (node.network, node.log_level) == (found.network, "debug")
    assert node.access.service_password == Secret(keyring="corner")


def test_a_quick_cluster_without_a_host_is_this_computer_with_both_services():
    (node,) = cluster(QUICK).nodes
    assert node.address == "localhost"
    assert node.instances == {Service.COMPRESSOR: None, Service.RENDER: None}


def test_a_free_node_has_its_access_and_what_people_read():
    node = free(FREE_KEYS)
    assert (node.name, node.display_name, node.address) == ("desk", "The desk", "desk.lan")
    assert node.access == Access(service_password=Secret(file="/etc/service"), open=True)
    assert node.more == {"description": "by the window", "annotations": {"room": "7"}}
    assert (node.instances, node.managed_only) == ({Service.RENDER: 3}, True)


def test_a_free_node_that_says_nothing_offers_both_services():
    assert free(NODE).instances == {Service.COMPRESSOR: None, Service.RENDER: None}


@pytest.mark.parametrize("text", [EVERY_KEY, QUICK_KEYS, ONE_NODE])
def test_a_cluster_goes_over_the_wire_and_back(text):
    found = cluster(text)
    assert codec.load(Cluster, codec.dump(found)) == found


def test_secrets_are_listed_by_the_name_they_travel_under():
    assert secrets(cluster(EVERY_KEY)) == {
        "access.userPassword": Secret(file="/etc/orchestrator/user"),
        "access.adminPassword": Secret(env="STUDIO_ADMIN"),
        "access.servicePassword": Secret(keyring="studio"),
        "notify.smtp.password": Secret(env="MAIL"),
        "notify.webhooks/https://hooks.lan/farm.secret": Secret(env="HOOK"),
        "nodes/n1.servicePassword": Secret(file="~/n1"),
    }
    assert secrets(cluster(ONE_NODE)) == {}
    assert secrets(cluster(QUICK_KEYS)) == {"access.servicePassword": Secret(keyring="corner")}


def test_secrets_of_free_nodes_are_listed_by_their_names():
    found = free_secrets([free(FREE_KEYS), replace(free(NODE), name="other")])
    assert found == {"nodes/desk.servicePassword": Secret(file="/etc/service")}


TWO = "    - {{name: {}, services: {{render: {{}}}}}}\n    - {{name: {}, services: {{render: {{}}}}}}\n"


def test_a_revision_is_twelve_digits_of_what_is_wanted():
    found = revision(cluster(ONE_NODE))
    assert len(found) == 12
    assert set(found) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ONE_NODE, ONE_NODE.replace("spec:", "spec: # a comment")),
        (ONE_NODE, ONE_NODE.replace("kind: managed", "acceptUnmanaged: false\n  kind: managed")),
        (
            f"{MANAGED}  nodes:\n{TWO.format('a', 'b')}",
            f"{MANAGED}  nodes:\n{TWO.format('b', 'a')}",
        ),
    ],
    ids=["comment", "default", "order of nodes"],
)
def test_what_makes_no_difference_leaves_the_revision(one, other):
    assert revision(cluster(one)) == revision(cluster(other))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: n1", "name: n2"),
        ("spec:", "spec:\n  acceptUnmanaged: true"),
        ("render: {}", "render: {instances: 2}"),
        ("{name: studio}", "{name: studio, displayName: Studio}"),
        ("spec:", "spec:\n  notify: {to: [a@b.example]}"),
    ],
)
def test_what_makes_a_difference_changes_the_revision(old, new):
    assert revision(cluster(ONE_NODE)) != revision(cluster(ONE_NODE.replace(old, new)))


def test_free_nodes_have_a_revision_of_their_own():
    one, other = free(NODE), free(FREE_KEYS)
    assert revision(None, [one]) != revision(None, [other])
    assert revision(cluster(ONE_NODE), [one]) != revision(cluster(ONE_NODE))
