"""`python -m orchestrator.agent.free FOLDER`: a free node, which the first cluster that asks gets.

It is announced, claimed, serves the cluster by an ordinary agent in ``clusters/<id>/``, and is free
again when that agent was dismissed, or its cluster is gone (R17).  `FOLDER` holds ``free.json`` and,
as hexadecimal text (0600), ``service.key`` and ``maker.key``; what outlives us is ``claim.json``.
``free.pid`` says that it runs.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.agent import journal
from orchestrator.agent.alone import only_one
from orchestrator.agent.freenode import FreeNode
from orchestrator.agent.newkeys import made_keys
from orchestrator.agent.subagent import AgentProcess
from orchestrator.discovery.announce import Announcer, addresses_of
from orchestrator.discovery.counter import Counter, Keys
from orchestrator.discovery.protocol import CLAIM_PORT, NODE_TYPE, Announcing, Silent
from orchestrator.errors import OrchestratorError, Refusal
from orchestrator.model.codec import load
from orchestrator.model.node import FreeSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Installed:
    """What stands in a free node's folder."""

    settings: FreeSettings
    keys: Keys


def read_folder(folder: Path) -> Installed:
    """Return what stands in `folder`; Refusal, in one line, if it cannot be used."""
    file = folder / "free.json"
    try:
        settings = load(FreeSettings, json.loads(file.read_text("utf-8")))
        service, maker = _key(folder / "service.key"), _key(folder / "maker.key")
    except OSError as error:
        raise Refusal(f"{error.filename}: {error.strerror}; apply the Node again") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise Refusal(f"{file}: {error}; apply the Node again") from error
    return Installed(settings, Keys(service, maker, settings.is_open))


def claim_ports(ports: str) -> Iterable[int]:
    """Return the ports to try for claims, in order: those of ``50000:50999``, or the usual one."""
    if not ports:
        return CLAIM_PORT, 0
    first, _, last = ports.partition(":")
    return range(int(first), int(last or first) + 1)


def run(folder: Path, stop: threading.Event) -> None:
    """Be a free node until `stop`; Refusal or OrchestratorError where that cannot be."""
    known = read_folder(folder)
    settings = known.settings
    journal.tune(settings.log_level, settings.log_bytes_max)
    with only_one(folder, "free"):
        _serve(folder, known, stop)


def _serve(folder: Path, known: Installed, stop: threading.Event) -> None:
    settings = known.settings
    made_keys(folder, settings.node, "--own")
    node = FreeNode(folder, settings, AgentProcess)
    tls = folder / "tls"
    counter = Counter(node, known.keys, tls / "own.pem", tls / "key.pem")
    announcing: Announcing = Silent()
    port = counter.open(_address(settings.interface), claim_ports(settings.ports))
    try:
        if settings.discovery:
            announcing = Announcer(NODE_TYPE, settings.interface)
        log.info("free node %r on port %d", settings.node, port, extra={"action": "free_started"})
        node.serve(announcing, port, stop)
    finally:
        counter.close()
        announcing.close()


def main(words: list[str]) -> int:
    """Be the free node of the folder that is named; return the exit code."""
    if len(words) != 1:
        sys.stderr.write("usage: python -m orchestrator.agent.free FOLDER\n")
        return 2
    folder = Path(words[0]).absolute()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())  # it is seen within LOOK_EVERY_S
    try:
        journal.keep(folder / "free.log", "info")
        run(folder, stop)
    except OrchestratorError as error:
        log.error("%s", error, extra={"action": "free_refused"})
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 1
    return 0


def _address(interface: str) -> str:
    """Return the address to listen at; empty: all."""
    return next(iter(addresses_of(interface)), "")


def _key(file: Path) -> bytes | None:
    """Return a key that stands as hexadecimal text; None: there is none."""
    try:
        return bytes.fromhex(file.read_text("ascii").strip())
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
