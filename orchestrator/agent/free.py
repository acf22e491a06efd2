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
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from orchestrator import __version__
from orchestrator.agent import journal
from orchestrator.agent.alone import only_one
from orchestrator.agent.files import now_s, write_whole
from orchestrator.agent.identity import cores_here, default_instances, memory_here, own_zone
from orchestrator.agent.leash import HEARD, heard
from orchestrator.agent.process import is_alive
from orchestrator.discovery.announce import Announcer, addresses_of
from orchestrator.discovery.claim import Claimant, Joining
from orchestrator.discovery.counter import Counter, Keys
from orchestrator.discovery.protocol import CLAIM_PORT, NODE_TYPE, Announcing, Notice, Silent
from orchestrator.errors import OrchestratorError, Refusal
from orchestrator.model.codec import canonical, load
from orchestrator.model.node import AgentSettings, FreeSettings
from orchestrator.model.windows import hours, until, zone_of

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
SILENCE_MORE_S = 10.0
"""On top of a cluster's `lostAfter` (R17)."""

OUTCOMES_KEPT_S = 7 * 86400.0
RESTART_AFTER_S = 5.0
KEYS_LIMIT_S = 60.0

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


class Agent(Protocol):
    """The agent that serves a claim, ours or one that an earlier life of ours started."""

    def start(self) -> None:
        """Start it unless it runs; OSError."""

    def is_alive(self) -> bool:
        """Whether it runs."""

    def is_done(self) -> bool:
        """Whether it has ended as one that was dismissed does."""

    def end(self) -> None:
        """Ask it to end; its runners go on."""


def is_over(silent_s: float, lost_after_s: float, orphan_stop_after_s: float, runs: bool) -> bool:
    """Whether a node that has not heard of its cluster for `silent_s` frees itself (R17).

    :param runs: whether a runner of that cluster is alive
    """
    return silent_s >= orphan_stop_after_s or (
        not runs and silent_s >= lost_after_s + SILENCE_MORE_S
    )


