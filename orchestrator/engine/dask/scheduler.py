"""`python -m orchestrator.engine.dask.scheduler`: the scheduler, a process of its own (T12).

Its configuration is one line of JSON on stdin (`child.Wanted`); the answer is one on stdout,
``{"address": "tls://…"}`` or ``{"error": "why"}``.  It ends when stdin does: a scheduler whose
controller is gone would keep agents from the next one.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from orchestrator.engine.dask import config
from orchestrator.engine.dask.child import Wanted
from orchestrator.engine.protocol import TlsFiles
from orchestrator.model.codec import load

log = logging.getLogger(__name__)

AGAIN_S = 0.1
"""Between two tries for a port that somebody still holds."""


def main() -> int:
    """Serve until stdin ends."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    wanted = load(Wanted, json.loads(sys.stdin.readline()))
    config.apply(Path(wanted.scratch), encrypted=True)
    try:
        asyncio.run(_serve(wanted))
    except OSError as error:
        _answer({"error": str(error)})
        return 1
    return 0


async def _serve(wanted: Wanted) -> None:
    parts = importlib.import_module("orchestrator.engine.dask.parts")  # only after its settings
    desk = importlib.import_module("orchestrator.engine.dask.desk")
    files = TlsFiles(Path(wanted.authority), Path(wanted.certificate), Path(wanted.key))
    port = await _free_port(wanted)
    async with parts.ClusterScheduler(
        protocol="tls",
        host=wanted.host or None,
        port=port,
        security=parts.security(files, "scheduler"),
        dashboard=False,
        plugins=[desk.ClusterDesk()],
    ) as scheduler:
        _answer({"address": str(scheduler.address)})
        await _end_of_stdin()
        for worker in list(scheduler.stream_comms.values()):
            worker.abort()  # agents come back at once to whoever is next


async def _free_port(wanted: Wanted) -> int:
    """Return the port to listen at: the one of before if it becomes free in time, else the first.

    Raises OSError if the whole range is taken.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + wanted.patience_s
    while wanted.before:
        if _is_free(wanted.host, wanted.before):
            return wanted.before
        if loop.time() >= until:
            break
        await asyncio.sleep(AGAIN_S)
    for port in _range(wanted):
        if _is_free(wanted.host, port):
            return port
    last = wanted.port_from + wanted.port_count - 1
    raise OSError(
        f"network.ports: none of {wanted.port_from} to {last} is free; make the range larger, "
        "or see who listens there"
    )


def _range(wanted: Wanted) -> Iterator[int]:
    if not wanted.port_from:
        yield 0
    yield from range(wanted.port_from, wanted.port_from + wanted.port_count)


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind((host, port))
            return True
    return False


async def _end_of_stdin() -> None:
    """Wait until our controller closes the pipe, or dies."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heard() -> None:
        if not os.read(sys.stdin.fileno(), 1 << 12):
            loop.remove_reader(sys.stdin.fileno())
            ended.set()

    loop.add_reader(sys.stdin.fileno(), heard)
    await ended.wait()


def _answer(said: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # no thread of Dask's may hold us back
