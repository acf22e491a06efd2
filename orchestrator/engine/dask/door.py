"""How an agent gets into a cluster, and the way in; importable without Dask."""

from __future__ import annotations

import asyncio
import importlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from orchestrator.engine.dask import config
from orchestrator.engine.protocol import Table, TlsFiles
from orchestrator.errors import OrchestratorError


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What a connection over TLS needs beyond the scheduler's address."""

    files: TlsFiles
    host: str = ""  #: the address or interface to listen at; empty: what leads to the scheduler
    ports: str = ""  #: ``50001:50999``, the first free one is taken; empty: the system picks
    heartbeat_s: float = 0.5  #: until the scheduler says another, by the number of nodes
    heard: Callable[[], None] = lambda: None  #: called whenever the scheduler was heard of


async def serve(
    table: Table, scheduler: str, stop: asyncio.Event, door: Door, scratch: Path
) -> None:
    """Keep `table` connected to ``tls://…`` until `stop`, or until it is dismissed."""
    config.apply(scratch, encrypted=True)
    link = importlib.import_module("orchestrator.engine.dask.link")  # only after its settings
    await link.serve(table, scheduler, stop, door)


def own_address(host: str, scheduler: str) -> str:
    """Return the address to listen at: `host`, that of the interface `host`, or, where it is
    empty, the one that leads to `scheduler`.

    Raises OrchestratorError if there is none.
    """
    if host in (addresses := psutil.net_if_addrs()):
        found = [each.address for each in addresses[host] if each.family == socket.AF_INET]
        found += [each.address for each in addresses[host] if each.family == socket.AF_INET6]
        if not found:
            raise OrchestratorError(f"interface {host}: it has no address; name another one")
        return found[0]
    return host or _towards(scheduler)


def _towards(scheduler: str) -> str:
    url = urlsplit(scheduler)
    try:
        (family, *_, address), *_ = socket.getaddrinfo(
            url.hostname, url.port, type=socket.SOCK_DGRAM
        )
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)  # sends nothing
            return str(probe.getsockname()[0])
    except OSError as error:
        why = f"scheduler {scheduler}: no way leads to it: {error.strerror}"
        raise OrchestratorError(why) from error
