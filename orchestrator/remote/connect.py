"""The only place that opens an SSH connection, because none may be opened without its rules.

The library below takes any host key and reads strangers' configuration; here every key is judged,
on every hop, before a password or key of ours is used and long before a command (T01).
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import paramiko
from fabric import Config, Connection
from paramiko.ssh_exception import IncompatiblePeer

from orchestrator.errors import NodeError, Rejected, Unreachable
from orchestrator.remote.known import (
    FAMILIES,
    Entry,
    Judge,
    WrongKey,
    families,
    fingerprint,
    is_fingerprint,
    known_of,
    remember,
)
from orchestrator.remote.protocol import Host
from orchestrator.remote.watchdog import Guarded

STEP_LIMIT_S = 5
"""For each of: connection, banner, keys, letting us in."""

KEEPALIVE_S = 2
SILENCE_MS = 5000
"""Unacknowledged for so long, Linux gives a connection up."""

_LOG = "orchestrator.remote.wire"
_TROUBLES = (paramiko.SSHException, OSError, EOFError)
_PROHIBITED = 1  #: RFC 4254: SSH_OPEN_ADMINISTRATIVELY_PROHIBITED
_NOTHING: dict[str, Any] = {
    "load_ssh_configs": False,
    "forward_agent": False,
    "run": {"hide": True, "warn": True, "pty": False, "in_stream": False},
}

Held = Callable[[socket.socket], None]
"""Is given the socket as soon as there is one, so that a watchdog can close it."""


def _unheld(_: socket.socket) -> None:
    """Nobody watches."""


class Line(Connection):  # type: ignore[misc]  # fabric has no types
    """A connection and the hops that it goes through: closed together."""

    def session(self) -> paramiko.Channel:
        """Return a channel for one command; raises SSHException, OSError, EOFError."""
        return self._wire().open_session(timeout=STEP_LIMIT_S)

    def led_on(self, where: tuple[str, int]) -> paramiko.Channel:
        """Return a channel to another machine, as that host sees it; raises as `session`."""
        wire = self._wire()
        return wire.open_channel("direct-tcpip", where, ("", 0), timeout=STEP_LIMIT_S)

    def watch(self) -> None:
        """Have it noticed when the other end is gone."""
        self._wire().set_keepalive(KEEPALIVE_S)

    def _wire(self) -> paramiko.Transport:
        wire: paramiko.Transport | None = self.transport
        if wire is None or not wire.is_active():
            raise EOFError("the connection is closed")
        return wire

    def close(self) -> None:
        """Close it, and all that leads to it; nothing is raised."""
        with suppress(paramiko.SSHException, OSError, EOFError):
            self.client.close()
        if (via := getattr(self, "via", None)) is not None:
            via.close()


def connect(to: Host, known: Path | None = None, held: Held = _unheld) -> Line:
    """Return an open connection to `to`, through its jump hosts.

    `known`: the cluster's own known_hosts, beside the user's.  Raises Unreachable, or Rejected
    (WrongKey where a host did not prove who it is).  Each hop may take 20 s: see `Guarded`.
    """
    line: Line | None = None
    for hop in (*to.jumps, to):
        try:
            line = _hop(_Way(to.name, hop, line, held), known)
        except BaseException:
            if line is not None:
                line.close()
            raise
    assert line is not None
    return line


def trust(to: Host, known: Path, wanted: str) -> None:
    """Write the host key with the fingerprint `wanted` into `known`, if the host shows it.

    The way there is guarded as any other; nobody logs in at the host itself.  Raises Rejected where
    it shows another, or the user's own known_hosts names another; Unreachable; OSError.
    """
    if not is_fingerprint(wanted):
        raise Rejected(to.name, f"{wanted!r} is no fingerprint; wanted: SHA256: and 43 characters")
    sockets: list[socket.socket] = []
    guarded = Guarded(to.name, lambda: cut(sockets))
    shown = [guarded.run(partial(_shown, to, known, family, sockets.append)) for family in FAMILIES]
    keys = [key for key in shown if key is not None]
    key = next((key for key in keys if fingerprint(key) == wanted), None)
    if key is None:
        seen = ", ".join(f"{key.get_name()} {fingerprint(key)}" for key in keys) or "none"
        raise Rejected(to.name, f"it has no host key {wanted}, but {seen}; nothing was trusted")
    mine = known_of(to, None)
    if mine and not any(entry.key == each.asbytes() for entry in mine for each in keys):
        raise Rejected(to.name, f"another host key stands in {mine[0]}; remove that line first")
    remember(to, known, key)


def cut(sockets: list[socket.socket]) -> None:
    """Close sockets at once, whoever waits for them."""
    while sockets:
        sock = sockets.pop()
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()


@dataclass(frozen=True, slots=True)
class _Way:
    """One hop of the way to a node."""

    node: str
    to: Host
    via: Line | None
    held: Held

    def __str__(self) -> str:
        jump = "" if self.to.name == self.node else f"jump host {self.to.name!r} at "
        return f"{jump}{self.to.address}:{self.to.port}"

    def socket(self) -> socket.socket | paramiko.Channel:
        """Return a new way to carry bytes there."""
        where = (self.to.address, self.to.port)
        if self.via is not None:
            return self.via.led_on(where)
        sock = socket.create_connection(where, STEP_LIMIT_S)
        self.held(sock)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; elsewhere only the watchdog helps
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_MS)
        return sock


def _shown(to: Host, known: Path, family: tuple[str, ...], held: Held) -> paramiko.PKey | None:
    """Return the host key of one kind that a host shows; None: it has none of that kind."""
    before = replace(to.jumps[-1], name=to.name, jumps=to.jumps[:-1]) if to.jumps else None
    way = _Way(to.name, to, None if before is None else connect(before, known, held), held)
    transport: paramiko.Transport | None = None
    try:
        transport = _Offer(family)(way.socket())
        transport.banner_timeout = STEP_LIMIT_S
        transport.start_client(timeout=STEP_LIMIT_S)
        return transport.get_remote_server_key()
    except IncompatiblePeer:
        return None
    except _TROUBLES as error:
        raise _sentence(way, error) from error
    finally:
        if transport is not None:
            transport.close()
        if way.via is not None:
            way.via.close()


def _hop(way: _Way, known: Path | None) -> Line:
    """Connect to one host."""
    entries = known_of(way.to, known)
    wrong: WrongKey | None = None
    for family in families(way.to, entries):
        try:
            return _opened(way, entries, family)
        except WrongKey as error:
            wrong = wrong or error
        except IncompatiblePeer as error:  # it may have no key of this kind
            if not way.to.host_key:
                why = f"{way} has no way to encrypt in common with us: {error}"
                raise Rejected(way.node, why) from error
        except _TROUBLES as error:
            raise _sentence(way, error) from error
    raise wrong or Rejected(way.node, f"{way} shows no host key of a kind that we know")


def _opened(way: _Way, entries: Sequence[Entry], family: tuple[str, ...]) -> Line:
    keys = _keys(way)
    sock = way.socket()
    line = Line(
        way.to.address,
        user=way.to.user,
        port=way.to.port,
        config=Config(lazy=True, overrides=_NOTHING),
        connect_timeout=STEP_LIMIT_S,
        connect_kwargs={
            "sock": sock,
            "key_filename": keys,
            "look_for_keys": False,
            "allow_agent": way.to.agent,
            "banner_timeout": STEP_LIMIT_S,
            "auth_timeout": STEP_LIMIT_S,
            "channel_timeout": STEP_LIMIT_S,
            "transport_factory": _Offer(family),
        },
    )
    line.client.set_missing_host_key_policy(Judge(way.node, way.to, entries))
    try:
        line.open()
    except BaseException:
        line.close()
        sock.close()
        raise
    line.watch()
    line._set(via=way.via)
    return line


@dataclass(frozen=True, slots=True)
class _Offer:
    """Makes transports that ask a server for its keys in this order."""

    kinds: tuple[str, ...]

    def __call__(self, sock: Any, **more: Any) -> paramiko.Transport:  # as paramiko calls it
        transport = paramiko.Transport(sock, **more)
        logging.getLogger(_LOG).setLevel(logging.CRITICAL)  # what goes wrong is raised
        transport.set_log_channel(_LOG)
        transport.get_security_options().key_types = self.kinds
        return transport


def _keys(way: _Way) -> list[str]:
    """Return the private keys to try; a missing one is not worth a connection."""
    there = [key for key in way.to.keys if os.access(key, os.R_OK)]
    if not there and not way.to.agent:
        names = ", ".join(way.to.keys)
        why = f"no private key is there ({names})" if names else "there is no private key"
        advice = "name one as ssh.identityFile, or write ssh: {agent: true}"
        raise Rejected(way.node, f"{why} for {way.to.user}@{way}; {advice}")
    return there


def _sentence(way: _Way, error: Exception) -> NodeError:
    """Return what a trouble on the way means, and what to do."""
    if isinstance(error, paramiko.PasswordRequiredException):
        keys = ", ".join(way.to.keys)
        why = f"a private key has a passphrase ({keys}); give it to ssh-agent and write ssh: {{agent: true}}"
        return Rejected(way.node, why)
    if isinstance(error, paramiko.AuthenticationException) and "imeout" not in str(error):
        return Rejected(
            way.node,
            f"{way} does not let {way.to.user} in ({', '.join(way.to.keys) or 'SSH agent'}); add the "
            "public key to its authorized_keys, or correct ssh.user and ssh.identityFile",
        )
    if isinstance(error, paramiko.ChannelException):
        return _not_led_on(way, error)
    if isinstance(error, paramiko.SSHException | EOFError):
        said = str(error) or "it hung up"
        return Unreachable(
            way.node,
            f"{way} takes connections but does not speak SSH with us: {said}; is sshd well?",
        )
    return Unreachable(way.node, _of_network(way, error))


def _not_led_on(way: _Way, error: paramiko.ChannelException) -> NodeError:
    if error.code == _PROHIBITED:
        why = f"its jump host does not lead on to {way}; allow it there with AllowTcpForwarding"
        return Rejected(way.node, why)
    return Unreachable(way.node, f"its jump host does not reach {way}: {error.text}")


def _of_network(way: _Way, error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return f"no address is found for {way.to.address!r}; correct host, or the name service"
    if isinstance(error, ConnectionRefusedError):
        return f"{way} refuses connections; start sshd there, or correct ssh.port"
    if isinstance(error, TimeoutError):
        return f"{way} does not answer within {STEP_LIMIT_S} s; is it on, and no firewall between?"
    if isinstance(error, OSError) and error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
        return f"no way leads to {way}: {error.strerror}; is it on, and on this network?"
    return f"{way}: {error}"
