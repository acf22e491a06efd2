"""One command, from its start until nothing of it is left.  Standard library only.

It has a session of its own, so the whole group can be ended; its output is drained whatever
happens; and its end is never waited for on a pipe, which a grandchild may hold open (R15).
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from orchestrator.agent.files import now_s
from orchestrator.agent.leash import Leash
from orchestrator.agent.watch import Herald, Watch

if sys.platform == "win32":
    from orchestrator.agent.piped import Piped as Program
else:
    from orchestrator.agent.spawned import Spawned as Program

GRACE_S = 10.0
"""Between SIGTERM and SIGKILL."""

UNKILLABLE_S = 30.0
"""After SIGKILL; a process that is still there hangs in the kernel (F13)."""

LINGER_S = 1.0
"""How long a command's children may still write after its own end."""

if sys.platform == "win32":

    class Bell:
        """Wakes nobody: `Piped` looks so often that a request to end is seen in time."""

        def __init__(self, kill_file: str) -> None:
            """`kill_file` is the request, and says how patiently: ``{"grace": seconds}``."""
            self._kill_file = kill_file
            self._asked = b""
            self.pipe = -1
            signal.signal(signal.SIGINT, signal.SIG_IGN)

        def hush(self) -> None:
            """Take what has rung: nothing."""

        def wait(self, seconds: float) -> None:
            """Sleep."""
            time.sleep(seconds)

        def request(self) -> float | None:
            """Return the grace in seconds if we were asked to end since the last call."""
            asked = _text_of(self._kill_file)
            if asked == self._asked:
                return None
            self._asked = asked
            return _grace_s(asked)
else:

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
            return _grace_s(_text_of(self._kill_file)) if asked else None


def _text_of(file: str) -> bytes:
    try:
        with open(file, "rb") as request:
            return request.read()
    except OSError:
        return b""


def _grace_s(request: bytes) -> float:
    """Return how patient a request is, in seconds; the usual patience where it does not say."""
    try:
        return float(json.loads(request)["grace"])
    except (ValueError, KeyError, TypeError):
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
        self.leash: Leash | None = None  #: ends it when its cluster is silent for too long (R5)


class Ended:
    """How it went."""

    def __init__(self, ending: str, why: str, code: int | None) -> None:
        self.ending = ending  #: exited | limit | stall | killed | lost, as in `model.work.Ending`
        self.why = why
        self.exit_code = code if code is None or code >= 0 else None
        #: None: ended by a signal, or unkillable
        self.signal = -code if code is not None and code < 0 else None


class Command:
    """A program that was started.

    Raises OSError if it cannot be, ValueError for a word with a NUL.
    """

    def __init__(self, words: Sequence[str], env: Mapping[str, str], cwd: str) -> None:
        self._program = Program(words, env, cwd)

    def attend(self, watch: Watch, herald: Herald, bell: Bell, limits: Limits) -> Ended:
        """Drain, watch and limit it to its end; then end what is left of its group."""
        program = self._program
        keeper = _Keeper(program, watch, bell, limits)
        watch.moved_at = now_s()
        while not program.is_over() and not keeper.is_hopeless:
            if data := program.hear(keeper.wait_s(herald.due), bell.pipe):
                watch.feed(data)
            bell.hush()
            herald.flush()
            keeper.enforce()
        self._linger(watch)
        code = None if keeper.is_hopeless and not program.is_over() else program.reap()
        program.close()
        watch.finish()
        herald.flush(last=True)
        return Ended(keeper.ending, keeper.why, code)

    def _linger(self, watch: Watch) -> None:
        """Let children finish a sentence, then end them: nobody will wait for them."""
        until = now_s() + LINGER_S
        while not self._program.is_silent and (left_s := until - now_s()) > 0:
            if data := self._program.hear(left_s, None):
                watch.feed(data)
        self._program.kill()


class _Keeper:
    """Knows when a command must end, and how far the ending has come."""

    def __init__(self, program: Program, watch: Watch, bell: Bell, limits: Limits) -> None:
        self._program = program
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
            dues += [self._limit_at(), self._stall_at(), self._leash_at()]
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
                self._program.kill()
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
        elif self._limits.leash is not None and self._limits.leash.is_over(now):
            why = f"nothing was heard of its cluster for {self._limits.leash.length_s:g} s"
            self._end("lost", why, now + self._limits.grace_s)

    def _end(self, ending: str, why: str, kill_at: float) -> None:
        self.ending, self.why, self._kill_at = ending, why, kill_at
        self._program.ask_end()

    def _limit_at(self) -> float | None:
        return None if self._limits.left_s is None else self._started + self._limits.left_s

    def _leash_at(self) -> float | None:
        return None if self._limits.leash is None else self._limits.leash.due

    def _stall_at(self) -> float | None:
        return None if self._limits.stall_s is None else self._watch.moved_at + self._limits.stall_s


def _noted(number: int, frame: object) -> None:
    """Let a signal ring the bell, and do nothing else."""
