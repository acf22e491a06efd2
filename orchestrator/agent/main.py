"""The agent of a node: from its settings to its end.

`FOLDER` holds ``settings.json`` and ``tls/``; the agent adds ``spool/``, ``scratch/``, its log, its
lock and ``agent.pid``.  SIGTERM ends it and leaves its runners alone: the next one adopts them.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import logging
import platform
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from orchestrator.agent import journal
from orchestrator.agent.alone import only_one
from orchestrator.agent.attendance import Attendance
from orchestrator.agent.behind import Behind
from orchestrator.agent.identity import this_identity
from orchestrator.agent.launcher import RunnerLauncher
from orchestrator.agent.mount import Mount
from orchestrator.agent.process import boot_id
from orchestrator.agent.table import AgentTable
from orchestrator.engine.dask import door
from orchestrator.engine.protocol import TlsFiles
from orchestrator.errors import OrchestratorError, Refusal
from orchestrator.model.codec import load
from orchestrator.model.node import AgentSettings, Identity
from orchestrator.system import no_core_dumps

log = logging.getLogger(__name__)

NOTE_EVERY_S = 5.0
LEAVE_S = 5.0
"""For a connection to close; runners and spool need nothing of it."""


def main(words: Sequence[str]) -> int:
    """Run the agent of the folder that is named; return its exit code."""
    if len(words) != 1:
        sys.stderr.write("usage: python -m orchestrator.agent FOLDER\n")
        return 2
    folder = Path(words[0]).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        journal.keep(folder / "agent.log", "info")
    except OSError as error:
        sys.stderr.write(f"{folder}: {error.strerror}\n")
        return 1
    try:
        run(folder)
    except OrchestratorError as error:
        log.error("%s", error, extra={"action": "agent_refused"})
        return error.exit_code
    except Exception:
        log.exception("the agent has ended by a fault", extra={"action": "agent_failed"})
        return 1
    return 0


def run(folder: Path) -> None:
    """Serve the cluster that the settings in `folder` name, until SIGTERM or dismissal.

    Raises Refusal if the settings cannot be used, or another agent runs in this folder.
    """
    settings = read_settings(folder / "settings.json")
    journal.tune(settings.log_level, settings.log_bytes_max)
    with only_one(folder, "agent"):
        no_core_dumps()
        spool = folder / "spool"
        attendance = Attendance(spool, settings.orphan_stop_after_s)
        attendance.note()
        mount = Mount(settings.storage, settings.token, look=settings.look)
        mount.open()
        identity = own_identity(settings, folder / "programs.json")
        launcher = RunnerLauncher(settings.wrap)
        table = AgentTable(settings.node, identity, spool, launcher, mount.unfit)
        behind = Behind(settings, table.renew, mount.unfit)
        behind.open()
        mount.wait()
        log.info("node %r of cluster %r", settings.node, settings.cluster, extra=_STARTED)
        try:
            asyncio.run(_serve(table, settings, folder, attendance))
        finally:
            table.close()
            behind.close()
            mount.close()
            attendance.note()
        log.info("ended", extra={"action": "agent_ended"})


_STARTED = {"action": "agent_started"}


def read_settings(file: Path) -> AgentSettings:
    """Return the settings in `file`; Refusal, in one line, if they cannot be used."""
    try:
        return load(AgentSettings, json.loads(file.read_text("utf-8")))
    except OSError as error:
        raise Refusal(f"{file}: {error.strerror}; apply the cluster again") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise Refusal(f"{file}: {error}; apply the cluster again") from error


def own_identity(settings: AgentSettings, cache: Path) -> Identity:
    """Return what this machine is and can do, under these settings."""
    said = {name: count for name, count in settings.instances.items() if count is not None}
    known = this_identity(
        settings.checks,
        paths=settings.programs,
        instances=said,
        cache=cache,
        is_behind=bool(settings.wrap),
    )
    return replace(
        known,
        instances={name: known.instances.get(name, 1) for name in settings.instances},
        python_minor=f"{sys.version_info.major}.{sys.version_info.minor}",
        plugins=_plugins(),
        system=f"{platform.system()} {platform.machine()}",
        settings=settings.digest,
        bare=bool(settings.wrap),
        boot=boot_id(),
        schedule=settings.schedule,
    )


def _plugins() -> dict[str, str]:
    """Return the version of each installed plugin, without importing any."""
    points = importlib.metadata.entry_points(group="orchestrator")
    return {point.dist.name: point.dist.version for point in points if point.dist is not None}


async def _serve(
    table: AgentTable, settings: AgentSettings, folder: Path, attendance: Attendance
) -> None:
    """Stay connected until SIGTERM or dismissal, and keep the note of the last contact."""
    stop = asyncio.Event()
    _hear_signals(stop)
    tls = folder / "tls"
    way_in = door.Door(
        files=TlsFiles(tls / "ca.pem", tls / "cert.pem", tls / "key.pem"),
        host=settings.host,
        ports=settings.ports,
        heartbeat_s=settings.heartbeat_s,
        heard=attendance.heard,
    )
    keeping = asyncio.create_task(_keep(table, attendance))
    serving = asyncio.create_task(
        door.serve(table, settings.scheduler, stop, way_in, folder / "scratch")
    )
    ending = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, ending}, return_when=asyncio.FIRST_COMPLETED)
    with suppress(TimeoutError):
        await asyncio.wait_for(serving, LEAVE_S)
    keeping.cancel()
    ending.cancel()


def _hear_signals(stop: asyncio.Event) -> None:
    """Let SIGTERM and Ctrl-C end us, where the loop cannot hear them by a handler of ours."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


async def _keep(table: AgentTable, attendance: Attendance) -> None:
    """Note the last contact, now and then; after too long a silence begin nothing more (R5)."""
    while True:
        await asyncio.to_thread(attendance.note)
        if attendance.is_over:
            why = f"nothing was heard of its cluster for {attendance.silent_s:.0f} s"
            await asyncio.to_thread(table.abandon, why)
        await asyncio.sleep(NOTE_EVERY_S)
