"""One command, from its start until nothing of it is left.  Standard library only.

It has a session of its own, so the whole group can be ended; its output is drained whatever
happens; and its end is never waited for on a pipe, which a grandchild may hold open (R15).
"""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Mapping, Sequence

from orchestrator.agent.files import now_s
from orchestrator.agent.watch import Herald, Watch

GRACE_S = 10.0
"""Between SIGTERM and SIGKILL."""

UNKILLABLE_S = 30.0
"""After SIGKILL; a process that is still there hangs in the kernel (F13)."""

LINGER_S = 1.0
"""How long a command's children may still write after its own end."""

_READ_BYTES = 256 << 10
_OURS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
"""Signals that the runner treats in its own way; a command starts with the usual one."""


class Bell:
    """Wakes a poll when a child ended or when we are asked to end (SIGTERM)."""

    def __init__(self, kill_file: str) -> None:
        """`kill_file` may say how patiently: ``{"grace": seconds}``."""
        self._kill_file = kill_file
        self._asked = False
        self.pipe, self._in = os.pipe()
        os.set_blocking(self.pipe, False)
        os.set_blocking(self._in, False)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, _noted)
        signal.set_wakeup_fd(self._in, warn_on_full_buffer=False)

    def hush(self) -> None:
        """Take what has rung."""
        try:
            rung = os.read(self.pipe, 4096)
        except BlockingIOError:
            return
        self._asked = self._asked or signal.SIGTERM in rung

    def wait(self, seconds: float) -> None:
        """Sleep, unless it rings."""
        select.select([self.pipe], [], [], seconds)
        self.hush()

    def request(self) -> float | None:
        """Return the grace in seconds if we were asked to end since the last call."""
        asked, self._asked = self._asked, False
        if not asked:
            return None
        try:
            with open(self._kill_file, "rb") as file:
                return float(json.load(file)["grace"])
        except (OSError, ValueError, KeyError, TypeError):
            return GRACE_S


class Limits:
    """When a command is ended; seconds."""

    def __init__(
        self,
        limit_s: float | None = None,
        left_s: float | None = None,
        stall_s: float | None = None,
        grace_s: float = GRACE_S,
    ) -> None:
        self.limit_s = limit_s  #: as the spec says it, for the sentence
        self.left_s = left_s  #: what the preflight left of it
        self.stall_s = stall_s
        self.grace_s = grace_s


class Ended:
    """How it went."""

    def __init__(self, ending: str, why: str, status: int | None) -> None:
        self.ending = ending  #: exited | limit | stall | killed, as in `model.work.Ending`
        self.why = why
        self.exit_code = None  #: None: ended by a signal, or unkillable
        self.signal = None
        if status is not None:
            code = os.waitstatus_to_exitcode(status)
            self.exit_code = code if code >= 0 else None
            self.signal = -code if code < 0 else None


class Command:
    """A program that was started.

    Raises OSError if it cannot be, ValueError for a word with a NUL.
    """

    def __init__(self, words: Sequence[str], env: Mapping[str, str], cwd: str) -> None:
        self.output, theirs = os.pipe()
        os.set_blocking(self.output, False)
        self._reaped: int | None = None  #: its wait status, where `_is_over` has to take it
        here = os.getcwd()
        try:
            os.chdir(cwd)
            self.pid = _spawn(words, env, theirs)
        except (OSError, ValueError):
            os.close(self.output)
            raise
        finally:
            os.chdir(here)
            os.close(theirs)

    def attend(self, watch: Watch, herald: Herald, bell: Bell, limits: Limits) -> Ended:
        """Drain, watch and limit it to its end; then end what is left of its group."""
        keeper = _Keeper(self, watch, bell, limits)
        poll = select.poll()
        poll.register(bell.pipe, select.POLLIN)
        poll.register(self.output, select.POLLIN)
        watch.moved_at = now_s()
        while not self._is_over() and not keeper.is_hopeless:
            wait_s = keeper.wait_s(herald.due)
            ready = poll.poll(None if wait_s is None else max(0, wait_s) * 1000 + 1)
            if any(descriptor == self.output for descriptor, _ in ready) and not self._drain(watch):
                poll.unregister(self.output)
            bell.hush()
            herald.flush()
            keeper.enforce()
        self._linger(watch)
        status = None if keeper.is_hopeless and not self._is_over() else self._reap()
        os.close(self.output)
        watch.finish()
        herald.flush(last=True)
        return Ended(keeper.ending, keeper.why, status)

    def signal_group(self, number: int) -> None:
        """Signal the command and all its children that stayed with it."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS says the second of a zombie
            return

    def _drain(self, watch: Watch) -> bool:
        """Read what is there; False at its end."""
        try:
            data = os.read(self.output, _READ_BYTES)
        except BlockingIOError:
            return True
        if data:
            watch.feed(data)
        return bool(data)

    def _linger(self, watch: Watch) -> None:
        """Let children finish a sentence, then end them: nobody will wait for them."""
        poll = select.poll()
        poll.register(self.output, select.POLLIN)
        until = now_s() + LINGER_S
        while (left_s := until - now_s()) > 0:
            if poll.poll(left_s * 1000 + 1) and not self._drain(watch):
                break
        self.signal_group(signal.SIGKILL)

    def _is_over(self) -> bool:
        """Whether it has ended; it stays a zombie, so that its group's number is still its own."""
        if not hasattr(os, "waitid"):
            return self._reaped is not None or self._poll()
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _poll(self) -> bool:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        self._reaped = status if pid else None
        return bool(pid)

    def _reap(self) -> int:
        return os.waitpid(self.pid, 0)[1] if self._reaped is None else self._reaped


