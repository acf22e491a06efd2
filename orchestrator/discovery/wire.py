"""Lines of JSON over a TLS socket, bounded in size and time, and the proof that binds both ends.

Neither end has a certificate that the other could check.  Both know a key, and each shows so by an
HMAC over its role, both nonces and the fingerprint of the node's TLS certificate *as it sees it*:
whoever stands between the two has another certificate, and cannot make either proof.  Roles keep a
proof from being sent back, nonces from being sent again (T12, T13).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import socket
import ssl
import time
from collections.abc import Mapping
from pathlib import Path

from orchestrator.errors import OrchestratorError

LINE_BYTES_MAX = 64 << 10
TALK_LIMIT_S = 20.0
"""For a whole conversation."""

NONCE_BYTES = 32
KEY_BYTES = 32
OPEN_KEY = bytes(KEY_BYTES)
"""What everybody knows: of a node with ``access: {open: true}``."""

_READ_BYTES = 16 << 10


class Garbled(OrchestratorError):
    """What came is not what was to come: too long, too late, no JSON, cut off."""


class Wire:
    """One end of a conversation."""

    def __init__(self, sock: socket.socket, limit_s: float = TALK_LIMIT_S) -> None:
        self._sock = sock
        self._until = time.monotonic() + limit_s
        self._rest = b""

    def more(self, limit_s: float) -> Wire:
        """Grant `limit_s` from now on."""
        self._until = time.monotonic() + limit_s
        return self

    def send(self, message: Mapping[str, object]) -> None:
        """Send one message; raises Garbled where the other end is gone."""
        self._patience()
        try:
            self._sock.sendall(json.dumps(message).encode() + b"\n")
        except (OSError, ValueError) as error:
            raise Garbled(f"the other end is gone: {error}") from error

    def receive(self) -> dict[str, object]:
        """Return the next message; raises Garbled."""
        while b"\n" not in self._rest:
            if len(self._rest) > LINE_BYTES_MAX:
                raise Garbled(f"a line of more than {LINE_BYTES_MAX} bytes")
            self._patience()
            try:
                data = self._sock.recv(_READ_BYTES)
            except (OSError, ValueError) as error:
                raise Garbled(f"nothing came: {error}") from error
            if not data:
                raise Garbled("the other end hung up")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return _parsed(line)

    def _patience(self) -> None:
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise Garbled("it took too long")
        self._sock.settimeout(left_s)


def text_of(message: Mapping[str, object], key: str, size: int = 1000) -> str:
    """Return a text of a message; raises Garbled if there is none, or it is too long."""
    value = message.get(key)
    if not isinstance(value, str) or len(value) > size:
        raise Garbled(f"{key}: no text of at most {size} characters")
    return value


def nonce() -> str:
    """Return what was never said before."""
    return secrets.token_hex(NONCE_BYTES)


def proof(key: bytes, role: str, nonces: tuple[str, str], seen: bytes) -> str:
    """Return what shows that `role` knows `key`; `nonces`: the node's, the cluster's; `seen`: the
    fingerprint of the node's certificate.
    """
    said = b"".join(
        len(part).to_bytes(4, "big") + part
        for part in (b"orchestrator claim 1", role.encode(), *(n.encode() for n in nonces), seen)
    )
    return hmac.new(key, said, hashlib.sha256).hexdigest()


def is_proof(said: str, wanted: str) -> bool:
    """Whether the two are the same, found in the same time whatever they are."""
    return hmac.compare_digest(said.encode(), wanted.encode())


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the TLS of a free node; OSError (ssl.SSLError) where the files cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    return context


def client_context() -> ssl.SSLContext:
    """Return the TLS of who claims: the certificate is judged by the proof, not by a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def seen_by_server(certificate: Path) -> bytes:
    """Return the fingerprint of our own certificate; OSError, ValueError."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text("ascii"))).digest()


def seen_by_client(sock: ssl.SSLSocket) -> bytes:
    """Return the fingerprint of the certificate at the other end; Garbled if there is none."""
    certificate = sock.getpeercert(binary_form=True)
    if not certificate:
        raise Garbled("the node showed no certificate")
    return hashlib.sha256(certificate).digest()


def _parsed(line: bytes) -> dict[str, object]:
    if len(line) > LINE_BYTES_MAX:
        raise Garbled(f"a line of more than {LINE_BYTES_MAX} bytes")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Garbled(f"no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Garbled("no JSON object")
    return value
