"""One machine as the controller reaches it, whatever lies between: SSH, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orchestrator.model.node import AgentSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What is installed on a node: wheels of pinned versions, in a venv of its own."""

    digest: str  #: of names and hashes of the wheels: what differs is another runtime
    wheels: tuple[Path, ...]  #: pip's own among them, so that the node needs none


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a machine answered when it was asked."""

    python: str  #: of the system's interpreter, as ``3.11``
    platform: str  #: as ``linux-x86_64``
    boot: str  #: the kernel's boot id
    cores: int
    memory_bytes: int
    runtime: str = ""  #: digest of the runtime that is installed; empty: none
    owner: str = ""  #: the cluster that this machine belongs to, by name; empty: none
    owner_id: str = ""
    agent: bool = False  #: whether its agent runs
    settings: str = ""  #: digest of the AgentSettings the agent was last started with
    address: str = ""  #: where SSH reached it; empty: not by SSH
    live: tuple[str, ...] = ()  #: attempts whose runner lives: proof for the others (R11)


class Remote(Protocol):
    """One machine.  Every call ends within 20 s, `install` within 10 min.

    Raises Unreachable (it may come back) or Rejected (a person must do something: the sentence
    says what, with the command to type).
    """

    def ask(self) -> Found:
        """Look; changes nothing on the machine."""

    def install(self, runtime: Runtime, tell: Callable[[str], None]) -> None:
        """Push the wheels and fill a venv; the one in use stays.  `tell` hears what is done."""

    def request(self, name: str) -> bytes:
        """Have the node make its key, if it has none, and return a certificate request (PEM)."""

    def start(
        self, settings: AgentSettings, runtime: str, certificate: bytes, authority: bytes
    ) -> None:
        """Write certificate and settings, and start the agent, detached from us.

        A running agent of the same cluster is left alone if its settings are the same.  Rejected
        if the machine belongs to another cluster, which is named.
        """

    def stop(self, grace_s: float) -> None:
        """End the agent, not its runners; nothing happens if none runs."""

    def remove(self) -> None:
        """Remove all that we put on the machine, and nothing else (F-KNOWN-14)."""

    def log(self, limit: int = 65536) -> str:
        """Return the end of the agent's log."""

    def close(self) -> None:
        """Let go of the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where a machine is and how one gets in: the manifest, completed from ``~/.ssh/config``."""

    name: str  #: of the node, for sentences
    address: str
    user: str
    port: int = 22
    keys: tuple[str, ...] = ()  #: paths of private keys
    agent: bool = False  #: keys of the SSH agent are tried
    host_key: str = ""  #: ``SHA256:…`` from the manifest; empty: known_hosts decides
    jumps: tuple[Host, ...] = ()  #: through these, in order
    is_node: bool = True  #: False: a controller runs there, whom no controller knows yet
