"""What an office is made of: who the cluster is, its nodes, and whom a batch belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from orchestrator.errors import Forbidden, NotThere
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.cluster import Cluster
from orchestrator.model.talk import Client, Leaving, NodeView, Role

NAMED_MAX = 5

_ORDER = tuple(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What a controller knows of itself when it starts."""

    name: str  #: of its cluster
    id: str  #: of its cluster
    version: str  #: of orchestrator
    kind: str = "managed"  #: until something is applied
    address: str = ""  #: ``host:port`` of the API
    scheduler: str = ""
    expires: str = ""  #: when the first of its certificates ends; ISO 8601
    alarms: tuple[str, ...] = ()  #: of certificates whose end is near (T12)
    log: Path = Path("controller.log")
    strangers: tuple[str, ...] = ()  #: distributions of plugins that are installed and not ours


class Nodes(Protocol):
    """The fleet, as far as people have to do with it.  May be called from any thread."""

    def views(self) -> Sequence[NodeView]:
        """Return the nodes as they stand, free ones that were seen included."""

    def want(self, cluster: Cluster) -> None:
        """Make these the nodes; the same again mends what has drifted."""

    def pause(self, name: str, leaving: Leaving) -> None:
        """Give a node no new work."""

    def resume(self, name: str) -> None:
        """Give it work again, and try again what was given up."""

    def lost(self, name: str) -> None:
        """Take a silent node's work back at once."""

    def trust(self, name: str, fingerprint: str) -> None:
        """Take a host key for a node's, and try again.  Refusal where it has another."""

    def leave(self, leaving: Leaving) -> None:
        """Drain and clear every node, then end the controller."""

    def log(self, name: str) -> str:
        """Return the end of an agent's log.  NodeError where it cannot be had."""


def need(who: Client, role: Role) -> None:
    """Raise Forbidden unless a client's role is this one or above it."""
    if _ORDER.index(who.role) < _ORDER.index(role):
        raise Forbidden(f"role {who.role.value}: this takes {role.value}; log in as that")


def sees(who: Client, owner: str) -> bool:
    """Whether a client may see and change a batch of `owner`: its own, an administrator any."""
    return who.role is Role.ADMIN or (who.role is Role.USER and owner == who.owner)


def own_batch(ledger: Ledger, who: Client, id: str) -> str:
    """Return the batch that `id` belongs to.

    NotThere if there is none, Forbidden if it is another client's (F-ACC-4).
    """
    need(who, Role.USER)
    batch = id.partition("/")[0]
    owner = ledger.owner(batch)
    if owner is None:
        known = [each.id for each in ledger.standings() if sees(who, each.owner)]
        raise NotThere(f"{id!r}: no such batch; {near(batch, known)}")
    if not sees(who, owner):
        raise Forbidden(f"batch {batch}: it is another client's; ask an administrator")
    return batch


def near(id: str, known: Sequence[str]) -> str:
    """Say what else there is."""
    if close := get_close_matches(id, known, n=3):
        return f"did you mean {' or '.join(close)}?"
    newest = known[-NAMED_MAX:]
    return f"there are: {', '.join(newest)}" if newest else "there is none yet"
