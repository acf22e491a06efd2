"""Where the API listens: sockets bound before anything is served, and TLS for all but loopback."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import ssl
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import Refusal

BACKLOG = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen for clients of other computers."""

    host: str  #: an address or a name; ``0.0.0.0`` or ``::`` for all
    ports: Sequence[int]  #: the first free one is taken; 0: the system picks


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Files of the controller's own certificate; they may be renewed in place."""

    cert: Path  #: PEM, its chain behind it
    key: Path


def is_loopback(host: str) -> bool:
    """Whether this address can only be reached from this computer.

    A name is not: what it stands for may change, and `localhost` may be anything.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bind(address: Address) -> socket.socket:
    """Return a bound socket; Refusal if the host is not ours or no port of the range is free."""
    family, host = _resolved(address.host)
    for port in address.ports:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name == "posix":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
            sock.bind((host, port))
            sock.listen(BACKLOG)
        except OSError as error:
            sock.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise Refusal(
                    f"address {address.host}: {error.strerror}; name one of this computer's"
                ) from error
        else:
            return sock
    raise Refusal(
        f"ports {address.ports[0]} to {address.ports[-1]} of {address.host}: none is free; "
        "give `network.ports` another range"
    )


def bind_local(path: Path) -> socket.socket:
    """Return a bound unix socket that only its owner can open; Refusal where there can be none."""
    if sys.platform == "win32":
        raise Refusal("a local socket: this system has none; use `controller: {host: 127.0.0.1}`")
    if len(os.fsencode(path)) > 100:
        raise Refusal(f"local socket {path}: its path is too long; name a shorter --state")
    _clear(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        sock.bind(os.fspath(path))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise Refusal(f"local socket {path}: {error.strerror}; name another --state") from error
    finally:
        os.umask(before)
    os.chmod(path, 0o600)
    return sock


def _clear(path: Path) -> None:
    """Remove a socket that nobody answers at; Refusal if somebody does."""
    if sys.platform == "win32" or not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return
    raise Refusal(f"local socket {path}: another controller answers there; stop that first")


def tls(certificate: Certificate) -> ssl.SSLContext:
    """Return a server's context: TLS 1.2 at least; Refusal if the files are not there or do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION
    load(context, certificate)
    return context


def load(context: ssl.SSLContext, certificate: Certificate) -> None:
    """Take the certificate as its files are now; who is connected keeps the former."""
    try:
        context.load_cert_chain(certificate.cert, certificate.key)
    except (OSError, ssl.SSLError) as error:
        raise Refusal(
            f"certificate {certificate.cert}: {error}; `orchestrator apply` makes a new one"
        ) from error


def demand_tls(hosts: Iterable[str], certificate: Certificate | None) -> None:
    """Refuse to listen without TLS on what other computers can reach (T12)."""
    for host in hosts:
        if certificate is None and not is_loopback(host):
            raise Refusal(
                f"address {host}: other computers can reach it, and there is no certificate; "
                "the API does not listen there without TLS"
            )


def _resolved(host: str) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Refusal(f"address {host}: {error.strerror}; name one of this computer's") from error
    family, _, _, _, place = found[0]
    return family, str(place[0])
