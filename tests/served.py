"""The API behind real sockets, with certificates of an authority of its own."""

from contextlib import contextmanager
from pathlib import Path

from fake_front import FakeDoor, FakeFront

from orchestrator.controller.authority import Authority
from orchestrator.model.wire import SERVER_NAME
from orchestrator.web.app import application
from orchestrator.web.guard import Bounds
from orchestrator.web.listen import Address, Certificate
from orchestrator.web.serve import Listening, Server

LOOPBACK = "127.0.0.1"


class Served:
    """A server on a unix socket and on TLS, and what stands behind it."""

    def __init__(self, folder: Path, bounds: Bounds | None = None, name: str = SERVER_NAME):
        self.front, self.door = FakeFront(), FakeDoor()
        self.authority = Authority.at(folder / "ca", "studio")
        self.pem = self.authority.pem.decode()
        self.files = self.authority.issue(folder / "tls", "controller", [name])
        self.socket = folder / "api.sock"
        bounds = bounds or Bounds()
        self.server = Server(
            application(self.front, self.door, lambda: self.pem, bounds),
            Listening(
                local=self.socket,
                address=Address(host=LOOPBACK, ports=range(1)),
                certificate=Certificate(cert=self.files.certificate, key=self.files.key),
                bounds=bounds,
            ),
        )

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.server.port}"


@contextmanager
def serving(folder: Path, bounds: Bounds | None = None, name: str = SERVER_NAME):
    served = Served(folder, bounds, name)
    served.server.start()
    try:
        yield served
    finally:
        served.server.stop()
