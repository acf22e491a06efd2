"""A cluster whose controller runs on another host: from nothing over SSH, and away again."""

import json
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime

import psutil
import pytest
import sshd
from local_cluster import LocalCluster, stop

pytestmark = pytest.mark.timeout(400)


class HostedCluster(LocalCluster):
    """The controller's host is a server with a state of its own, of which the client knows nothing."""

    def __init__(self, folder):
        super().__init__(folder)
        self.host = sshd.Sshd(folder / "ctl").start()
        self.there = self.host.state / "orchestrator"

    def write(self, nodes=None, **spec):
        ssh = {
            "port": self.host.port,
            "identityFile": str(self.host.key),
            "hostKey": self.host.fingerprint,
        }
        controller = {"host": self.host.address, "ssh": ssh}
        return super().write(nodes, controller=controller, **spec)

    def about(self):
        return json.loads((self.there / self.name / "controller.json").read_text())

    def log(self):
        with suppress(OSError):
            return (self.there / self.name / "controller.log").read_text()[-4000:]
        return ""

    def kill(self):
        pid = self.about()["pid"]
        os.kill(pid, signal.SIGKILL)
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).wait(20)

    def runtimes(self):
        return sorted(each.name for each in (self.there / "controller" / "runtime").iterdir())

    def close(self):
        servers = [*self.servers.values(), self.host]
        stop(self.there / self.name / "controller.json", servers)


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    sshd.needed()
    cluster = HostedCluster(tmp_path_factory.mktemp("h"))
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def applied(studio):
    studio.said = studio.write(access={"open": True}).apply()
    return studio


def is_over(pid):
    """Whether a process that has let go of its lock has ended, too; it may wait for its parent."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        while process.status() != psutil.STATUS_ZOMBIE:
            with suppress(psutil.TimeoutExpired):
                process.wait(0.1)
    return True


def test_apply_installs_and_starts_it_there(applied):
    assert "2 of 2 nodes are ready" in applied.said.stdout
    assert "controller on 127.0.0.1: installing" in applied.said.stderr
    (runtime,) = applied.runtimes()
    words = psutil.Process(applied.about()["pid"]).cmdline()
    assert words[0].startswith(str(applied.there / "controller" / "runtime" / runtime))
    assert not (applied.root / "ledger.db").exists(), "nothing of it is on the client"


def test_client_goes_on_over_tls_with_a_token_that_nobody_typed(applied):
    file = applied.batch("hello", applied.shell("hi", "echo hi"), applied.shell("ho", "echo ho"))
    applied.call("submit", file, "--wait", "--timeout", "100")
    assert len(applied.worked("hello-0001")) == 2
    assert applied.nodes()["n1"]["phase"] == "ready"


def test_open_cluster_asks_no_user_for_a_password(applied, tmp_path):
    elsewhere = {
        "ORCHESTRATOR_STATE": str(tmp_path / "s"),
        "XDG_CONFIG_HOME": str(tmp_path / "c"),
    }
    about = applied.about()
    proof = ("--cluster", f"127.0.0.1:{about['port']}", "--fingerprint", about["fingerprint"])
    file = applied.batch("open", applied.shell("hi", "echo hi"))
    applied.call("submit", file, "--wait", "--timeout", "100", *proof, env=elsewhere)
    (mine,) = applied.json("status", "--mine", "--cluster", "studio", env=elsewhere)
    assert mine["batchid"] == "open-0001"
    said = applied.call("pause", "n1", "--cluster", "studio", env=elsewhere, ends=2)
    assert "takes admin" in said.stderr


def test_token_stands_in_no_words_and_no_log(applied):
    token = (applied.folder / "config/orchestrator/known/studio.token").read_text().strip()
    files = [path for path in applied.there.rglob("*") if path.is_file()]
    assert [path for path in files if token.encode() in path.read_bytes()] == []
    assert token not in applied.said.stdout + applied.said.stderr
    mode = (applied.folder / "config/orchestrator/known/studio.token").stat().st_mode
    assert mode & 0o077 == 0


def test_it_is_shown_when_its_certificates_end(applied):
    there = {"ORCHESTRATOR_STATE": str(applied.there)}
    (said,) = applied.json("controller", "status", "studio", env=there)
    assert datetime.fromisoformat(said["certificates"]) > datetime.now(UTC)
    assert said["alarms"] == []


def test_applied_twice_is_unchanged(applied):
    pid = applied.about()["pid"]
    said = applied.apply()
    assert "unchanged" in said.stdout
    assert "installing" not in said.stderr
    assert applied.about()["pid"] == pid
    plan = applied.call("plan", applied.manifest, "--exit-code")
    assert plan.stdout.endswith("nothing to change\n")


def test_killed_controller_is_started_by_the_next_apply_where_clients_know_it(applied):
    port = applied.about()["port"]
    applied.kill()
    assert (
        "does not run; `apply` starts it" in applied.call("plan", applied.manifest, ends=1).stderr
    )
    assert "2 of 2 nodes are ready" in applied.apply().stdout
    assert "hello-0001" in applied.call("status", "--cluster", "studio").stdout
    assert applied.about()["port"] == port


def test_controller_of_another_version_is_replaced_and_its_agents_go_on(applied):
    record = applied.there / "controller" / "of" / "studio.json"
    record.write_text(json.dumps({"runtime": "0" * 16, "version": "0.0.1"}))
    agents = {name: each.node / "agent.pid" for name, each in applied.servers.items()}
    before = {name: json.loads(file.read_text())["pid"] for name, file in agents.items()}
    pid = applied.about()["pid"]
    said = applied.apply()
    assert "starting another version" in said.stderr
    assert applied.about()["pid"] != pid
    assert len(applied.runtimes()) == 1
    assert all(psutil.pid_exists(each) for each in before.values())


def test_newer_controller_is_left_alone(applied):
    record = applied.there / "controller" / "of" / "studio.json"
    was = record.read_text()
    record.write_text(json.dumps({**json.loads(was), "version": "999.0"}))
    assert "newer than" in applied.apply(ends=2).stderr
    record.write_text(was)


def test_host_that_ssh_does_not_reach_is_asked_as_it_stands(applied):
    applied.host.stop()
    try:
        said = applied.apply()
        assert "refuses connections" in said.stderr
        assert "unchanged" in said.stdout
    finally:
        applied.host.start()


def test_local_administrator_gets_all_that_another_computer_needs(applied):
    there = {"ORCHESTRATOR_STATE": str(applied.there)}
    data = json.loads(applied.call("controller", "token", "studio", env=there).stdout)
    assert data["fingerprint"] == applied.about()["fingerprint"]
    assert "BEGIN CERTIFICATE" in data["authority"]
    assert data["token"]


def test_delete_leaves_nothing_but_the_ledger_and_names_the_node_it_did_not_reach(applied):
    pid = applied.about()["pid"]
    applied.servers["n2"].stop()
    said = applied.call("delete", "studio", "--timeout", "100", ends=1)
    assert "Cluster studio: ended." in said.stdout
    assert "node 'n2': it was not cleaned (" in said.stderr
    assert "node 'n1'" not in said.stderr
    assert not applied.servers["n1"].node.exists()
    assert is_over(pid)
    assert [each.name for each in applied.there.iterdir()] == ["studio"]
    assert list((applied.folder / "config/orchestrator/known").iterdir()) == []
