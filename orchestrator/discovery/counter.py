"""Where a free node is claimed: its own end of the conversation in `claim` (F-MAN-4, T10)."""

from __future__ import annotations

import logging
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from orchestrator.discovery import wire
from orchestrator.discovery.claim import PEM_CHARS_MAX, WORDS_CHARS_MAX, Claimant, Joining, Lock
from orchestrator.discovery.protocol import Notice
from orchestrator.discovery.wire import Garbled, Wire
from orchestrator.errors import OrchestratorError, Refusal
from orchestrator.model.codec import dump, load

log = logging.getLogger(__name__)

TALKS_MAX = 8
TALKS_PER_ADDRESS = 4
PROOF_LIMIT_S = 5.0
"""For TLS, hello and proof: what a stranger may take of our time."""

BACK_OFF_MOST_S = 60.0
ADDRESSES_MAX = 1000
SWEEP_S = 1.0


class Desk(Protocol):
    """What the node does about claims.  Called from several threads."""

    def notice(self) -> Notice:
        """Return who we are, and who has us."""

    def reserve(self, claimant: Claimant) -> str:
        """Hold the node for `claimant`, the first who comes; else return why not, in a sentence."""

    def request(self, claimant: Claimant) -> bytes:
        """Return a certificate request (PEM) for a new key; OrchestratorError, OSError."""

    def join(self, claimant: Claimant, joining: Joining) -> None:
        """Become a node of the cluster; Refusal, OSError where that cannot be."""

    def release(self, claimant: Claimant) -> None:
        """Free the node again: the claim came to nothing."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens the node; of a password its key by argon2id, 32 bytes."""

    service: bytes | None = field(default=None, repr=False)
    maker: bytes | None = field(default=None, repr=False)
    is_open: bool = False

    @property
    def lock(self) -> Lock:
        """What is asked for: a password where there is one."""
        if self.service is not None:
            return Lock.SERVICE
        return Lock.OPEN if self.is_open else Lock.MAKER

    @property
    def key(self) -> bytes:
        """The key; where there is none, one that nobody knows."""
        if self.service is not None:
            return self.service
        if self.is_open:
            return wire.OPEN_KEY
        return self.maker if self.maker is not None else secrets.token_bytes(wire.KEY_BYTES)


class Patience:
    """How long an address that proved nothing has to wait: 1 s, 2 s, … 60 s (T10)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._faults: dict[str, tuple[int, float]] = {}  #: address -> how many, until when

    def admits(self, address: str) -> bool:
        """Whether it may try now."""
        with self._lock:
            _, until = self._faults.get(address, (0, 0.0))
            return self._clock() >= until

    def fault(self, address: str) -> None:
        """Count a proof that was none."""
        with self._lock:
            count, _ = self._faults.pop(address, (0, 0.0))
            wait_s = min(BACK_OFF_MOST_S, 2.0 ** min(count, 16))
            self._faults[address] = (count + 1, self._clock() + wait_s)
            while len(self._faults) > ADDRESSES_MAX:
                self._faults.pop(next(iter(self._faults)))

    def forgive(self, address: str) -> None:
        """Forget an address's faults: it has proved that it knows the key."""
        with self._lock:
            self._faults.pop(address, None)


@dataclass(eq=False, slots=True)
class _Talk:
    sock: socket.socket
    address: str
    until: float


