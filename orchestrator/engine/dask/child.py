"""The scheduler process as the controller holds it: started, kept alive, ended."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from orchestrator.engine.protocol import TlsFiles
from orchestrator.errors import OrchestratorError
from orchestrator.model.codec import canonical

log = logging.getLogger(__name__)

START_S = 30.0
STOP_S = 5.0
AGAIN_AFTER_S = (0.1, 1.0, 5.0, 15.0)
"""Before the first, second … start after an end; the last goes on for ever."""

STEADY_S = 60.0
"""Who lived so long is started at once again."""

RENEWED_EVERY_S = 60.0
"""How often a new certificate is looked for; it needs a new process."""

PATIENCE_S = 5.0
"""How long the port of before is waited for: a predecessor may still be ending."""

ENV_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "SYSTEMROOT")
"""What the process sees of our environment; no secret of the controller's is among it (T11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the process is told, as one line of JSON."""

    authority: str
    certificate: str
    key: str
    scratch: str
    host: str = ""  #: the address it listens at; empty: all
    port_from: int = 0  #: 0: the system picks
    port_count: int = 1
    before: int = 0  #: the port of an earlier one, which agents know; 0: none
    patience_s: float = PATIENCE_S


class SchedulerChild:
    """Keeps one scheduler process running, at one address, until `stop`.

    A new one takes the port of the one before, also after a restart of the controller (it stands in
    ``scratch``/scheduler.port), because every agent was told it.  Agents rejoin by themselves, and
    nothing that they run notices.
    """

    def __init__(
        self,
        files: TlsFiles,
        scratch: Path,
        *,
        host: str = "",
        ports: tuple[int, int] = (0, 1),
        on_exit: Callable[[str], None] = lambda why: None,
    ) -> None:
        """`host`: the address to listen at, empty: all; `ports`: first and count, of which the
        first free one is taken, (0, 1): any; `on_exit` hears why a process ended that was wanted.
        """
        self._files = files
        self._scratch = scratch
        self._host = host
        self._ports = ports
        self._on_exit = on_exit
        self._process: subprocess.Popen[str] | None = None
        self._address = ""
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._keeper = threading.Thread(target=self._keep, name="scheduler", daemon=True)

    @property
    def address(self) -> str:
        """Where it listens, as ``tls://10.0.0.1:50000``; empty before `start`."""
        return self._address

    @property
    def pid(self) -> int:
        """The present process; 0: none."""
        return self._process.pid if self._process and self.alive else 0

    @property
    def alive(self) -> bool:
        """Whether a process runs now."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> str:
        """Start it, and return its address once it listens.

        Raises OrchestratorError if it does not: the message names the ports.
        """
        self._address = self._begun(before=self._noted_port())
        self._note_port()
        self._keeper.start()
        return self._address

    def stop(self) -> None:
        """End it; agents and what they run go on."""
        self._is_over.set()
        with self._lock:
            process = self._process
        if process is not None:
            _end(process)
        if self._keeper.is_alive():
            self._keeper.join(STOP_S)

    def _keep(self) -> None:
        """Start it again whenever it ends, and with a new certificate."""
        tries = 0
        while not self._is_over.is_set():
            lived_s = self._attended()
            if self._is_over.is_set():
                return
            tries = 0 if lived_s >= STEADY_S else tries
            self._is_over.wait(AGAIN_AFTER_S[min(tries, len(AGAIN_AFTER_S) - 1)])
            tries += 1
            try:
                self._begun(before=_port(self._address), elsewhere=False)
            except OrchestratorError as error:
                log.warning("%s", error, extra={"action": "scheduler_not_started"})

    def _attended(self) -> float:
        """Wait for its end, or end it for a new certificate; return how many seconds it lived."""
        process, stamp, lived_s = self._process, _stamp(self._files), 0.0
        if process is None:
            return 0.0
        while True:
            try:
                code = process.wait(RENEWED_EVERY_S)
            except subprocess.TimeoutExpired:
                lived_s += RENEWED_EVERY_S
                if _stamp(self._files) != stamp:
                    _end(process)
                    return STEADY_S
                continue
            _end(process)
            if not self._is_over.is_set():
                why = f"scheduler: its process ended with {code}; it is started again"
                log.warning("%s", why, extra={"action": "scheduler_ended"})
                self._on_exit(why)
            return lived_s

    def _begun(self, *, before: int, elsewhere: bool = True) -> str:
        """Start a process and return its address; `elsewhere`: another port will do."""
        wanted = Wanted(
            authority=str(self._files.authority),
            certificate=str(self._files.certificate),
            key=str(self._files.key),
            scratch=str(self._scratch),
            host=self._host,
            port_from=self._ports[0],
            port_count=self._ports[1],
            before=before,
        )
        if not elsewhere:
            wanted = replace(wanted, port_from=before, port_count=1)
        with self._lock:
            if self._is_over.is_set():
                return self._address
            process = self._process = _spawned(wanted, self._scratch)
        return _address(process)

    def _noted_port(self) -> int:
        try:
            port = int((self._scratch / "scheduler.port").read_text())
        except (OSError, ValueError):
            return 0
        first, count = self._ports
        return port if not first or first <= port < first + count else 0

    def _note_port(self) -> None:
        part = self._scratch / "scheduler.port.part"
        part.write_text(str(_port(self._address)))
        part.replace(self._scratch / "scheduler.port")


def _spawned(wanted: Wanted, scratch: Path) -> subprocess.Popen[str]:
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    env = {key: value for key, value in os.environ.items() if key in ENV_KEPT}
    with (scratch / "scheduler.err").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "orchestrator.engine.dask.scheduler"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd="/",
            env=env,
            text=True,
            start_new_session=True,  # Ctrl-C is the controller's; its end reaches us by the pipe
        )
    stdin = _pipe(process.stdin)
    try:
        stdin.write(canonical(wanted) + "\n")
        stdin.flush()
    except BrokenPipeError:
        pass  # what it says, or its end, is the answer
    return process


def _address(process: subprocess.Popen[str]) -> str:
    """Return what it answers; OrchestratorError if that is no address."""
    answer: list[str] = []
    out = _pipe(process.stdout)
    reader = threading.Thread(target=lambda: answer.append(out.readline()), daemon=True)
    reader.start()
    reader.join(START_S)
    try:
        said = json.loads(answer[0])
    except (IndexError, ValueError):
        said = {"error": "it did not answer; see scheduler.err"}
    if "address" not in said:
        _end(process)
        raise OrchestratorError(f"scheduler: it cannot be started: {said['error']}")
    return str(said["address"])


def _end(process: subprocess.Popen[str]) -> None:
    """Close its pipe, then insist."""
    with suppress(BrokenPipeError):
        _pipe(process.stdin).close()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _pipe(process.stdout).close()


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise AssertionError("every stream of it is a pipe")
    return stream


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _stamp(files: TlsFiles) -> int:
    try:
        return files.certificate.stat().st_mtime_ns
    except OSError:
        return 0
