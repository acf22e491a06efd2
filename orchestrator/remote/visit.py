"""One errand on an extended node: begun there, followed, ended, and nothing left of it.

Between the two there may be no connection for a while: the words go on there, and are found again
by the attempt's name.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from typing import Protocol

from orchestrator.errors import NodeError, Rejected, Unreachable
from orchestrator.remote import posix
from orchestrator.remote.posix import Errand
from orchestrator.remote.wrap import Way
from orchestrator.system import BROKEN_PIPE_CODE

log = logging.getLogger(__name__)

CALL_LIMIT_S = 15.0
QUICK_S = 0.1
SLOW_S = 1.0
"""Between two looks: soon after something came, and where nothing comes."""

BACK_OFF_S = (0.5, 1.0, 2.0, 4.0)
START_LIMIT_S = 15.0
"""For the keeper there to say that it has begun."""

_STARTED = frozenset({b"started", b"there", b"none"})
_TOLD = frozenset({b"told"})


class Shell(Protocol):
    """A connection to a machine's shell."""

    def say(self, script: bytes, limit_s: float) -> bytes:
        """Give `script` to ``/bin/sh`` there and return all that it prints.

        Raises Unreachable (another connection may do) or Rejected.
        """

    def close(self) -> None:
        """Let go."""


class Visit:
    """One errand on an extended node, over as many connections as it takes."""

    def __init__(
        self,
        way: Way,
        errand: Errand,
        dial: Callable[[], Shell],
        out: Callable[[bytes], None],
    ) -> None:
        """`out` takes what the words print; it raises OSError where nobody listens any more."""
        self._way = way
        self._errand = errand
        self._dial = dial
        self._out = out
        self._sleep = time.sleep
        self._clock = time.monotonic
        self._shell: Shell | None = None
        self._heard_at = self._clock()
        self._beat = 0
        self._piece, self._offset, self._dropped = 0, 0, 0
        self._asked_at: float | None = None  #: when we were asked to end it
        self._told = ""  #: the last signal that was sent there

    def ask_end(self) -> None:
        """End the words at the next opportunity; may be called in a signal handler."""
        if self._asked_at is None:
            self._asked_at = self._clock()

    def run(self) -> int:
        """Return the exit code of the words, when all that they printed was handed on.

        Raises Unreachable when they were lost sight of, Rejected if we may not in.
        """
        began = self._clock()
        try:
            if self._asked_at is None:
                self._start()
            while (code := self._look(began)) is None:
                self._end_if_asked()
            return code
        except _Unheard:  # the runner is gone: nobody will take the result
            return BROKEN_PIPE_CODE
        finally:
            self._leave()

    def _start(self) -> None:
        answers = self._said(lambda mark: posix.start(self._errand, mark), _STARTED)
        if answers[-1].strip() == b"none":
            raise Rejected(self._name, f"no folder ~/{posix.ROOT} can be made there")

    def _look(self, began: float) -> int | None:
        """Hand on what came; return the exit code at the very end."""
        self._beat += 1
        blocks = self._said(
            lambda mark: posix.poll(self._errand.name, mark, self._piece, self._offset, self._beat),
            frozenset({b"end"}),
        )
        state, _, rest = blocks[0].strip().partition(b" ")
        code, _, dropped = rest.partition(b" ")
        self._tell_dropped(int(dropped or b"0"))
        came = sum(self._take(block) for block in blocks[1:-1])
        if state == b"over" and not came:
            return int(code)
        if state == b"gone" or (state == b"starts" and self._clock() > began + START_LIMIT_S):
            raise self._lost("its folder there is gone, or never came to be")
        if state == b"dead" and not came:
            raise self._lost("what kept it there was killed, or the machine was started anew")
        self._sleep(QUICK_S if came or self._beat < 5 or self._asked_at is not None else SLOW_S)
        return None

    def _take(self, block: bytes) -> int:
        """Hand on one piece of output; return how many bytes it had, 1 where the next begins."""
        head, _, data = block.partition(b"\n")
        piece, offset, more = (int(word) for word in head.split())
        if data:
            self._hand_on(data)
        self._piece, self._offset = (piece + 1, 0) if more else (piece, offset + len(data))
        return len(data) + more

    def _tell_dropped(self, dropped: int) -> None:
        if dropped > self._dropped:
            count, self._dropped = dropped - self._dropped, dropped
            self._hand_on(f"\n[about {count} bytes of output were dropped here]\n".encode())

    def _hand_on(self, data: bytes) -> None:
        try:
            self._out(data)
        except OSError as error:
            raise _Unheard from error

    def _end_if_asked(self) -> None:
        if self._asked_at is None:
            return
        is_late = self._clock() > self._asked_at + self._way.grace_s
        word = "KILL" if is_late else "TERM"
        if word != self._told:
            self._said(lambda mark: posix.end(self._errand.name, mark, word), _TOLD)
            self._told = word

    def _leave(self) -> None:
        """Leave nothing there; out of reach, its keeper there does it, later."""
        try:
            if self._shell is not None:
                self._ask(lambda mark: posix.clean(self._errand.name, mark))
        except NodeError as error:
            log.warning("%s: its folder stays for now", error, extra={"action": "extended_left"})
        finally:
            self._hang_up()

    def _said(self, script: Callable[[str], bytes], last: frozenset[bytes]) -> list[bytes]:
        """Return the answer's blocks, dialling anew while it takes no longer than allowed.

        What does not end with one of the blocks `last` was cut off, and is asked for again.
        """
        tries = 0
        while True:
            try:
                blocks = self._ask(script)
                if blocks and blocks[-1].strip() in last:
                    self._heard_at = self._clock()
                    return blocks
            except Unreachable as error:
                log.info("%s; tried again", error, extra={"action": "extended_silent"})
            self._hang_up()
            if self._clock() - self._heard_at > self._way.give_up_s:
                raise self._lost(f"no connection for {self._way.give_up_s:g} s")
            self._sleep(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])
            tries += 1

    def _ask(self, script: Callable[[str], bytes]) -> list[bytes]:
        if self._shell is None:
            self._shell = self._dial()
        mark = f"orchestrator-{secrets.token_hex(16)}"
        said = self._shell.say(script(mark), CALL_LIMIT_S)
        return said.split(b"\n" + mark.encode() + b"\n")[1:]

    def _hang_up(self) -> None:
        if self._shell is not None:
            self._shell.close()
            self._shell = None

    def _lost(self, why: str) -> Unreachable:
        return Unreachable(self._name, f"lost sight of its command: {why}")

    @property
    def _name(self) -> str:
        return self._way.name


class _Unheard(Exception):
    """Nobody takes what the words print."""
