"""What only a cluster has: a scheduler process, TLS, and a way back when something dies (T12)."""

import asyncio
import importlib
import json
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from agents import IDENTITY, NoLauncher, ScriptedLauncher, spec, table, until
from clusters import HOST, Centre, Site
from ports import free_ports

from orchestrator.controller.authority import Authority
from orchestrator.engine.dask import config
from orchestrator.engine.dask.tls import TlsEngine
from orchestrator.engine.fake import well
from orchestrator.engine.protocol import TlsFiles
from orchestrator.errors import OrchestratorError
from orchestrator.model.node import Phase

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

REFUSED_AT_LEAST = (
    "register-client",  # who is none submits no graph
    *("run_function", "broadcast", "register_scheduler_plugin", "unregister_scheduler_plugin"),
    *("restart", "restart_workers", "terminate", "retire_workers", "scatter", "update_data"),
    *("rebalance", "replicate", "dump_cluster_state_to_url", "benchmark_hardware"),
    *("register_worker_plugin", "register_nanny_plugin", "feed", "proxy", "gather"),
)


@pytest.fixture(scope="module")
def centre(tmp_path_factory):
    folder = tmp_path_factory.mktemp("centre")
    Authority.at(folder / "ca", "studio", lambda: days_ago(100))  # old enough to have expired
    centre = Centre(folder)
    centre.child.start()
    yield centre
    centre.close()


@pytest.fixture
def engine(centre, tmp_path):
    engine = TlsEngine(lambda: centre.child.address, centre.own, tmp_path / "engine")
    engine.open(lambda: None)
    yield engine
    engine.close()


class Here:
    """One table of this process, connected."""

    def __init__(self, centre, folder, launcher=None, node="n1", **doors):
        self.launcher = launcher or ScriptedLauncher()
        self.table = table(node, folder, self.launcher)
        self.site = Site(centre, [self.table], **doors)

    @property
    def member(self):
        return self.table.member

    def close(self):
        self.site.close()
        self.table.close()


@pytest.fixture
def here(centre, tmp_path, engine):
    here = Here(centre, tmp_path)
    until(lambda: here.member in engine.look(), limit_s=20)
    yield here
    here.close()
    until(lambda: has_left(engine, here), limit_s=20)


def has_left(engine, here):
    report = engine.look().get(here.member)
    return report is None or report.left


def started(engine, here, attempt):
    assert engine.send(here.member, spec(attempt))
    until(lambda: engine.look()[here.member].attempts.get(attempt, ("", ""))[0] is Phase.RUNNING)


def outcome(engine, here, attempt):
    report = engine.look().get(here.member)
    return next((o for o in report.outcomes if o.attempt == attempt), None) if report else None


@pytest.mark.fault("F03")
def test_killed_scheduler_comes_back_and_nothing_is_lost(centre, engine, here):
    started(engine, here, "a1")
    address, before = centre.child.address, centre.child.pid
    os.kill(before, signal.SIGKILL)
    here.launcher.finish("a1")
    assert until(lambda: outcome(engine, here, "a1"), limit_s=30) == well("a1")
    assert centre.child.address == address
    assert centre.child.pid not in (0, before)
    assert engine.send(here.member, spec("a2"))


def test_call_without_a_scheduler_ends_at_once(tmp_path):
    centre = Centre(tmp_path)
    engine = TlsEngine("tls://127.0.0.1:1", centre.own, tmp_path / "engine")
    engine.open(lambda: None)
    member = table("n1", tmp_path).member
    assert engine.look() == {}
    assert not engine.send(member, spec("a1"))
    engine.kill(member, "a1", 1.0)
    assert engine.read(member, "a1", 0) == b""
    engine.close()


@pytest.mark.fault("F33")
def test_two_machines_with_one_name_are_both_seen(centre, engine, here, tmp_path):
    """A second agent of a name is another member: who decides sees both (F33)."""
    other = Here(centre, tmp_path / "other")
    until(lambda: {here.member, other.member} <= set(engine.look()), limit_s=20)
    assert here.member.node == other.member.node
    assert engine.send(other.member, spec("a1"))
    assert other.launcher.started == ["a1"]
    assert here.launcher.started == []
    other.close()


def test_end_of_an_attempt_is_reported_before_the_next_beat(engine, here, monkeypatch):
    """With polls an hour apart only the agent's own word can have brought it (`batched_stream`)."""
    started(engine, here, "a1")
    monkeypatch.setattr("orchestrator.engine.dask.line.POLL_S", 3600.0)
    until(lambda: stands_still(engine, here), limit_s=20)  # the last short poll is over
    here.launcher.finish("a1")
    assert until(lambda: outcome(engine, here, "a1")) == well("a1")


