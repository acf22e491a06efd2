"""Machines in memory: what SSH would find there, and what goes wrong on the way."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from orchestrator.errors import NodeError, Rejected
from orchestrator.model.cluster import Node
from orchestrator.model.node import AgentSettings
from orchestrator.remote.protocol import Found, Runtime

USUAL = Found(python="3.11", platform="linux-x86_64", boot="boot-1", cores=2, memory_bytes=8 << 30)


@dataclass
class Machine:
    """One computer, whatever connects to it."""

    name: str
    found: Found = USUAL
    done: list[str] = field(default_factory=list)  #: what was done to it, in order
    troubles: dict[str, list[NodeError]] = field(default_factory=dict)
    #: by what is done, as ``ask``: the next ones fail with these
    dead: NodeError | None = None  #: everything fails with this
    hangs: threading.Event | None = None  #: everything waits for this
    settings: AgentSettings | None = None  #: of the agent that runs
    on_start: Callable[["Machine"], None] = lambda machine: None  #: an agent that comes to life
    on_stop: Callable[["Machine"], None] = lambda machine: None

    def end_agent(self) -> None:
        """Let the agent die by itself."""
        self.found = replace(self.found, agent=False)
        self.on_stop(self)

    def heed(self, what: str) -> None:
        if self.hangs is not None:
            self.hangs.wait()
        self.done.append(what)
        if self.dead is not None:
            raise self.dead
        if self.troubles.get(what):
            raise self.troubles[what].pop(0)


class FakeRemote:
    """Implements `remote.protocol.Remote` on a machine in memory."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def ask(self) -> Found:
        self.machine.heed("ask")
        return self.machine.found

    def install(self, runtime: Runtime, tell: Callable[[str], None]) -> None:
        tell("pushing wheels")
        self.machine.heed("install")
        self.machine.found = replace(self.machine.found, runtime=runtime.digest)

    def request(self, name: str) -> bytes:
        self.machine.heed("request")
        return f"request of {name}".encode()

    def start(
        self, settings: AgentSettings, runtime: str, certificate: bytes, authority: bytes
    ) -> None:
        self.machine.heed("start")
        machine = self.machine
        if machine.found.owner_id not in ("", settings.cluster_id):
            raise Rejected(machine.name, f"belongs to cluster {machine.found.owner!r}")
        machine.settings = settings
        machine.found = replace(
            machine.found,
            owner=settings.cluster,
            owner_id=settings.cluster_id,
            agent=True,
            settings=settings.digest,
        )
        machine.on_start(machine)

    def stop(self, grace_s: float) -> None:
        self.machine.heed("stop")
        self.machine.end_agent()

    def remove(self) -> None:
        self.machine.heed("remove")
        self.machine.found = replace(
            self.machine.found, runtime="", owner="", owner_id="", agent=False, settings=""
        )

    def log(self, limit: int = 65536) -> str:
        self.machine.heed("log")
        return f"log of {self.machine.name}"

    def close(self) -> None:
        """Let go of nothing."""


class Machines(dict[str, Machine]):
    """Machines by name; one that nobody has named comes into being when it is connected to."""

    def __missing__(self, name: str) -> Machine:
        self[name] = Machine(name)
        return self[name]

    def remote_of(self, node: Node) -> FakeRemote:
        return FakeRemote(self[node.name])