class FreeNode:
    """Implements `discovery.counter.Desk`: who has the node, and since when."""

    def __init__(
        self,
        folder: Path,
        settings: FreeSettings,
        agent: Callable[[Path], Agent],
        clock: Callable[[], float] = now_s,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`agent`: makes the agent of a claim's folder; `wall`: the clock of its work schedule."""
        self._folder = folder
        self._settings = settings
        self._agent_of = agent
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._held: Claimant | None = None
        self._agent: Agent | None = None  #: None: the claim is not complete yet
        self._since = 0.0
        self._port = 0
        self._recall()

    def notice(self) -> Notice:
        with self._lock:
            held_by = self._held.cluster if self._held else ""
        known = default_instances(cores_here(), memory_here())
        return Notice(
            name=self._settings.node,
            id=self._settings.id,
            port=self._port,
            services={
                name: known.get(name, 1) if count is None else count
                for name, count in self._settings.instances.items()
            },
            version=__version__,
            held_by=held_by,
        )

    def reserve(self, claimant: Claimant) -> str:
        with self._lock:
            if self._settings.managed_only:
                return "it is for managed clusters only; name it in the cluster's nodes"
            if shut := self.shut():
                return shut
            if self._held is not None:
                return f"taken by {self._held.cluster} until its job ends"
            if not _ID.fullmatch(claimant.cluster_id) or not claimant.cluster:
                return "the claim names no cluster"
            self._held = claimant
            return ""

    def shut(self) -> str:
        """Return how long it is outside its work schedule; empty: it is not (F-SCHED-11)."""
        schedule, now = self._settings.schedule, datetime.fromtimestamp(self._wall(), UTC)
        name = schedule.timezone or own_zone() or "UTC"
        zone = zone_of(name)
        if zone is None:
            return f"closed; it knows no time zone {name!r}: install tzdata there"
        found = hours(schedule, zone, now)
        return "" if found.is_open else until(found, zone, name, now)

    def request(self, claimant: Claimant) -> bytes:
        folder = self._place(claimant)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "left").unlink(missing_ok=True)
        return _keys(folder, self._settings.node)

    def join(self, claimant: Claimant, joining: Joining) -> None:
        folder = self._place(claimant)
        told = joining.settings
        if (told.cluster, told.cluster_id) != (claimant.cluster, claimant.cluster_id):
            raise Refusal("the settings are another cluster's")
        settings = self._limited(told)
        tls = folder / "tls"
        write_whole(tls / "ca.pem", joining.authority.encode())
        write_whole(tls / "cert.pem", joining.certificate.encode())
        write_whole(folder / "settings.json", canonical(settings).encode())
        (folder / "spool" / HEARD).unlink(missing_ok=True)  # of an earlier time
        agent = self._agent_of(folder)
        agent.start()
        write_whole(self._folder / "claim.json", canonical(claimant).encode())
        with self._lock:
            self._agent, self._since = agent, self._clock()
        self._changed.set()

    def release(self, claimant: Claimant) -> None:
        with self._lock:
            if self._held != claimant or self._agent is not None:
                return
            self._held = None
        self._leave(claimant)

    def look(self) -> None:
        """See how the claim stands; free the node when it is over."""
        with self._lock:
            held, agent = self._held, self._agent
        if held is None or agent is None:
            return
        if agent.is_done():
            self._free(held, "it was dismissed")
        elif self._is_gone(held):
            agent.end()
            self._free(held, "its cluster was not heard of for too long")
        elif not agent.is_alive():
            try:
                agent.start()
            except OSError as error:
                log.warning("no agent: %s", error, extra={"action": "agent_not_started"})

    def serve(self, announcing: Announcing, port: int, stop: threading.Event) -> None:
        """Announce while it is open, and look after claims, until `stop`.

        The agent of a claim goes on.
        """
        self._port = port
        while not stop.is_set():
            notice, shut = self.notice(), self.shut()
            try:
                if shut:
                    announcing.hush()
                    log.info("free node: %s", shut, extra={"action": "free_closed"})
                else:
                    announcing.say(notice)
            except OrchestratorError as error:
                log.warning("%s", error, extra={"action": "not_announced"})
            while not stop.is_set() and self._is_as(notice, shut):
                self._changed.wait(LOOK_EVERY_S)
                self._changed.clear()
                self.look()
            self._prune()

    def _is_as(self, notice: Notice, shut: str) -> bool:
        """Whether what was announced still holds."""
        return self.notice().held_by == notice.held_by and bool(self.shut()) == bool(shut)

    def _recall(self) -> None:
        """Go on with the claim of an earlier life."""
        try:
            claimant = load(Claimant, json.loads((self._folder / "claim.json").read_text()))
        except (OSError, ValueError, TypeError, AttributeError):
            return
        self._held, self._since = claimant, self._clock()
        self._agent = self._agent_of(self._place(claimant))

    def _limited(self, told: AgentSettings) -> AgentSettings:
        """Return the settings of this time: what we do not offer, nobody gets."""
        ours = self._settings
        offered = {name: ours.instances[name] for name in told.instances if name in ours.instances}
        if not offered:
            raise Refusal("the services asked for are not offered here")
        return replace(
            told,
            host=ours.interface or told.host,
            ports=ours.ports or told.ports,
            instances=offered,
            programs={**told.programs, **ours.programs},
            wrap=(),
            schedule=ours.schedule,
            orphan_stop_after_s=min(told.orphan_stop_after_s, ours.orphan_stop_after_s),
        )

    def _is_gone(self, held: Claimant) -> bool:
        folder = self._place(held)
        try:
            settings = load(AgentSettings, json.loads((folder / "settings.json").read_text()))
        except (OSError, ValueError, TypeError):
            return True  # nothing can be started with it
        note = heard(str(folder / "spool" / HEARD))
        at = self._since if note is None else max(self._since, note["at"])
        silent_s = self._clock() - at
        return is_over(
            silent_s,
            settings.lost_after_s,
            settings.orphan_stop_after_s,
            any(map(is_alive, runners(folder / "spool"))),
        )

    def _free(self, held: Claimant, why: str) -> None:
        log.info("free again: %s", why, extra={"action": "freed"})
        self._leave(held)
        with self._lock:
            self._held = self._agent = None

    def _leave(self, held: Claimant) -> None:
        """Drop the certificate; what came of its attempts waits for that cluster alone (R17)."""
        folder = self._place(held)
        with suppress(OSError):
            (self._folder / "claim.json").unlink(missing_ok=True)
            shutil.rmtree(folder / "tls", ignore_errors=True)
            if any((folder / "spool" / "attempts").glob("*")):
                write_whole(folder / "left", str(time.time()).encode())
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def _prune(self) -> None:
        for mark in (self._folder / "clusters").glob("*/left"):
            with suppress(OSError, ValueError):
                if time.time() - float(mark.read_text()) > OUTCOMES_KEPT_S:
                    shutil.rmtree(mark.parent, ignore_errors=True)

    def _place(self, claimant: Claimant) -> Path:
        return self._folder / "clusters" / claimant.cluster_id


class AgentProcess:
    """Implements `Agent` with a process of its own, detached from us."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self._started_at = -RESTART_AFTER_S

    def start(self) -> None:
        if self.is_alive() or now_s() - self._started_at < RESTART_AFTER_S:
            return
        self._started_at = now_s()
        with (self._folder / "agent.err").open("wb") as errors:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "orchestrator.agent", str(self._folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
                start_new_session=True,
            )

    def is_alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return is_alive(_json(self._folder / "agent.pid"))

    def is_done(self) -> bool:
        return self._child is not None and self._child.poll() == 0

    def end(self) -> None:
        with suppress(OSError):
            if self._child is not None:
                self._child.terminate()
                return
            marked = _json(self._folder / "agent.pid")
            if is_alive(marked):
                os.kill(int(str(marked["pid"])), signal.SIGTERM)


def runners(spool: Path) -> Iterable[dict[str, object]]:
    """Return the marks of the runners that a spool knows and that left no record."""
    for file in (spool / "attempts").glob("*/pid.json"):
        if not file.with_name("exit.json").exists():
            yield _json(file)


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
    _keys(folder, settings.node, "--own")
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


def _keys(folder: Path, name: str, *more: str) -> bytes:
    """Have another process make keys: what it takes for that is not ours to keep in memory."""
    words = [sys.executable, "-m", "orchestrator.agent.keys", str(folder), name, *more]
    try:
        answer = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=KEYS_LIMIT_S, check=True
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise Refusal(f"{folder}: no key can be made: {error}") from error
    return answer.stdout


def _key(file: Path) -> bytes | None:
    """Return a key that stands as hexadecimal text; None: there is none."""
    try:
        return bytes.fromhex(file.read_text("ascii").strip())
    except FileNotFoundError:
        return None


def _json(file: Path) -> dict[str, object]:
    try:
        value = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
