"""What every `Remote` does, over SSH and without."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from types import SimpleNamespace

import pytest
import sshd
import stub_runtime
from stub_runtime import settings

from orchestrator.agent.process import mark
from orchestrator.errors import Rejected, Unreachable
from orchestrator.remote.exchange import MINOR
from orchestrator.remote.local import LocalRemote
from orchestrator.remote.protocol import Runtime
from orchestrator.remote.ssh import SshRemote

pytestmark = pytest.mark.slow

SECRET = "hush-hush-4711"


@pytest.fixture(params=["ssh", "local"])
def node(request, tmp_path):
    """A machine: its folder, and `remote(cluster_id)`, how a cluster reaches it."""
    if request.param == "local":
        made = SimpleNamespace(
            folder=tmp_path / "orchestrator" / "node",
            remote=lambda cluster="c1": LocalRemote("n1", cluster, tmp_path),
        )
        yield made
        _end(made.folder)
        return
    sshd.needed()
    with sshd.Sshd(tmp_path / "sshd") as server:
        opened = []

        def remote(cluster="c1"):
            opened.append(SshRemote(server.host(), None, cluster))
            return opened[-1]

        yield SimpleNamespace(folder=server.node, remote=remote)
        for each in opened:
            each.close()
        _end(server.node)


@pytest.fixture
def stub(node):
    """The machine with a runtime that needed no installation."""
    stub_runtime.place(node.folder)
    return node


def _end(folder):
    with suppress(OSError, ValueError):
        os.kill(json.loads((folder / "agent.pid").read_text())["pid"], signal.SIGKILL)


def _start(remote, runtime="stub", **changes):
    remote.start(settings(**changes), runtime, b"certificate", b"authority")


def test_looking_changes_nothing(node):
    found = node.remote().ask()
    assert (found.python, found.runtime, found.owner, found.agent) == (MINOR, "", "", False)
    assert found.platform.startswith(sys.platform)
    assert found.cores >= 1
    assert found.memory_bytes > 1 << 20
    assert found.boot
    assert not node.folder.exists()


@pytest.mark.timeout(120)
def test_runtime_is_installed_once(node, tmp_path):
    remote, told = node.remote(), []
    runtime = stub_runtime.wheels(tmp_path / "wheels")
    remote.install(runtime, told.append)
    assert told[-1] == "installing"
    assert remote.ask().runtime == runtime.digest
    told.clear()
    remote.install(runtime, told.append)
    assert told == []
    _start(remote, runtime.digest)
    assert remote.ask().agent
    remote.stop(5)
    remote.remove()
    assert not node.folder.exists()


@pytest.mark.timeout(120)
def test_half_runtime_is_made_anew(node, tmp_path):
    runtime = stub_runtime.wheels(tmp_path / "wheels")
    half = node.folder / "runtime" / runtime.digest
    (half / "bin").mkdir(parents=True)
    (half / "bin" / "python").write_text("half")
    (half / "pyvenv.cfg").touch()
    (node.folder / "wheels").mkdir()
    (node.folder / "wheels" / runtime.wheels[0].name).write_bytes(b"half")
    remote = node.remote()
    assert remote.ask().runtime == ""
    remote.install(runtime, lambda _: None)
    assert remote.ask().runtime == runtime.digest


def test_wheel_that_cannot_be_installed_is_named(node, tmp_path):
    runtime = stub_runtime.wheels(tmp_path / "wheels")
    bad = tmp_path / "wheels" / "media_orchestrator-0-cp27-none-any.whl"
    runtime.wheels[0].rename(bad)
    bad = Runtime(digest="bad", wheels=(bad, *runtime.wheels[1:]))
    with pytest.raises(Rejected, match=r"cp27.* is not a supported wheel"):
        node.remote().install(bad, lambda _: None)
    assert node.remote().ask().runtime == ""


def test_agent_is_started_detached_and_once(stub):
    remote = stub.remote()
    _start(remote)
    first = json.loads((stub.folder / "agent.pid").read_text())
    _start(remote)
    assert json.loads((stub.folder / "agent.pid").read_text()) == first
    assert os.getsid(first["pid"]) == first["pid"]
    found = remote.ask()
    assert (found.owner, found.owner_id, found.agent) == ("studio", "c1", True)
    assert (found.settings, found.runtime) == (settings().digest, "stub")
    assert "ready" in remote.log()


def test_agent_outlives_the_connection(stub):
    remote = stub.remote()
    _start(remote)
    remote.close()
    assert stub.remote().ask().agent


def test_agent_finds_its_files_and_they_are_its_owners_alone(stub):
    _start(stub.remote())
    said = json.loads((stub.folder / "settings.json").read_text())
    assert said["scheduler"] == "tls://127.0.0.1:1"
    assert (stub.folder / "tls" / "ca.pem").read_text() == "authority"
    assert (stub.folder / "tls" / "cert.pem").read_text() == "certificate"
    for name in ("settings.json", "tls/cert.pem", "owner.json", "agent.log", "tls"):
        assert stat.S_IMODE((stub.folder / name).stat().st_mode) & 0o077 == 0, name


def test_agent_gets_no_environment_of_ours(stub, monkeypatch):
    monkeypatch.setenv("STUDIO_ADMIN", SECRET)
    monkeypatch.setenv("PYTHONSTARTUP", SECRET)
    _start(stub.remote())
    environ = json.loads((stub.folder / "spool" / "environ.json").read_text())
    assert SECRET not in json.dumps(environ)
    assert not {name for name in environ if name.startswith("SSH_")}
    assert {"HOME", "PATH"} <= set(environ)


def test_agent_that_dies_at_once_leaves_its_reason(stub):
    with pytest.raises(Rejected, match=r"ended at once \(code 1\): no way to the scheduler"):
        _start(stub.remote(), node="dies")
    assert not stub.remote().ask().agent


def test_other_settings_wait_for_the_agents_end(stub):
    remote = stub.remote()
    _start(remote)
    with pytest.raises(Unreachable, match="other settings"):
        _start(remote, storage="/mnt/studio")
    remote.stop(5)
    _start(remote, storage="/mnt/studio")
    assert remote.ask().settings == settings(storage="/mnt/studio").digest


def test_stop_ends_the_agent_and_twice_is_once(stub):
    remote = stub.remote()
    _start(remote)
    remote.stop(5)
    assert not remote.ask().agent
    remote.stop(5)


def test_agent_that_hears_nothing_is_killed(stub):
    remote = stub.remote()
    _start(remote, node="stubborn")
    remote.stop(0.2)
    assert not remote.ask().agent


def test_machine_of_another_cluster_is_left_alone(stub):
    _start(stub.remote())
    other, sentence = stub.remote("c2"), "belongs to cluster 'studio'"
    with pytest.raises(Rejected, match=sentence):
        _start(other, cluster="night", cluster_id="c2")
    for act in (lambda: other.stop(1), other.remove, lambda: other.request("n1")):
        with pytest.raises(Rejected, match=sentence):
            act()
    assert other.ask().agent
    assert other.ask().owner == "studio"


def test_living_runners_are_named(stub):
    folder = stub.folder / "spool" / "attempts"
    process = subprocess.Popen(["sleep", "60"])
    try:
        for name, marked in {"a1": mark(process.pid), "a2": {"pid": 1, "boot": "other"}}.items():
            (folder / name).mkdir(parents=True)
            (folder / name / "pid.json").write_text(json.dumps(marked))
        remote = stub.remote()
        assert remote.ask().live == ("a1",)
        with pytest.raises(Rejected, match="1 commands still run there, as a1"):
            remote.remove()
    finally:
        process.kill()
        process.wait()
    assert remote.ask().live == ()


def test_remove_refuses_while_the_agent_runs(stub):
    remote = stub.remote()
    _start(remote)
    with pytest.raises(Rejected, match="its agent still runs"):
        remote.remove()
    remote.stop(5)
    remote.remove()
    assert not (stub.folder / "runtime").exists()


def test_remove_leaves_what_is_not_ours(stub):
    remote = stub.remote()
    _start(remote)
    remote.stop(5)
    strange = [stub.folder / "notes.txt", stub.folder / "tls" / "mine.pem"]
    strange += [stub.folder / "runtime" / "mine" / "file", stub.folder / "wheels" / "list.txt"]
    for file in strange:
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine")
    remote.remove()
    left = {file for file in stub.folder.rglob("*") if file.is_file()}
    assert left == set(strange)
    for file in strange:
        file.unlink()


def test_remove_of_nothing_is_nothing(node):
    node.remote().remove()
    assert not node.folder.exists()


def test_runtime_of_before_goes_when_the_next_runs(stub):
    stub_runtime.place(stub.folder, "next")
    _start(stub.remote(), "next")
    assert [each.name for each in (stub.folder / "runtime").iterdir()] == ["next"]


def test_request_without_a_runtime_says_so(node):
    with pytest.raises(Unreachable, match="runtime is not whole"):
        node.remote().request("n1")


def test_name_arrives_as_it_is(stub):
    name = '\'; touch /tmp/x; echo "$(id)" `id` \n ü 🎬 -'
    pem = stub.remote().request(name).decode()
    assert json.loads(pem.splitlines()[1]) == [str(stub.folder), name]


def test_log_is_its_end(stub):
    (stub.folder / "agent.log").write_bytes(b"x" * 5000 + b"\xff the end\n")
    text = stub.remote().log(limit=20)
    assert text.endswith("\ufffd the end\n")
    assert len(text) <= 20
    (stub.folder / "agent.log").unlink()
    assert stub.remote().log() == ""


def test_two_at_once_wait_for_each_other(stub):
    """Both want the machine: one gets it, the other is told whose it is."""
    remotes = {each: stub.remote(each) for each in ("c1", "c2")}
    ends = {}

    def want(each):
        try:
            _start(remotes[each], cluster=each, cluster_id=each)
            ends[each] = ""
        except Rejected as error:
            ends[each] = str(error)

    threads = [threading.Thread(target=want, args=(each,)) for each in remotes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [each for each, why in ends.items() if not why]
    (loser,) = set(ends) - {winner}
    assert f"belongs to cluster {winner!r}" in ends[loser]
    assert stub.remote().ask().owner == winner


def test_own_interpreter_needs_no_wheels(tmp_path):
    remote = LocalRemote("here", "c1", tmp_path)
    remote.install(Runtime(digest="own-1", wheels=()), lambda _: None)
    assert remote.ask().runtime == "own-1"
    assert remote.request("here").startswith(b"-----BEGIN CERTIFICATE REQUEST-----")
    remote.remove()
