"""The agent's side: a connection to the scheduler, made anew whenever it closes.

The agent owns the processes; a Worker owns nothing and may die at any time (engine rule 3).
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from orchestrator.engine.dask.desk import ANSWER_OP, REPORT_OP
from orchestrator.engine.dask.door import Door, own_address
from orchestrator.engine.dask.parts import STREAM_OP, OurWorker, finished, security
from orchestrator.engine.protocol import SEES_MAX, Table, TlsFiles
from orchestrator.errors import Rejected
from orchestrator.model.codec import canonical, dump

log = logging.getLogger(__name__)

DELIVERIES_AT_ONCE = 4
JOIN_LIMIT_S = 30
AGAIN_AFTER_S = (0.5, 5.0)
"""Chosen at random between these, so that a whole site does not come back in one moment."""

HINT_GAP_S = 0.02
"""Between two reports, however much ends."""

RENEWED_EVERY_S = 60.0
"""How often a new certificate is looked for; it needs a new connection."""


async def serve(table: Table, address: str, stop: asyncio.Event, door: Door | None = None) -> None:
    """Keep `table` connected to the scheduler at `address` until `stop`, or until dismissed.

    `door`: of a cluster; None: the scheduler is in this process, and so is whoever reads `table`.
    """
    left, changed = asyncio.Event(), asyncio.Event()
    if door is not None:
        loop = asyncio.get_running_loop()
        table.on_change(lambda: _soon(loop, changed.set))
    while not stop.is_set() and not left.is_set():
        try:
            worker = _worker(table, address, left, door)
            await worker
            log.info("joined %s", address, extra={"action": "joined"})
            await _first(
                finished(worker), stop.wait(), left.wait(), _hint(worker, changed), _renewed(door)
            )
            try:
                if door is not None and (stop.is_set() or left.is_set()):
                    _goodbye(worker)
            finally:
                await worker.close()
        except Exception as error:  # the link is one of the four doors
            why = _said(error)
            log.warning(
                "not joined %s: %s", address, why, exc_info=True, extra={"action": "not_joined"}
            )
        await _first(asyncio.sleep(random.uniform(*AGAIN_AFTER_S)), stop.wait(), left.wait())


def _worker(table: Table, address: str, left: asyncio.Event, door: Door | None) -> OurWorker:
    async def member(worker: object) -> list[str]:
        return [table.member.node, table.member.incarnation]

    def told(message: str, number: str = "", **_: object) -> None:
        if door is not None:
            door.heard()
        try:
            obeyed = _obeyed(table, json.loads(message))
        except Exception:  # the link is one of the four doors
            log.exception("a message was not obeyed", extra={"action": "message_failed"})
            obeyed = False
        if isinstance(obeyed, bool):
            answer(number, obeyed)
        else:
            reading.add(task := asyncio.ensure_future(obeyed))
            task.add_done_callback(lambda done: answer(number, done.result()))
            task.add_done_callback(reading.discard)
        if table.is_dismissed:
            left.set()

    def answer(number: str, value: Answer) -> None:
        if number:
            with suppress(OSError):  # whoever asked asks again
                worker.batched_stream.send({"op": ANSWER_OP, "number": number, "answer": value})

    reading: set[asyncio.Future[Answer]] = set()
    worker = OurWorker(
        address,
        name=f"{table.member.node}#{uuid4().hex[:8]}",
        nthreads=DELIVERIES_AT_ONCE,
        memory_limit=0,
        dashboard=False,
        death_timeout=JOIN_LIMIT_S,
        **_in_process(member) if door is None else _over_tls(table, address, member, door),
    )
    worker.table = table
    worker.stream_handlers[STREAM_OP] = told  # before it registers
    return worker


Answer = bool | bytes | Mapping[str, int] | None


def _obeyed(table: Table, message: Mapping[str, object]) -> bool | Awaitable[Answer]:
    """Do what was told: True, or what is wanted; False: a spec that was not taken."""
    match message:
        case {"op": "take", "spec": str(text)}:
            try:
                table.take(text)
            except Rejected as error:
                log.info("%s", error, extra={"action": "delivery_refused"})
                return False
        case {"op": "read", "attempt": str(attempt), "offset": int(offset)}:
            return asyncio.to_thread(table.read, attempt, offset)
        case {"op": "sees", "paths": list(paths)} if all(isinstance(each, str) for each in paths):
            return asyncio.to_thread(table.sees, paths[:SEES_MAX])
        case _:
            table.told(message)
    return True


Say = Callable[[object], Awaitable[object]]
"""What a Worker says of itself, asked with the Worker."""


def _in_process(member: Say) -> dict[str, object]:
    return {"startup_information": {"member": member}}


def _over_tls(table: Table, address: str, member: Say, door: Door) -> dict[str, object]:
    async def identity(worker: object) -> str:
        return canonical(table.identity)

    async def report(worker: object) -> tuple[int, str]:
        """Return the next report; that one is asked for means that the last one arrived."""
        if worker in told:
            door.heard()
        told.add(worker)
        return _report(table, left=isinstance(worker, OurWorker) and worker.is_leaving)

    told: set[object] = set()
    return {
        "startup_information": {"member": member, "identity": identity},
        "metrics": {"report": report},
        "heartbeat_interval": f"{door.heartbeat_s}s",
        "security": security(door.files, "worker"),
        "host": own_address(door.host, address),
        "port": door.ports or None,
    }


def _report(table: Table, *, left: bool = False) -> tuple[int, str]:
    """Return the beat and the text of a report; the identity was told when the Worker came."""
    said = dump(now := replace(table.report(), left=left))
    del said["identity"]
    return now.beat, canonical(said)


def _goodbye(worker: OurWorker) -> None:
    """Say that the agent ends in order; whoever does not hear it takes us for silent."""
    worker.is_leaving = True
    beat, text = _report(worker.table, left=True)
    with suppress(OSError):  # the line has just broken
        worker.batched_stream.send({"op": REPORT_OP, "beat": beat, "report": text, "left": True})


async def _hint(worker: OurWorker, changed: asyncio.Event) -> None:
    """Whenever an attempt has ended, report at once: nobody waits for a beat."""
    while True:
        await changed.wait()
        changed.clear()
        beat, text = _report(worker.table)
        worker.batched_stream.send({"op": REPORT_OP, "beat": beat, "report": text})
        await asyncio.sleep(HINT_GAP_S)


async def _renewed(door: Door | None) -> None:
    """Wait for another certificate than the one that the connection was made with."""
    if door is None:
        await asyncio.Event().wait()
        return
    stamp = _stamp(door.files)
    while _stamp(door.files) == stamp:
        await asyncio.sleep(RENEWED_EVERY_S)


def _stamp(files: TlsFiles) -> int:
    try:
        return files.certificate.stat().st_mtime_ns
    except OSError:
        return 0


def _soon(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(act)


def _said(error: BaseException) -> str:
    """Return what is at the bottom of an error that Dask has wrapped."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"


async def _first(*waits: Awaitable[object]) -> None:
    """Wait until the first is done, and drop the others."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
