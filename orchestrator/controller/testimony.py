"""Agents as witnesses of the ledger: each tells the newest lease that it was given.

A ledger that has no such event was put back from an older copy, with its own witness, or has lost
its end; who goes on with it would give out again what is done.  A lease comes with a proof, so that
a node which only says so stops nobody (T13).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.controller.secretfile import read_secrets, write_secrets
from orchestrator.errors import LedgerDamaged
from orchestrator.ledger.connection import recovery
from orchestrator.ledger.events import BEHIND, LEASED, RECOVERED
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.node import Member, Report, Seen


@dataclass(slots=True)
class Hearing:
    """Asks the ledger for each lease once."""

    key: bytes = field(default=b"", repr=False)
    cluster: str = "this-computer"
    _is_begun: bool = False
    _heard: dict[str, Seen] = field(default_factory=dict)  #: node -> what was looked up last

    def hear(self, ledger: Ledger, listed: Mapping[Member, Report]) -> None:
        """Raise LedgerDamaged where a node was given a lease that the ledger does not know."""
        if not self._is_begun:
            check_not_behind(ledger, self.cluster)
            self._is_begun = True
        for member, report in listed.items():
            seen = report.seen
            if seen is None or seen.ledger != ledger.id or self._heard.get(member.node) == seen:
                continue
            if not self._is_proven(seen):
                continue
            if _lacks(ledger, seen) and not _is_known(ledger, seen):
                _refuse(ledger, self.cluster, member.node, seen)
            self._heard[member.node] = seen

    def _is_proven(self, seen: Seen) -> bool:
        proof = lease_proof(self.key, seen.ledger, seen.epoch, seen.lease)
        return hmac.compare_digest(seen.proof.encode("utf-8", "replace"), proof.encode())


def check_not_behind(ledger: Ledger, cluster: str) -> None:
    """Raise LedgerDamaged for one that was found to be an older copy, until it is recovered."""
    _, known = ledger.news(0, frozenset({RECOVERED}))
    _, found = ledger.news(known[-1].seq if known else 0, frozenset({BEHIND}), 1)
    if found:
        raise _damaged(ledger, cluster, found[0].data)


def lease_proof(key: bytes, ledger: str, epoch: int, lease: int) -> str:
    """Return what only the holder of the key can say of a lease."""
    return hmac.digest(key, f"{ledger} {epoch} {lease}".encode(), "sha256").hex()


def lease_key(file: Path) -> bytes:
    """Return the key of a cluster's leases, made once.  Raises as `read_secrets`."""
    known = read_secrets(file, lambda data: bytes.fromhex(data["key"]))
    if known is None:
        known = secrets.token_bytes(32)
        write_secrets(file, {"key": known.hex()})
    return known


def _is_known(ledger: Ledger, seen: Seen) -> bool:
    """Whether a person knows that the lease is lost: the ledger was recovered since."""
    _, told = ledger.news(0, frozenset({RECOVERED}))
    return any(int(str(event.data.get("epoch", 0))) >= seen.epoch for event in told)


def _lacks(ledger: Ledger, seen: Seen) -> bool:
    """Whether the lease is not in the ledger, or another event is in its place.

    Who goes on with an older copy writes events, too: its start is one, and every refusal.
    """
    found = ledger.events(after=seen.lease - 1, limit=1)
    if not found:
        return True
    event = found[0]
    if event.seq > seen.lease:  # it has left the history
        return False
    return event.kind != LEASED or event.epoch > seen.epoch


def _refuse(ledger: Ledger, cluster: str, node: str, seen: Seen) -> None:
    told = {"node": node, "seq": seen.lease, "epoch": seen.epoch}
    ledger.note(BEHIND, ledger.id, told)
    raise _damaged(ledger, cluster, told)


def _damaged(ledger: Ledger, cluster: str, told: Mapping[str, object]) -> LedgerDamaged:
    given = f"node {told['node']!r} was given work by event {told['seq']} of epoch {told['epoch']}"
    return LedgerDamaged(
        f"ledger {ledger.id}: {given}, and it has no such event: it is an older copy; nothing more "
        f"is done; {recovery(cluster)}"
    )