class Counter:
    """Listens for claims from `open` to `close`."""

    def __init__(
        self,
        desk: Desk,
        keys: Keys,
        certificate: Path,
        key: Path,
        patience: Patience | None = None,
    ) -> None:
        """`certificate`, `key`: PEM files of the node's own; OSError where they cannot be used."""
        self._desk = desk
        self._keys = keys
        self._context = wire.server_context(certificate, key)
        self._seen = wire.seen_by_server(certificate)
        self._patience = patience or Patience()
        self._lock = threading.Lock()
        self._talks: dict[_Talk, threading.Thread] = {}
        self._is_closed = False

    def open(self, host: str = "", ports: Iterable[int] = (0,)) -> int:
        """Listen on the first free one of `ports` (0: any), and return it.

        Raises OrchestratorError if none is free.
        """
        self._server = listening(host, ports)
        self._wake, self._bell = socket.socketpair()
        self._thread = threading.Thread(target=self._listen, name="claims", daemon=True)
        self._thread.start()
        return int(self._server.getsockname()[1])

    def close(self) -> None:
        """Stop listening, and hang up on everybody."""
        self._is_closed = True
        self._bell.send(b".")
        self._thread.join()
        with self._lock:
            talks = dict(self._talks)
        for talk, thread in talks.items():
            _hang_up(talk.sock)
            thread.join()
        for sock in (self._server, self._wake, self._bell):
            sock.close()

    def _listen(self) -> None:
        while not self._is_closed:
            with self._lock:
                wait_s = SWEEP_S if self._talks else None
            ready, _, _ = select.select([self._server, self._wake], [], [], wait_s)
            self._sweep()
            if self._server in ready and not self._is_closed:
                with suppress(OSError):
                    self._admit(*self._server.accept())

    def _sweep(self) -> None:
        """Hang up on who has had his time; a handshake may trickle for ever."""
        with self._lock:
            late = [talk for talk in self._talks if time.monotonic() > talk.until]
        for talk in late:
            _hang_up(talk.sock)

    def _admit(self, sock: socket.socket, address: tuple[str, int]) -> None:
        talk = _Talk(sock, address[0], time.monotonic() + PROOF_LIMIT_S)
        with self._lock:
            same = sum(each.address == talk.address for each in self._talks)
            if len(self._talks) >= TALKS_MAX or same >= TALKS_PER_ADDRESS:
                sock.close()
                return
            thread = threading.Thread(target=self._talk, args=(talk,), name="claim", daemon=True)
            self._talks[talk] = thread
        thread.start()

    def _talk(self, talk: _Talk) -> None:
        try:
            talk.sock.settimeout(PROOF_LIMIT_S)
            secured = self._context.wrap_socket(
                talk.sock, server_side=True, do_handshake_on_connect=False
            )
            talk.sock = secured
            secured.do_handshake()
            self._serve(talk)
        except (Garbled, OSError, ValueError) as error:
            log.debug("claim from %s: %s", talk.address, error, extra={"action": "claim_ended"})
        finally:
            with self._lock:
                del self._talks[talk]
            with suppress(OSError):
                talk.sock.close()

    def _serve(self, talk: _Talk) -> None:
        line = Wire(talk.sock, PROOF_LIMIT_S)
        if not self._patience.admits(talk.address):
            line.send({"refused": "later"})
            return
        if not self._is_proven(line):
            self._patience.fault(talk.address)
            log.warning("claim from %s: wrong proof", talk.address, extra={"action": "claim_wrong"})
            line.send({"refused": "proof"})
            return
        self._patience.forgive(talk.address)
        talk.until = time.monotonic() + wire.TALK_LIMIT_S
        self._grant(line.more(wire.TALK_LIMIT_S))

    def _is_proven(self, line: Wire) -> bool:
        """Say hello, take the other's proof and answer with ours."""
        ours, key = wire.nonce(), self._keys.key
        hello = {"notice": dump(self._desk.notice()), "lock": self._keys.lock.value, "nonce": ours}
        line.send(hello)
        said = line.receive()
        nonces = (ours, wire.text_of(said, "nonce"))
        wanted = wire.proof(key, "cluster", nonces, self._seen)
        if not wire.is_proof(wire.text_of(said, "proof"), wanted):
            return False
        line.send({"proof": wire.proof(key, "node", nonces, self._seen)})
        return True

    def _grant(self, line: Wire) -> None:
        said = line.receive()
        claimant = Claimant(wire.text_of(said, "cluster", 100), wire.text_of(said, "id", 100))
        if why := self._desk.reserve(claimant):
            line.send({"refused": why[:WORDS_CHARS_MAX]})
            return
        is_joined = False
        try:
            line.send({"request": self._desk.request(claimant).decode("ascii")})
            self._desk.join(claimant, _joining(line.receive()))
            is_joined = True
        except (Refusal, OSError) as error:
            line.send({"refused": str(error)[:WORDS_CHARS_MAX]})
        finally:
            if not is_joined:
                self._desk.release(claimant)
        if is_joined:
            log.info("claimed by %s", claimant.cluster, extra={"action": "claimed"})
            line.send({"joined": True})


def listening(host: str, ports: Iterable[int]) -> socket.socket:
    """Return a socket that listens on the first free port; OrchestratorError if there is none."""
    last: OSError | None = None
    for port in ports:
        try:
            return socket.create_server((host, port), backlog=TALKS_MAX)
        except OSError as error:
            last = error
    raise OrchestratorError(f"claims: no port can be listened on: {last}; see network.ports")


def _joining(said: dict[str, object]) -> Joining:
    wire.text_of(said, "certificate", PEM_CHARS_MAX)
    wire.text_of(said, "authority", PEM_CHARS_MAX)
    try:
        return load(Joining, said)
    except (ValueError, TypeError, AttributeError) as error:
        raise Garbled(f"not to be joined with: {error}") from error


def _hang_up(sock: socket.socket) -> None:
    """Wake up who waits on it; not by SSLSocket's own, which lets go of what its thread uses."""
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
