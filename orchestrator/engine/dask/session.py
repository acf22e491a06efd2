"""What runs in the engine's loop on one computer: scheduler, client, a link for each table."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence

from distributed import CancelledError

from orchestrator.engine.dask.base import Session
from orchestrator.engine.dask.carrier import Carrier
from orchestrator.engine.dask.link import serve
from orchestrator.engine.dask.parts import Desk, OurScheduler, deliver, ended, make_client
from orchestrator.engine.protocol import Table
from orchestrator.model.node import Member

BUNDLE_S = 10.0


class InprocSession:
    """One computer: everything in this loop, nothing on the network."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self._tables = tables
        self._stop = asyncio.Event()
        self._numbers = itertools.count()
        self._carriers: dict[str, Carrier] = {}
        self.loop: asyncio.AbstractEventLoop

    async def run(self, ready: Callable[[Session], None]) -> None:
        """Open everything, call `ready`, and stay until `leave`.

        The client closes before the links: a Worker that leaves with a delivery that is not yet
        released looks like a loss.
        """
        self.loop = asyncio.get_running_loop()
        self._desk = Desk()
        unlink = asyncio.Event()
        async with OurScheduler(
            protocol="inproc", dashboard=False, plugins=[self._desk]
        ) as scheduler:
            serving = [serve(table, scheduler.address, unlink) for table in self._tables]
            links = asyncio.gather(*serving)
            async with make_client(scheduler.address, asynchronous=True) as self._client:
                ready(self)
                await self._stop.wait()
            unlink.set()
            await links

    def leave(self) -> None:
        """End `run`."""
        self._stop.set()

    async def send(self, to: Member, text: str, limit_s: float) -> bool:
        """Deliver within `limit_s` seconds; False: unknown."""
        try:
            async with asyncio.timeout(limit_s):
                return await self._carrier(await self._desk.joined(to)).carry(text)
        except TimeoutError:
            return False

    def tell(self, to: Member, message: Mapping[str, object]) -> None:
        """Send a message; without a connection it is lost, and whoever sent it looks again."""
        self._desk.tell(to, message)

    def _carrier(self, address: str) -> Carrier:
        carrier = self._carriers.get(address)
        if carrier is None:
            carrier = self._carriers[address] = Carrier(
                lambda texts: self._delivered(address, texts)
            )
        return carrier

    async def _delivered(self, address: str, texts: Sequence[str]) -> bool:
        if self._stop.is_set():  # the client closes, or has closed
            return False
        future = self._client.submit(
            deliver,
            *texts,
            key=f"deliver-{next(self._numbers)}",
            workers=[address],
            allow_other_workers=False,
            retries=0,
            pure=False,
        )
        try:
            async with asyncio.timeout(BUNDLE_S):
                await ended([future])
            return bool(future.status == "finished")
        except (TimeoutError, CancelledError, OSError):
            return False
        finally:
            future.release()
