"""Dask's classes as we need them.  Every name that is not documented API stands here or in `link`.

They are: `start_http_server`, `stream_comms`, `extra`, `handlers`, `blocked_handlers`; `link` adds
`stream_handlers` and `batched_stream`, `desk` `metrics`.  Each has a contract test of its own
(engine rule 5).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from distributed import Client, Scheduler, SchedulerPlugin, Security, Worker, get_worker, wait
from distributed.core import rpc

from orchestrator.engine.protocol import Table, TlsFiles
from orchestrator.errors import Rejected
from orchestrator.model.codec import canonical
from orchestrator.model.node import Member

log = logging.getLogger(__name__)

STREAM_OP = "orchestrator"
"""The name of our messages on the stream between scheduler and Worker."""

NEEDED = frozenset({"register-worker", "heartbeat_worker", "unregister"})
"""What our Workers ask of a scheduler; all else is refused (T12)."""

make_client: Callable[..., Any] = Client
_make_security: Callable[..., Security] = Security
_make_rpc: Callable[..., Any] = rpc
ended: Callable[..., Awaitable[object]] = wait
"""Waits for futures, for their status only: a result is never fetched."""


def security(files: TlsFiles, role: str) -> Security:
    """Return how a ``scheduler``, ``worker`` or ``client`` proves itself, and who it believes.

    Host names are not checked: whoever has a certificate of the authority belongs to the cluster.
    """
    words = {
        "require_encryption": True,
        "tls_ca_file": str(files.authority),
        f"tls_{role}_cert": str(files.certificate),
        f"tls_{role}_key": str(files.key),
    }
    return _make_security(**words)


def make_caller(address: str, files: TlsFiles, limit_s: float) -> Any:  # a `distributed.core.rpc`
    """Return what calls the handlers of the scheduler at `address`; `limit_s` to connect."""
    how: Any = security(files, "client")
    return _make_rpc(address, timeout=limit_s, connection_args=how.get_connection_args("client"))


class NoHttp:
    """An HTTP server listens even with ``dashboard=False``; this one is never made.

    It must do nothing at all: an attribute set here breaks `Worker.close`, which ends the process.
    """

    def start_http_server(self, *args: object, **kwargs: object) -> None:
        """Start nothing."""


class OurScheduler(NoHttp, Scheduler):
    """A scheduler without a web server, and without what runs foreign code on request."""

    needed = NEEDED | {"register-client", "identity"}

    def __init__(self, **kwargs: Any) -> None:  # those of Dask's
        super().__init__(**kwargs)
        self.blocked_handlers = sorted(self.handlers.keys() - self.needed)


class ClusterScheduler(OurScheduler):
    """A scheduler that nobody can hand a task: it has members, and our desk."""

    needed = NEEDED


class OurWorker(NoHttp, Worker):
    """A worker without a web server: a connection that carries to a table.

    What it does, it is told over the stream that it opened: who connects to it gets no answer.
    """

    table: Table
    is_leaving: bool = False  #: its agent ends

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # those of Dask's
        super().__init__(*args, **kwargs)
        self.blocked_handlers = sorted(self.handlers)


finished: Callable[[OurWorker], Awaitable[None]] = OurWorker.finished


class Desk(SchedulerPlugin):
    """The controller's desk inside the scheduler: who is here, and a line to each."""

    name = "orchestrator"

    def __init__(self) -> None:
        self._changed = asyncio.Condition()

    async def start(self, scheduler: Scheduler) -> None:
        """Keep the scheduler; called because we come in its ``plugins=``."""
        self._scheduler = scheduler

    def address(self, member: Member) -> str | None:
        """Return where a member is reached; the newest of its connections, None if it has none."""
        known = list(self._scheduler.workers.values())
        told = [member.node, member.incarnation]
        return next(
            (str(w.address) for w in reversed(known) if list(w.extra.get("member", ())) == told),
            None,
        )

    async def joined(self, member: Member) -> str:
        """Return where a member is reached, once it is; for ever if it never comes."""
        async with self._changed:
            while (address := self.address(member)) is None:
                await self._changed.wait()
            return address

    def tell(self, member: Member, message: Mapping[str, object]) -> bool:
        """Send over the stream that the agent opened, which works behind NAT; False: no stream.

        Messages to one member arrive in order, or not at all.
        """
        return self.post(self.address(member), canonical(message))

    def post(self, address: str | None, message: str, number: str = "") -> bool:
        """Send `message`, JSON text, to one address; `number`: an answer is wanted under it."""
        comm = self._scheduler.stream_comms.get(address or "")
        if comm is None:
            return False
        told = {"message": message, "number": number, "stimulus_id": STREAM_OP}
        comm.send({"op": STREAM_OP, **told})
        return True

    async def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        """Let those go on who wait for a member."""
        async with self._changed:
            self._changed.notify_all()


async def deliver(*texts: str) -> None:
    """Hand specs to the agent: the only function that ever crosses the wire.

    One that is refused does not keep the others from being taken, but fails the delivery.
    """
    worker = get_worker()
    if not isinstance(worker, OurWorker):
        raise TypeError(f"{worker} is no worker of ours")
    refused = None
    for text in texts:
        try:
            worker.table.take(text)
        except Rejected as error:
            refused = error
    if refused is not None:
        raise refused