def stands_still(engine, here):
    """Whether no poll brings anything any more, while the node's heart beats on."""
    seen, beat = engine.look()[here.member].beat, here.table._beat
    until(lambda: here.table._beat > beat + 2)
    return engine.look()[here.member].beat == seen


def test_log_of_an_attempt_is_read_over_the_line(engine, here):
    started(engine, here, "a1")
    folder = here.table._spool.folder("a1")
    (folder / "log.0").write_bytes(b"0123456789" * 10_000)
    assert engine.read(here.member, "a1", 5) == (b"0123456789" * 10_000)[5 : 5 + (64 << 10)]
    assert engine.read(here.member, "a1", 200_000) == b""
    assert engine.read(here.member, "../../x", 0) == b""


def test_many_deliveries_at_once_are_all_taken(centre, engine, tmp_path):
    here = Here(centre, tmp_path, NoLauncher())
    until(lambda: here.member in engine.look(), limit_s=20)
    names = [f"a{number}" for number in range(200)]
    with ThreadPoolExecutor(64) as pool:
        taken = list(pool.map(lambda name: engine.send(here.member, spec(name)), names))
    assert all(taken)
    until(lambda: set(engine.look()[here.member].attempts) == set(names))
    here.close()


def test_report_that_cannot_be_read_makes_its_member_unknown(centre, engine, tmp_path, caplog):
    here = Here(centre, tmp_path)
    here.table.report = lambda: 1 / 0
    with caplog.at_level(logging.WARNING):
        other = Here(centre, tmp_path, node="n2")
        until(lambda: other.member in engine.look(), limit_s=20)
        assert here.member not in engine.look()
    here.close()
    other.close()


# Who is let in.


def handshake(address, files):
    """Say hello to a port as a party with these files; a refusal is an SSLError."""
    host, port = address.removeprefix("tls://").rsplit(":", 1)
    context = ssl.create_default_context(cafile=str(files.authority))
    context.check_hostname = False
    context.load_cert_chain(files.certificate, files.key)
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain) as line,
    ):
        return line.recv(64)  # TLS 1.3 tells of a refused certificate with the first bytes


def foreign(folder):
    """Return files of a party of another cluster with the same name."""
    return Authority.at(folder / "foreign", "studio").issue(folder / "foreign-tls", "n1")


def days_ago(days):
    return datetime.now(UTC) - timedelta(days=days)


def test_certificate_of_the_cluster_is_let_in(centre):
    assert handshake(centre.child.address, centre.node_files("n1"))


def test_plain_tcp_is_refused(centre, tmp_path):
    async def story():
        core = importlib.import_module("distributed.core")
        plain = centre.child.address.replace("tls://", "tcp://")
        async with core.rpc(plain, timeout=2) as scheduler:
            await scheduler.identity()

    config.apply(tmp_path / "scratch")
    with pytest.raises(OSError, match=r"before comm was established|in <TCP"):
        asyncio.run(story())


def test_foreign_authority_is_refused(centre, tmp_path):
    files = foreign(tmp_path)
    files = TlsFiles(centre.own.authority, files.certificate, files.key)
    with pytest.raises(ssl.SSLError, match="alert"):
        handshake(centre.child.address, files)


def test_expired_certificate_is_refused(centre, tmp_path):
    past = Authority.at(centre.folder / "ca", "studio", lambda: days_ago(40))
    files = past.issue(tmp_path / "tls", "n1")
    with pytest.raises(ssl.SSLError, match="expired"):
        handshake(centre.child.address, files)


def test_scheduler_of_another_cluster_is_not_believed(centre, tmp_path, caplog):
    engine = TlsEngine(centre.child.address, foreign(tmp_path), tmp_path / "engine")
    with caplog.at_level(logging.WARNING):
        engine.open(lambda: None)
        until(lambda: "scheduler_lost" in actions(caplog), limit_s=30)
    assert engine.look() == {}
    engine.close()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr("orchestrator.engine.dask.link.JOIN_LIMIT_S", 1)


@pytest.mark.usefixtures("impatient", "here")
def test_agent_of_another_cluster_never_joins_and_says_so(centre, engine, tmp_path, caplog):
    stranger = table("n7", tmp_path)
    with caplog.at_level(logging.WARNING):
        site = Site(centre, [stranger], files=foreign(tmp_path))
        until(lambda: "not_joined" in actions(caplog), limit_s=30)
        site.close()
    assert "n7" not in {member.node for member in engine.look()}
    stranger.close()


def actions(caplog):
    return [getattr(record, "action", "") for record in caplog.records]


# Ports.


def listening(pid):
    return [
        line.laddr.port
        for line in psutil.Process(pid).net_connections("inet")
        if line.status == psutil.CONN_LISTEN
    ]


def test_scheduler_listens_at_its_port_only(centre):
    assert listening(centre.child.pid) == [int(centre.child.address.rpartition(":")[2])]


