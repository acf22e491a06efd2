"""A computer on which controllers run, over SSH: installed, started and reached (F-CLI-1).

The local socket of a controller is led here: what goes through is the API as its administrator has
it there: who may log in as that user may open that socket.  Secrets go this way and no other (T11).
"""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import NodeError, Refusal
from orchestrator.model.codec import load
from orchestrator.remote.exchange import Duplex
from orchestrator.remote.machine import Machine
from orchestrator.remote.protocol import Host
from orchestrator.remote.ssh import SshShell

FOLDER = "controller"
"""Where the runtimes of controllers are, in the state folder of their user there."""

SERVE_LIMIT_S = 240.0
"""To stop a controller, and for another to answer."""

PIECE_BYTES = 64 << 10

BACKLOG = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """How a cluster's controller stands there."""

    runtime: str  #: digest of what it was last started with; empty: it never was from elsewhere
    version: str  #: of orchestrator in that
    runs: bool  #: whether it answers
    ran: bool  #: whether it has a ledger


class Hosted(Machine):
    """The computer of one cluster's controller.

    Each method ends in some minutes, and raises Unreachable or Rejected with a sentence.
    """

    def __init__(self, cluster: str, host: Host, known: Path | None = None) -> None:
        self._cluster = cluster
        self._shell = SshShell(host, known)
        super().__init__(host.name, self._shell, folder=FOLDER)

    def stands(self) -> Stands:
        """Look how the controller stands; changes nothing."""
        return load(Stands, self._call("stands", cluster=self._cluster))

    def serve(self, runtime: str, version: str) -> bool:
        """Have the controller run with this runtime, and wait until it answers.

        One of another runtime is stopped first; what nodes run goes on.  False: it ran so already.
        """
        more = {"cluster": self._cluster, "runtime": runtime, "version": version}
        return not self._call("serve", SERVE_LIMIT_S, **more)["was"]

    def retire(self) -> None:
        """Stop the controller, and remove what it ran with; its ledger stays."""
        self._call("retire", SERVE_LIMIT_S, cluster=self._cluster)

    @contextmanager
    def relayed(self) -> Iterator[Path]:
        """Lend a local socket that leads to that of the controller, for as long as this is open."""
        if sys.platform == "win32":
            raise Refusal("a local socket: this system has none; apply from another computer")
        with tempfile.TemporaryDirectory(prefix="orchestrator-") as folder:  # its owner's alone
            path = Path(folder, "api.sock")
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
                door.bind(str(path))
                door.listen(BACKLOG)
                relay = _Relay(door, self._led)
                relay.start()
                try:
                    yield path
                finally:
                    relay.stop()

    def _led(self) -> Duplex:
        """Return a new way to the controller's socket."""
        return self._talk.open(self._shell, "relay", {**self._same, "cluster": self._cluster})


class _Relay:
    """Leads each connection of a socket on, when its first byte has come: a knock is none."""

    def __init__(self, door: socket.socket, lead: Callable[[], Duplex]) -> None:
        self._door = door
        self._lead = lead
        self._alone = threading.Lock()
        self._ends = set[socket.socket | Duplex]()

    def start(self) -> None:
        """Take connections from now on."""
        self._begin(self._take)

    def stop(self) -> None:
        """Cut them all."""
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        for end in tuple(self._ends):
            _cut(end)

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                self._ends.add(near)
                self._begin(self._serve, near)

    def _serve(self, near: socket.socket) -> None:
        with suppress(OSError, NodeError):  # whoever asked sees a connection that broke off
            if first := near.recv(PIECE_BYTES):
                with self._alone:
                    far = self._lead()
                self._ends.add(far)
                far.sendall(first)
                self._begin(_carry, far, near)
                _carry(near, far)
                self._ends.discard(far)
        _cut(near)
        self._ends.discard(near)

    def _begin(self, what: Callable[..., None], *args: object) -> None:
        threading.Thread(target=what, args=args, name="relay", daemon=True).start()


def _carry(source: socket.socket | Duplex, sink: socket.socket | Duplex) -> None:
    """Carry bytes until there are no more, then cut both ends."""
    with suppress(OSError, EOFError):
        while piece := source.recv(PIECE_BYTES):
            sink.sendall(piece)
    _cut(source)
    _cut(sink)


def _cut(end: socket.socket | Duplex) -> None:
    with suppress(OSError, EOFError):
        if isinstance(end, socket.socket):
            end.shutdown(socket.SHUT_RDWR)  # who reads it stops
    with suppress(OSError, EOFError):
        end.close()
