"""Free nodes in this process: real sockets and TLS, an agent that a test ends."""

import hashlib
import json
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

import psutil

from orchestrator.agent.freenode import FreeNode
from orchestrator.agent.keys import own_certificate
from orchestrator.discovery.claim import Claimant, Joining
from orchestrator.discovery.counter import Counter, Keys, Patience
from orchestrator.model.node import AgentSettings, FreeSettings

KEY = hashlib.sha256(b"service").digest()
OTHER = hashlib.sha256(b"another").digest()
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)  # a Monday
SETTINGS = FreeSettings(node="mac-07", id="n-7", instances={"render": 2})


class ScriptedAgent:
    """An agent that runs until a test says otherwise."""

    def __init__(self, folder):
        self.folder = folder
        self.starts = 0
        self.runs = False
        self.done = False
        self.ended = False

    def start(self):
        self.starts += 1
        self.runs = True

    @property
    def name(self):
        return json.loads((self.folder / "settings.json").read_text())["node"]

    def is_alive(self):
        return self.runs

    def is_done(self):
        return self.done

    def end(self):
        self.ended, self.runs = True, False


class Clock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


class Free:
    """A free node: its desk, its counter and where that listens."""

    def __init__(self, folder, keys, **more):
        folder.mkdir(exist_ok=True)
        own_certificate(folder, "mac-07")
        self.agents = []
        self.clock = Clock()
        self.wall = Clock(NOON.timestamp())
        self.folder = folder
        self.settings = replace(SETTINGS, **more)
        self.node = self.made()
        self.patience_clock = Clock(0.0)
        tls = folder / "tls"
        patience = Patience(self.patience_clock)
        self.counter = Counter(self.node, keys, tls / "own.pem", tls / "key.pem", patience)
        self.place = ("127.0.0.1", self.counter.open("127.0.0.1"))

    def made(self):
        return FreeNode(self.folder, self.settings, self._agent, self.clock, self.wall)

    @property
    def agent(self):
        return self.agents[-1]

    def _agent(self, folder):
        self.agents.append(ScriptedAgent(folder))
        return self.agents[-1]


@contextmanager
def free_node(folder, keys=None, **more):
    free = Free(folder, keys or Keys(service=KEY), **more)
    try:
        yield free
    finally:
        free.counter.close()


def claimant(name="studio"):
    return Claimant(name, f"id-{name}")


def joining(who):
    settings = AgentSettings(
        node="mac-07",
        cluster=who.cluster,
        cluster_id=who.cluster_id,
        scheduler="tls://127.0.0.1:1",
        instances={"render": 8},
    )
    return Joining(certificate="certificate", authority="authority", settings=settings)


def signer(who):
    def sign(notice, request):
        assert b"BEGIN CERTIFICATE REQUEST" in request
        return joining(who)

    return sign


def free_process(folder):
    """Return the free node of `folder` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrator.agent.free", str(folder)], stdin=subprocess.DEVNULL
    )


def end_agents(folder):
    """End the agents that a free node of `folder` has started: they outlive it on purpose."""
    for process in psutil.process_iter(["cmdline"]):
        if any(word.startswith(str(folder)) for word in process.info["cmdline"] or ()):
            with suppress(psutil.NoSuchProcess):
                process.kill()
                process.wait(10)