def test_agent_listens_at_one_port_of_its_range(centre, engine, tmp_path):
    before = set(listening(os.getpid()))
    first = free_ports(3)
    here = Here(centre, tmp_path, ports=f"{first}:{first + 2}")
    until(lambda: here.member in engine.look(), limit_s=20)
    (port,) = set(listening(os.getpid())) - before
    assert first <= port <= first + 2
    here.close()


def test_first_free_port_of_the_range_is_taken(tmp_path):
    first = free_ports(3)
    with socket.socket() as other:
        other.bind((HOST, first))
        other.listen()
        centre = Centre(tmp_path, ports=(first, 3))
        assert centre.child.start() == f"tls://{HOST}:{first + 1}"
        centre.close()


def test_range_that_is_used_up_is_named(tmp_path):
    first = free_ports(1)
    with socket.socket() as other:
        other.bind((HOST, first))
        other.listen()
        centre = Centre(tmp_path, ports=(first, 1))
        with pytest.raises(OrchestratorError, match=f"none of {first} to {first} is free"):
            centre.child.start()
        centre.close()


def test_next_controller_finds_the_port_of_before(tmp_path):
    addresses = []
    for _ in range(2):
        centre = Centre(tmp_path)
        addresses.append(centre.child.start())
        centre.close()
    assert addresses[0] == addresses[1]


# The process.


def test_scheduler_ends_with_its_controller(tmp_path):
    story = (
        "import sys, time; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from clusters import Centre\n"
        "centre = Centre(Path(sys.argv[2])); centre.child.start()\n"
        "print(centre.child.pid, flush=True); time.sleep(60)"
    )
    tests = str(Path(__file__).parents[1])
    words = [sys.executable, "-c", story, tests, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as controller:
        scheduler = psutil.Process(int(controller.stdout.readline()))
        controller.kill()
        scheduler.wait(20)


def test_scheduler_sees_nothing_of_our_environment(centre, monkeypatch, tmp_path):
    monkeypatch.setenv("STUDIO_ADMIN_PASSWORD", "secret")
    other = Centre(tmp_path)
    other.child.start()
    assert "STUDIO_ADMIN_PASSWORD" not in psutil.Process(other.child.pid).environ()
    assert not any("key" in each.path for each in psutil.Process(other.child.pid).open_files())
    other.close()


def test_end_of_the_process_is_told(tmp_path):
    told = []
    centre = Centre(tmp_path, on_exit=told.append)
    centre.child.start()
    os.kill(centre.child.pid, signal.SIGKILL)
    until(lambda: told)
    centre.close()
    assert "-9" in told[0]
    assert not centre.child.alive
    assert centre.child.pid == 0


# Names of Dask's that are not documented: each does what we need.


def in_cluster(centre, tmp_path, story):
    """Run `story(rpc)`; `rpc` asks any port over TLS as a node would."""

    async def tell():
        core = importlib.import_module("distributed.core")
        parts = importlib.import_module("orchestrator.engine.dask.parts")
        how = parts.security(centre.node_files("n1"), "client").get_connection_args("client")
        return await story(lambda address: core.rpc(address, connection_args=how))

    config.apply(tmp_path / "scratch", encrypted=True)
    return asyncio.run(tell())


@pytest.mark.parametrize("op", REFUSED_AT_LEAST)
def test_scheduler_does_nothing_foreign(centre, tmp_path, op):
    async def story(rpc):
        async with rpc(centre.child.address) as scheduler:
            await getattr(scheduler, op)()

    with pytest.raises(ValueError, match="explicitly disallowed"):
        in_cluster(centre, tmp_path, story)


@pytest.mark.parametrize("op", ["run", "plugin_add", "actor_execute", "terminate", "upload_file"])
def test_agent_does_nothing_for_who_connects_to_it(centre, engine, here, tmp_path, op):
    async def story(rpc):
        async with rpc(centre.child.address) as scheduler:
            (address,) = await scheduler.orchestrator_look(known={})
        async with rpc(address) as agent:
            await getattr(agent, op.replace("plugin_add", "plugin-add"))()

    with pytest.raises(ValueError, match="explicitly disallowed"):
        in_cluster(centre, tmp_path, story)


def test_metrics_carry_the_report_and_extra_the_identity(centre, engine, here, tmp_path):
    async def story(rpc):
        async with rpc(centre.child.address) as scheduler:
            ((address, told),) = (await scheduler.orchestrator_look(known={})).items()
            _, _, identity, beat, report = told
            again = await scheduler.orchestrator_look(known={address: beat})
            return identity, beat, report, again[address]

    identity, beat, report, again = in_cluster(centre, tmp_path, story)
    assert json.loads(identity)["version"] == IDENTITY.version
    assert json.loads(report)["beat"] == beat
    assert again[2] is None
    if again[3] == beat:  # else the next one has just come
        assert again[4] is None
