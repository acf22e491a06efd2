"""A plugin that is not ours, in a process of its own (F26 to F28).

Each call has a deadline.  A process that misses it, ends, or answers what nobody can read is ended
with all its group and begun again, so often as `decide.restart` says; after that, or after some
faults in a row, the plugin is down until the plugins are loaded again.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import IO, Any, cast

from orchestrator import system
from orchestrator.decide.restart import may_restart
from orchestrator.errors import PluginError
from orchestrator.model.work import Job, one_line
from orchestrator.plugin.child import job_of
from orchestrator.plugin.wire import ANSWER_BYTES_MAX, Unfit, dumped, is_bounded, loaded

log = logging.getLogger(__name__)

FAULTS_MAX = 3
"""So many in a row, and it is down."""

OUTPUT_SHOWN_BYTES_MAX = 16 << 10
"""Of what one life of it prints; the rest is read, and lost."""

OUTPUT_BYTES_MAX = 64 << 20
"""One that prints more is ended."""

CHUNK_BYTES = 1 << 16
GONE_S = 5.0
ENV_KEPT = ("HOME", "LANG", "PATH", "TEMP", "TMP", "TMPDIR", "TZ", "USER", "USERPROFILE")
ENV_KEPT_HEADS = ("LC_", "PYTHON", "SYSTEMROOT", "VIRTUAL_ENV", "WINDIR", "XDG_")
"""What it sees of our environment; no secret of the controller's is among it (T11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long a plugin may take."""

    call_s: float = 5.0
    load_s: float = 20.0  #: to start, and to import it
    progress_s: float = 1.0  #: to read a line, for display only
    progress_every_s: float = 0.5
    #: how often at most it reads lines of one task; between, its last answer stands


USUAL = Deadlines()


class Raised(Exception):
    """The plugin raised; the text is ``KeyError: 'frames'``."""

    def __init__(self, kind: str, text: str, *, is_value: bool) -> None:
        super().__init__(f"raised {kind}: {text}" if text else f"raised {kind}")
        self.text = text
        self.is_value = is_value  #: it was a ValueError: with it `plan` says no


class Broken(Exception):
    """It missed its deadline, ended, or answered what is not promised; the text says which."""


class Down(PluginError):
    """It is not asked any more; the text says why, and what to do."""


class Lost(Broken):
    """… and its process cannot be asked any more."""


@dataclass(slots=True)
class Far:
    """Asks one plugin, from any thread, one call at a time."""

    name: str
    value: str  #: of its entry point
    deadlines: Deadlines = USUAL
    down: str = ""  #: why it is not asked any more; empty: it is
    _process: Process | None = None
    _ran: list[float] = field(default_factory=list)
    _faults: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def load(self) -> Mapping[str, Any]:
        """Start it, and return what it offers.  Raises PluginError."""
        with self._lock:
            try:
                return self._begun()
            except (Broken, Raised, Unfit) as error:
                self._end()
                raise PluginError(one_line(str(error))) from error

    def ask(
        self, what: str, *args: object, limit_s: float | None = None, wait_s: float = -1.0
    ) -> Any:  # whatever the plugin says
        """Return its answer.

        `wait_s`: how long another call may be waited for; negative: as it takes.  Raises Raised for
        what it raised, Broken, and Down.
        """
        if not self._lock.acquire(timeout=wait_s):
            raise Broken("is asked something else")
        try:
            if self.down:
                raise Down(f"is not asked: the plugin is down: {self.down}; {MEND}")
            return self._asked(what, args, self.deadlines.call_s if limit_s is None else limit_s)
        finally:
            self._lock.release()

    def fault(self, asked: str, why: str) -> None:
        """Count an answer that was not what it promised; `asked`: the method."""
        with self._lock:
            self._fault(f"{asked} {why}")

    def well(self) -> None:
        """Forget the faults before an answer that was right."""
        self._faults = 0

    def close(self) -> None:
        """End its process; who asks all the same begins another."""
        with self._lock:
            self._end()

    def _asked(self, what: str, args: tuple[object, ...], limit_s: float) -> Any:
        asked = args[1] if what == "call" else args[0]
        try:
            if self._process is None:
                self._begun()
            return cast("Process", self._process).ask(what, args, limit_s)
        except Raised as error:
            if not error.is_value and asked != "progress":  # which is for display only
                self._fault(f"{asked} {error}")
            raise
        except Unfit as error:
            self._fault(f"{asked} answered {error}")
            raise Broken(f"answered {error}") from error
        except Lost as error:
            self._stopped(f"{asked} {error}")
            raise

    def _begun(self) -> Mapping[str, Any]:
        self._process = Process(self.name)
        args = (self.name, self.value)
        return cast("Mapping[str, Any]", self._process.ask("load", args, self.deadlines.load_s))

    def _stopped(self, why: str) -> None:
        self._ran.append(self._end())
        self._fault(why)
        if not self.down and not may_restart(self._ran):
            self.down = f"its process was ended too often, the last time because {why}"
        extra = {"action": "plugin_down" if self.down else "plugin_ended"}
        log.warning("plugin %s: its process was ended: %s", self.name, why, extra=extra)

    def _fault(self, why: str) -> None:
        self._faults += 1
        if self._faults >= FAULTS_MAX and not self.down:
            self.down = f"{FAULTS_MAX} faults in a row, of which the last: {one_line(why)}"
            log.error(
                "plugin %s is down: %s", self.name, self.down, extra={"action": "plugin_down"}
            )
            self._end()

    def _end(self) -> float:
        process, self._process = self._process, None
        return process.end() if process else 0.0


