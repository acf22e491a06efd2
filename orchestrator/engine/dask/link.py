"""The agent's side: a connection to the scheduler, made anew whenever it closes.

The agent owns the processes; a Worker owns nothing and may die at any time (engine rule 3).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Mapping
from uuid import uuid4

from orchestrator.engine.dask.parts import STREAM_OP, OurWorker, finished
from orchestrator.engine.protocol import Table

log = logging.getLogger(__name__)

DELIVERIES_AT_ONCE = 4
JOIN_LIMIT_S = 30
AGAIN_AFTER_S = (0.5, 5.0)
"""Chosen at random between these, so that a whole site does not come back in one moment."""


async def serve(table: Table, address: str, stop: asyncio.Event) -> None:
    """Keep `table` connected to the scheduler at `address` until `stop`, or until dismissed."""
    left = asyncio.Event()
    while not stop.is_set() and not left.is_set():
        worker = _worker(table, address, left)
        try:
            await worker
            await _first(finished(worker), stop.wait(), left.wait())
            await worker.close()
        except Exception:  # the link is one of the four doors
            log.warning("not joined", exc_info=True, extra={"action": "not_joined"})
        await _first(asyncio.sleep(random.uniform(*AGAIN_AFTER_S)), stop.wait(), left.wait())


def _worker(table: Table, address: str, left: asyncio.Event) -> OurWorker:
    async def member(worker: object) -> list[str]:
        return [table.member.node, table.member.incarnation]

    def told(message: Mapping[str, object], **_: object) -> None:
        table.told(message)
        if table.is_dismissed:
            left.set()

    worker = OurWorker(
        address,
        name=f"{table.member.node}#{uuid4().hex[:8]}",
        nthreads=DELIVERIES_AT_ONCE,
        memory_limit=0,
        dashboard=False,
        death_timeout=JOIN_LIMIT_S,
        startup_information={"member": member},
    )
    worker.table = table
    worker.stream_handlers[STREAM_OP] = told  # before it registers
    return worker


async def _first(*waits: Awaitable[object]) -> None:
    """Wait until the first is done, and drop the others."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
