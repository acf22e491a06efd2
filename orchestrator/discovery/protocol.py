"""What free nodes and clusters say of themselves on the network.  It finds; it proves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

NODE_TYPE = "_orch-node._tcp.local."
CLUSTER_TYPE = "_orch-cluster._tcp.local."
"""The name of a service has at most 15 letters (RFC 6335): others would not resolve a longer one."""

CLAIM_PORT = 50000
"""Where a free node listens whose manifest names no ports, if nobody else does (F-NET-3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one node or cluster announces."""

    name: str
    id: str  #: made once; two may have one name
    port: int
    services: Mapping[str, int] = field(default_factory=dict)  #: service -> instances
    version: str = ""  #: of orchestrator
    held_by: str = ""  #: the cluster that has the node; empty: it is free


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A notice, and where it came from."""

    notice: Notice
    host: str  #: as ``mac-07.local``; empty: not told
    address: str

    @property
    def place(self) -> tuple[str, int]:
        """Where it listens."""
        return self.address, self.notice.port


class Announcing(Protocol):
    """Says who we are for as long as it is open."""

    def say(self, notice: Notice) -> None:
        """Announce, or announce what has changed."""

    def hush(self) -> None:
        """Say goodbye for now: nobody is told of us until the next `say`."""

    def close(self) -> None:
        """Say goodbye."""


class Finding(Protocol):
    """Knows who is announced at the moment."""

    def seen(self) -> tuple[Seen, ...]:
        """Return those, by name."""

    def close(self) -> None:
        """Stop listening."""


class Silent:
    """Implements both for ``network.discovery: false``: nobody is told, nobody is found."""

    def say(self, notice: Notice) -> None:
        """Say nothing."""

    def hush(self) -> None:
        """Say nothing."""

    def seen(self) -> tuple[Seen, ...]:
        return ()

    def close(self) -> None:
        """Nothing was open."""