MEND = "mend or remove it, then load the plugins again (`apply`, or start anew)"


class Process:
    """One life of it: a thread that asks, a thread that reads what it prints."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = time.monotonic()
        self._number = 0
        self._why = ""
        self._child = subprocess.Popen(
            (sys.executable, "-P", "-m", "orchestrator.plugin.child"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            cwd=os.path.abspath(os.sep),
            start_new_session=True,
        )
        self.pid = self._child.pid
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._kill = weakref.finalize(self, end_all, self._child)
        threads = (
            threading.Thread(target=_carry, args=(self._child, self._calls), daemon=True),
            threading.Thread(target=_drain, args=(self._child, name), daemon=True),
        )
        for each in threads:
            each.start()
        self._threads = threads

    def ask(self, what: str, args: tuple[object, ...], limit_s: float) -> Any:
        """Return its answer.  Raises Raised, Unfit, and Lost after which it is of no use."""
        job = job_of(list(args))
        self._number += 1
        line = dumped((self._number, what, limit_s))[:-1] + b"\t" + dumped(list(args))
        call = _Call(line)
        self._calls.put(call)
        try:
            said = call.answer.result(limit_s)
        except Late as error:
            raise Lost(f"took more than {limit_s:g} s") from error
        return _answer(said, self._number, job)

    def end(self) -> float:
        """End it and its group; return how many seconds it had run."""
        self._kill()
        self._calls.put(None)
        for each in self._threads:
            each.join(1.0)  # who left the group may still hold a pipe
        return time.monotonic() - self._began


def end_all(child: subprocess.Popen[bytes]) -> None:
    """End a process with its group, and let go of it; its pipes end with it."""
    system.end_group(child.pid)  # before it is waited for: until then nobody else has its number
    with suppress(subprocess.TimeoutExpired):  # one that waits for a dead disk
        child.wait(GONE_S)


def environment() -> dict[str, str]:
    """Return what a plugin's process sees: our modules where we see them, and nothing secret."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if key.upper() in ENV_KEPT or key.upper().startswith(ENV_KEPT_HEADS)
    }
    here = [os.path.abspath(each) for each in sys.path]
    return {**kept, "PYTHONPATH": os.pathsep.join(here)}


@dataclass(frozen=True, slots=True)
class _Call:
    line: bytes
    answer: Future[bytes] = field(default_factory=Future)


def _carry(child: subprocess.Popen[bytes], calls: SimpleQueue[_Call | None]) -> None:
    """Write each question and read its answer, until there are no more; it may be stuck in both."""
    asked, answers = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
    with suppress(OSError), asked, answers:
        while call := calls.get():
            try:
                asked.write(call.line)
                asked.flush()
                call.answer.set_result(answers.readline(ANSWER_BYTES_MAX + 1))
            except (OSError, ValueError):
                call.answer.set_result(b"")


def _drain(child: subprocess.Popen[bytes], name: str) -> None:
    """Read what it prints: the first of it is told, the rest counted, too much ends it."""
    pipe, shown, count = cast("IO[bytes]", child.stderr), b"", 0
    with suppress(OSError), pipe:
        while chunk := os.read(pipe.fileno(), CHUNK_BYTES):
            shown += chunk[: OUTPUT_SHOWN_BYTES_MAX - len(shown)]
            count += len(chunk)
            if count > OUTPUT_BYTES_MAX:
                system.end_group(child.pid)
                break
    if count:
        text = one_line(_printable(shown.decode("utf-8", "replace")))
        extra = {"action": "plugin_printed"}
        log.info("plugin %s printed %d bytes: %s", name, count, text, extra=extra)


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() or each == "\n" else " " for each in text)


def _answer(line: bytes, number: int, job: Job | None) -> Any:
    """Return what an answer says, or raise it."""
    if not line:
        raise Lost("ended its process")
    if not line.endswith(b"\n") or not is_bounded(line):
        raise Lost("answered more than can be taken")
    try:
        said = loaded(line, job)
    except Unfit as error:
        raise Lost(f"answered {error}") from error
    if not isinstance(said, dict) or said.get("number") != number:
        raise Lost("answered what was not asked")
    if "raised" in said:
        kind, text = _printable(str(said["raised"])), _printable(str(said.get("text")))
        raise Raised(kind, text, is_value=said.get("is_value") is True)
    if "unfit" in said:
        raise Unfit(str(said["unfit"]))
    return said.get("is")
