"""Free nodes: made by `apply`, taken by the first cluster with work, free again with its job."""

import time

import pytest
import sshd
from local_cluster import LocalCluster
from media import cache

from orchestrator.manifest.write import yaml_text

pytestmark = pytest.mark.timeout(120)

LO = "127.0.0.1"
PASSWORD = {"MAC_PASSWORD": "canary-of-service"}


class Town:
    """A free node, and two clusters that know its password; the state of `studio` is its maker's."""

    def __init__(self, folder):
        self.studio = LocalCluster(folder / "s", names=("mac-07",))
        self.other = LocalCluster(folder / "o", names=(), name="other")
        self.server = self.studio.servers["mac-07"]
        self.port = port()
        self.node = self.studio.folder / "mac-07.yaml"
        free = self.studio.state / "free"
        free.mkdir(mode=0o700)
        (free / "wheels").symlink_to(cache() / "wheels")

    def write(self, **spec):
        server = self.server
        ssh = {"port": server.port, "identityFile": str(server.key), "hostKey": server.fingerprint}
        document = {
            "apiVersion": "orchestrator/v1",
            "kind": "Node",
            "metadata": {"name": "mac-07"},
            "spec": {
                "host": LO,
                "ssh": ssh,
                "services": {"render": {"instances": 2}},
                "network": {
                    "discovery": False,
                    "interface": LO,
                    "ports": {"from": self.port, "count": 20},
                },
                "access": {"servicePassword": {"env": "MAC_PASSWORD"}},
                **spec,
            },
        }
        self.node.write_text(yaml_text(document))

    def make(self, **options):
        return self.studio.call("apply", self.node, env=PASSWORD, **options)

    def close(self):
        self.studio.close()
        self.other.close()


def port():
    """Return the first of some ports that nobody listens on."""
    for first in range(52000, 60000, 100):
        try:
            with sshd.socket.create_server((LO, first)):
                return first
        except OSError:
            continue
    raise AssertionError("no port is free")


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    sshd.needed()
    folder = tmp_path_factory.mktemp("f")
    for name in ("s", "o"):
        (folder / name).mkdir()
    town = Town(folder)
    yield town
    town.close()


@pytest.fixture(scope="module")
def made(town):
    town.write()
    town.said = town.make()
    network = {"discovery": False, "interface": LO, "addresses": [f"{LO}:{town.port}"]}
    common = {"acceptUnmanaged": True, "network": network, "recovery": {"lostAfter": "10s"}}
    common["access"] = {"servicePassword": {"env": "MAC_PASSWORD"}}
    for cluster in (town.studio, town.other):
        cluster.write([], **common).apply(env=PASSWORD)
    return town


def test_apply_makes_a_free_node_and_twice_is_unchanged(made):
    assert "1 of 1 are there" in made.said.stdout
    assert "mac-07: unchanged" in made.make().stdout
    made.studio.call("plan", made.node, "--exit-code")
    keys = [made.server.node / "service.key", made.studio.state / "free" / "mac-07.key"]
    assert [key.stat().st_mode & 0o777 for key in keys] == [0o600, 0o600]
    assert b"canary" not in b"".join(each.read_bytes() for each in keys)


def test_free_nodes_are_listed_and_nobody_has_them(made):
    until(lambda: "mac-07" in made.studio.nodes())
    view = made.studio.nodes()["mac-07"]
    assert (view["phase"], view["is_managed"], "cluster" in view) == ("waiting", False, False)


def test_of_two_clusters_one_has_it_and_the_other_gets_it_when_the_job_is_done(made):
    hold = "touch began; until [ -e go ]; do sleep 0.05; done"
    begun = {each.name: each for each in (made.studio, made.other)}
    for each in begun.values():
        each.call("submit", each.batch("hold", each.shell("a", hold)))
    until(lambda: any((each.folder / "began").exists() for each in begun.values()))
    (first,) = [each for each in begun.values() if (each.folder / "began").exists()]
    (second,) = [each for each in begun.values() if each is not first]
    until(lambda: f"taken by {first.name}" in second.nodes()["mac-07"]["why"])
    assert not (second.folder / "began").exists()
    for each in (first, second):
        (each.folder / "go").touch()
    for each in (first, second):
        until(lambda each=each: state(each, "hold-0001") == "Successful", limit_s=45)
    assert second.worked("hold-0001") == ["mac-07"]
    until(lambda: "cluster" not in made.studio.nodes()["mac-07"])
    # what a cluster was not yet asked about may stay, never what would let it be spoken for
    until(lambda: not list((made.server.node / "clusters").glob("*/tls")))


def test_node_of_a_cluster_that_was_killed_frees_itself(made):  # R17
    other = made.other
    script = "touch held; until [ -e let ]; do sleep 0.05; done"
    other.call("submit", other.batch("gone", other.shell("a", script)))
    until(lambda: (other.folder / "held").exists())
    other.kill()
    (other.folder / "let").touch()
    until(lambda: made.studio.nodes()["mac-07"].get("cluster") == "other")
    done = made.studio.batch("after", made.studio.shell("b", "echo here"))
    made.studio.call("submit", done, "--wait", "--timeout", "50")  # 10 s + 10 s of silence


def state(cluster, batch):
    return cluster.json("status", batch, "--cluster", cluster.name)["status"]


def test_without_a_password_its_makers_own_clusters_take_it(made):
    made.write(access={})
    assert "mac-07: free" in made.make().stdout
    hello = made.studio.batch("mine", made.studio.shell("b", "echo mine"))
    made.studio.call("submit", hello, "--wait", "--timeout", "50")


def test_run_plus_takes_it_for_one_batch_and_leaves(made):
    studio = made.studio
    meet = "touch met.$1; until set -- met.*; [ $# -ge 3 ]; do sleep 0.05; done"
    jobs = [studio.shell(f"j{n}", f"set -- {n}; {meet}") for n in range(3)]
    network = {"discovery": False, "interface": LO, "addresses": [f"{LO}:{made.port}"]}
    here = {
        "apiVersion": "orchestrator/v1",
        "kind": "Node",
        "metadata": {"name": "here"},
        "spec": {"services": {"render": {"instances": 1}}, "network": network},
    }
    file = studio.batch("plus", *jobs, cluster="this-computer")
    file.write_text(f"{yaml_text(here)}---\n{file.read_text()}")
    ended = studio.call("run", file, "--plus", "--storage", studio.folder / "plus")
    assert "Successful" in ended.stdout
    told = studio.json("controller", "status", "this-computer-plus", ends=1)
    assert told[0]["state"] == "stopped"
    until(lambda: "cluster" not in studio.nodes()["mac-07"])


def test_delete_leaves_nothing(made):
    said = made.studio.call("delete", made.node, "--timeout", "20").stderr
    assert "mac-07: removed" in said
    node = made.server.node
    assert not node.exists() or not list(node.iterdir())
    assert not list((made.studio.state / "free").glob("mac-07*"))


def until(true, limit_s=30.0):
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)