class _Keeper:
    """Knows when a command must end, and how far the ending has come."""

    def __init__(self, command: Command, watch: Watch, bell: Bell, limits: Limits) -> None:
        self._command = command
        self._watch = watch
        self._bell = bell
        self._limits = limits
        self._started = now_s()
        self._kill_at: float | None = None
        self._give_up_at: float | None = None
        self.ending = "exited"
        self.why = ""
        self.is_hopeless = False  #: it outlived SIGKILL

    def wait_s(self, herald_due: float | None) -> float | None:
        """Return how long nothing needs to be done; None: until something happens."""
        dues = [herald_due, self._kill_at, self._give_up_at]
        if self.ending == "exited":
            dues += [self._limit_at(), self._stall_at()]
        known = [due for due in dues if due is not None]
        return min(known) - now_s() if known else None

    def enforce(self) -> None:
        """Take the next step, if it is due."""
        now = now_s()
        grace_s = self._bell.request()
        if self.ending == "exited":
            self._judge(now, grace_s)
        elif self._kill_at is not None:
            if grace_s is not None:  # asked again, with less patience
                self._kill_at = min(self._kill_at, now + grace_s)
            if now >= self._kill_at:
                self._kill_at, self._give_up_at = None, now + UNKILLABLE_S
                self._command.signal_group(signal.SIGKILL)
        elif self._give_up_at is not None and now >= self._give_up_at:
            self.is_hopeless = True
            self.why += f"; unkillable: still there {UNKILLABLE_S:g} s after SIGKILL"

    def _judge(self, now: float, grace_s: float | None) -> None:
        limit_at, stall_at = self._limit_at(), self._stall_at()
        if grace_s is not None:
            self._end("killed", "ended on request", now + grace_s)
        elif limit_at is not None and now >= limit_at:
            why = f"ran longer than its limit of {self._limits.limit_s:g} s"
            self._end("limit", why, now + self._limits.grace_s)
        elif stall_at is not None and now >= stall_at:
            why = f"made no progress for {self._limits.stall_s:g} s"
            self._end("stall", why, now + self._limits.grace_s)

    def _end(self, ending: str, why: str, kill_at: float) -> None:
        self.ending, self.why, self._kill_at = ending, why, kill_at
        self._command.signal_group(signal.SIGTERM)
        self._command.signal_group(signal.SIGCONT)  # a stopped one would not hear the other

    def _limit_at(self) -> float | None:
        return None if self._limits.left_s is None else self._started + self._limits.left_s

    def _stall_at(self) -> float | None:
        return None if self._limits.stall_s is None else self._watch.moved_at + self._limits.stall_s


def _spawn(words: Sequence[str], env: Mapping[str, str], output: int) -> int:
    with open(os.devnull, "rb") as nothing:
        return os.posix_spawn(
            _found(words[0], env.get("PATH", os.defpath)),
            list(words),
            dict(env),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
            setsigdef=_OURS,
        )


def _found(word: str, path: str) -> str:
    """Return the file that a first word means; as a shell would look for it."""
    if "/" in word:
        return word
    for folder in path.split(os.pathsep):
        file = os.path.join(folder or os.curdir, word)
        if os.path.isfile(file) and os.access(file, os.X_OK):
            return file
    raise FileNotFoundError(2, "not found on PATH", word)


def _noted(number: int, frame: object) -> None:
    """Let a signal ring the bell, and do nothing else."""
