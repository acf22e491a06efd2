"""A machine that is reached over SSH."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import paramiko

from orchestrator.errors import Rejected, Unreachable
from orchestrator.remote.connect import Line, connect, cut
from orchestrator.remote.exchange import ANSWER_BYTES_MAX, Said
from orchestrator.remote.machine import FOLDER, Machine
from orchestrator.remote.protocol import Host
from orchestrator.remote.watchdog import Guarded

_READ_BYTES = 1 << 16


class SshShell:
    """Runs commands over one connection, opened when it is needed."""

    def __init__(self, host: Host, known: Path | None) -> None:
        self._host = host
        self._known = known
        self._line: Line | None = None
        self._sockets: list[socket.socket] = []
        self._guarded = Guarded(host.name, self._cut)

    def run(self, words: tuple[str, ...], parts: Iterable[bytes], limit_s: float) -> Said:
        """Run constant words; Unreachable after `limit_s`."""
        return self._guarded.run(lambda: self._run(shlex.join(words), parts), limit_s)

    def open(self, words: tuple[str, ...], parts: Iterable[bytes]) -> paramiko.Channel:
        """Run constant words and leave stdin and stdout open; Unreachable after 20 s."""
        return self._guarded.run(lambda: self._open(shlex.join(words), parts))

    def close(self) -> None:
        """Close the connection; nothing is raised."""
        line, self._line = self._line, None
        if line is not None:
            line.close()
        self._cut()

    def _run(self, command: str, parts: Iterable[bytes]) -> Said:
        try:
            with self._session() as channel:
                channel.set_combine_stderr(True)
                channel.exec_command(command)
                _give(channel, parts)
                return Said(text=self._heard(channel), code=channel.recv_exit_status())
        except (paramiko.SSHException, OSError, EOFError) as error:
            why = f"the connection broke off: {error or type(error).__name__}"
            raise Unreachable(self._host.name, why) from error

    def _open(self, command: str, parts: Iterable[bytes]) -> paramiko.Channel:
        try:
            channel = self._session()
            channel.exec_command(command)
            for part in parts:
                channel.sendall(part)
        except (paramiko.SSHException, OSError, EOFError) as error:
            why = f"the connection broke off: {error or type(error).__name__}"
            raise Unreachable(self._host.name, why) from error
        return channel

    def _session(self) -> paramiko.Channel:
        """Return a new channel; a connection that has died meanwhile is made anew."""
        if self._line is not None:
            with suppress(paramiko.SSHException, OSError, EOFError):
                return self._line.session()
            self.close()
        self._line = connect(self._host, self._known, self._sockets.append)
        return self._line.session()

    def _heard(self, channel: paramiko.Channel) -> bytes:
        heard = bytearray()
        while piece := channel.recv(_READ_BYTES):
            heard += piece
            if len(heard) > ANSWER_BYTES_MAX:
                why = f"prints more than {ANSWER_BYTES_MAX >> 20} MiB; quieten what its login shell runs"
                raise Rejected(self._host.name, why)
        return bytes(heard)

    def _cut(self) -> None:
        cut(self._sockets)


class SshRemote(Machine):
    """A `Remote` over SSH; nothing is connected before it is asked something."""

    def __init__(
        self,
        host: Host,
        known: Path | None = None,
        cluster_id: str = "",
        folder: str = FOLDER,
    ) -> None:
        """`known`: the cluster's own known_hosts.

        `cluster_id`: whose work this is, so that a machine of another cluster is left alone;
        `folder`: as for `Machine`.
        """
        super().__init__(host.name, SshShell(host, known), cluster_id, folder)


def _give(channel: paramiko.Channel, parts: Iterable[bytes]) -> None:
    """Send all; a command that does not want it has its own reason, which is read next."""
    try:
        for part in parts:
            channel.sendall(part)
        channel.shutdown_write()
    except OSError:
        if not channel.closed and not channel.exit_status_ready():
            raise
