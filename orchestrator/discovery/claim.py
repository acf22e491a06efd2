"""How a cluster claims a free node, as the cluster sees it (F-MAN-4).

hello (node) → proof (cluster) → proof (node) → claim → granted, with a certificate request →
certificate, authority and settings → joined.  What both ends write is in `wire`; the node's end is
`counter`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from orchestrator.discovery import wire
from orchestrator.discovery.protocol import Notice, Seen
from orchestrator.discovery.wire import Garbled, Wire
from orchestrator.errors import Conflict, Rejected, Unreachable
from orchestrator.model.codec import dump, load
from orchestrator.model.node import AgentSettings

CONNECT_LIMIT_S = 3.0
PEM_CHARS_MAX = 16 << 10
WORDS_CHARS_MAX = 400


class Lock(Enum):
    """What a free node asks for before it is anybody's (F-ACC-8)."""

    SERVICE = "service"  #: the key made of its service password
    MAKER = "maker"  #: the key of the administrator who made it
    OPEN = "open"  #: nothing: anybody may run code there


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims."""

    cluster: str
    cluster_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """What a node is given to join with, for this time only."""

    certificate: str  #: PEM, of the key that the node has just made
    authority: str  #: PEM
    settings: AgentSettings


Sign = Callable[[Notice, bytes], Joining]
"""Is given what the node is and its certificate request (PEM)."""


def hello(place: tuple[str, int]) -> tuple[Notice, Lock]:
    """Return what the node at `place` says of itself; Unreachable where none does."""
    with _Call(place) as call:
        notice, lock, _ = call.greeted()
        return notice, lock


def seen(place: tuple[str, int]) -> Seen | None:
    """Return the free node at `place`, or None."""
    try:
        notice, _ = hello(place)
    except Unreachable:
        return None
    return Seen(notice=notice, host=place[0], address=place[0])


def claim(
    place: tuple[str, int],
    key_of: Callable[[Notice, Lock], bytes | None],
    claimant: Claimant,
    sign: Sign,
) -> Notice:
    """Claim the node at `place`, and have it join.

    `key_of` returns the key that the node may want, None where we have none.  Raises Conflict where
    another cluster has it or it grants nothing now, Rejected where it does not take our proof or we
    not its, Unreachable for anything else.
    """
    with _Call(place) as call:
        notice, lock, theirs = call.greeted()
        key = wire.OPEN_KEY if lock is Lock.OPEN else key_of(notice, lock)
        if key is None:
            raise Rejected(notice.name, _WANTS[lock])
        call.prove(notice, theirs, key)
        request = call.granted(notice, claimant)
        joining = sign(notice, request)
        call.joined(notice, joining)
        return notice


_WANTS = {
    Lock.SERVICE: "it wants the service password; set access.servicePassword of the cluster to its",
    Lock.MAKER: "only the administrator who made it may take it; give it a service password",
    Lock.OPEN: "it is open",
}


class _Call:
    """A conversation with a node; every fault of it is Unreachable."""

    def __init__(self, place: tuple[str, int]) -> None:
        self._name = f"{place[0]}:{place[1]}"
        self._place = place

    def __enter__(self) -> _Call:
        try:
            plain = socket.create_connection(self._place, CONNECT_LIMIT_S)
        except OSError as error:
            raise Unreachable(self._name, f"no answer: {error}") from error
        try:
            self._sock = wire.client_context().wrap_socket(plain)
        except (OSError, ValueError) as error:
            plain.close()
            raise Unreachable(self._name, f"no TLS: {error}") from error
        self._wire = Wire(self._sock)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        with suppress(OSError):
            self._sock.close()
        if isinstance(error, Garbled):
            raise Unreachable(self._name, str(error)) from error

    def greeted(self) -> tuple[Notice, Lock, str]:
        """Return who it is, what it wants, and its nonce."""
        said = self._wire.receive()
        if "refused" in said:
            raise Unreachable(self._name, "it was asked too often; it is asked again later")
        try:
            notice = load(Notice, said.get("notice"))
            lock = Lock(said.get("lock"))
        except (ValueError, TypeError, AttributeError) as error:
            raise Garbled(f"no node of ours: {error}") from error
        return notice, lock, wire.text_of(said, "nonce")

    def prove(self, notice: Notice, theirs: str, key: bytes) -> None:
        """Show that we know the key, and see that the node does."""
        ours = wire.nonce()
        seen = wire.seen_by_client(self._sock)
        nonces = (theirs, ours)
        self._wire.send({"nonce": ours, "proof": wire.proof(key, "cluster", nonces, seen)})
        said = self._wire.receive()
        if "refused" in said:
            why = "it does not take our service password; compare access.servicePassword of both"
            raise Rejected(notice.name, why)
        if not wire.is_proof(wire.text_of(said, "proof"), wire.proof(key, "node", nonces, seen)):
            why = "it does not know the service password, or somebody stands between; not taken"
            raise Rejected(notice.name, why)

    def granted(self, notice: Notice, claimant: Claimant) -> bytes:
        """Return its certificate request."""
        self._wire.send({"cluster": claimant.cluster, "id": claimant.cluster_id})
        said = self._wire.receive()
        if "refused" in said:
            raise Conflict(
                f"node {notice.name!r}: {wire.text_of(said, 'refused', WORDS_CHARS_MAX)}"
            )
        return wire.text_of(said, "request", PEM_CHARS_MAX).encode()

    def joined(self, notice: Notice, joining: Joining) -> None:
        """Give it what it joins with."""
        self._wire.send(dump(joining))
        said = self._wire.receive()
        if "refused" in said:
            raise Rejected(notice.name, wire.text_of(said, "refused", WORDS_CHARS_MAX))
