"""Run one command on an extended node: a machine with nothing but sshd and a POSIX shell (F-EXT-1).

``python -m orchestrator.remote.extended CONFIG [--spec FILE] -- WORDS…`` stands before the words of
an attempt on the node that leads there; with ``--check STORAGE TOKEN`` instead it prints why no work
can be done there.  To its runner it is the command: what the words print it
prints, and it ends as they end (128 + n after signal n).  Between the two there may be no
connection for a while: the words go on there, and are found again by the attempt's name.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from orchestrator.errors import NodeError, Rejected, Unreachable
from orchestrator.model.cluster import Extended, Node, Recovery, Ssh
from orchestrator.model.codec import canonical, load
from orchestrator.remote import posix
from orchestrator.remote.connect import connect
from orchestrator.remote.hosts import host_of
from orchestrator.remote.posix import Errand
from orchestrator.remote.shell import SshShell
from orchestrator.remote.watchdog import Guarded
from orchestrator.system import BROKEN_PIPE_CODE, ENDINGS

log = logging.getLogger(__name__)

LOST_CODE = 255
"""What it ends with where the words were lost sight of; ``result.json`` says so, too."""

CALL_LIMIT_S = 15.0
QUICK_S = 0.1
SLOW_S = 1.0
"""Between two looks: soon after something came, and where nothing comes."""

BACK_OFF_S = (0.5, 1.0, 2.0, 4.0)
START_LIMIT_S = 15.0
"""For the keeper there to say that it has begun."""

_NAME_MAX = 100
_STARTED = frozenset({b"started", b"there", b"none"})
_TOLD = frozenset({b"told"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How an extended node is reached, and for how long it may be out of reach."""

    name: str  #: of the node that it is, as ``gate+old-01``
    address: str
    ssh: Ssh = field(default_factory=Ssh)
    known: str = ""  #: file of host keys on this node, beside the user's own
    grace_s: float = 6.0  #: between SIGTERM and SIGKILL there; below the runner's own
    give_up_s: float = 60.0  #: without a connection so long, the words are lost (F-REC-6)
    silence_s: float = 3600.0  #: not heard of us for so long, the words end themselves (R5)


class Shell(Protocol):
    """A connection to a machine's shell."""

    def say(self, script: bytes, limit_s: float) -> bytes:
        """Give `script` to ``/bin/sh`` there and return all that it prints.

        Raises Unreachable (another connection may do) or Rejected.
        """

    def close(self) -> None:
        """Let go."""


class _Unheard(Exception):
    """Nobody takes what the words print."""


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


def check(dial: Callable[[], Shell], storage: str, token: str) -> str:
    """Return why a machine cannot work on this cluster storage; empty: it can (F-EXT-6)."""
    mark = f"orchestrator-{secrets.token_hex(16)}"
    try:
        line = dial()
        try:
            said = line.say(posix.look(storage, mark), CALL_LIMIT_S)
        finally:
            line.close()
    except NodeError as error:
        return str(error)
    answer = said.rpartition(f"\n{mark}\n".encode())[2].strip()
    if answer == b"locked":
        return f"cannot read and write cluster storage {storage}; give its user the right to"
    if not answer.startswith(b"here"):
        return f"cannot see cluster storage {storage}; mount it there"
    if answer.removeprefix(b"here").strip().decode("utf-8", "replace") != token.strip():
        return f"sees another storage at {storage}; mount the cluster's there"
    return ""


def errand(words: Sequence[str], spec: Path | None, silence_s: float) -> tuple[Errand, Path]:
    """Return what is to be done, and the attempt's folder, as the runner's `spec` file says.

    Raises OSError, or ValueError for one that is none.
    """
    told = json.loads(spec.read_text()) if spec else {}
    name = str(told.get("attempt", secrets.token_hex(8)))[:_NAME_MAX]
    folder = Path(str(told.get("folder", Path.cwd())))
    env = {str(key): str(value) for key, value in told.get("env", {}).items()}
    cwd = str(told.get("cwd") or Path.cwd())
    made = Errand(name=name, words=tuple(words), env=env, cwd=cwd, silence_s=int(silence_s))
    return made, folder


def way_of(text: str) -> Way:
    """Return the Way that a JSON text, or the file of that name, describes.

    Raises OSError, or ValueError or TypeError for one that describes none.
    """
    data = text if text.lstrip().startswith("{") else Path(text).read_text()
    return load(Way, json.loads(data))


def wrap(node: Node, each: Extended, recovery: Recovery) -> tuple[str, ...]:
    """Return the words that an agent puts before each command: ``AgentSettings.wrap``.

    Its runner puts its own interpreter for ``{python}``, and the file of its spec for ``{spec}``.
    """
    way = Way(
        name=node.name,
        address=each.host,
        ssh=replace(each.ssh, user=each.user or each.ssh.user),
        give_up_s=recovery.lost_after_s,
        silence_s=recovery.orphan_stop_after_s,
    )
    words = ("-I", "-m", "orchestrator.remote.extended", canonical(way), "--spec", "{spec}", "--")
    return ("{python}", *words)


def looks(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words that check the storage of where the words of `wrap` lead."""
    return (*words[: list(words).index("--spec")], "--check", "{storage}", "{token}")


def dial(way: Way) -> Shell:
    """Return a shell through a guarded connection; Unreachable, Rejected."""
    held: list[socket.socket] = []
    guarded = Guarded(way.name, lambda: _close(held))
    known = Path(way.known).expanduser() if way.known else None
    host = host_of(way.name, way.address, way.ssh)
    return SshShell(way.name, guarded.run(lambda: connect(host, known, held.append)))


def _close(sockets: Sequence[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def leave_word(folder: Path, why: str, cause: str) -> None:
    """Tell the controller that it was not the words' fault: they cost no try (F-REC-8)."""
    part = folder / ".result.part"
    part.write_text(json.dumps({"error": why, "cause": cause}))
    part.replace(folder / "result.json")


def main(words: Sequence[str]) -> int:
    """Run the words after ``--``, or check the storage; return the exit code."""
    if words[1:2] == ["--check"] and len(words) == _CHECK_WORDS:
        return _checked(*words)
    try:
        before, after = _parted(words)
        way = way_of(before[0])
        spec = Path(before[2]) if before[1:2] == ["--spec"] else None
        made, folder = errand(after, spec, way.silence_s)
    except (OSError, ValueError, TypeError, IndexError) as error:
        sys.stderr.write(f"extended node: {error or USAGE}\n")
        return 2
    visit = Visit(way, made, lambda: dial(way), _print)
    for number in ENDINGS:
        signal.signal(number, lambda *_: visit.ask_end())
    try:
        return visit.run()
    except NodeError as error:
        sys.stderr.write(f"{error}\n")
        cause = "lost" if isinstance(error, Unreachable) else "unready"
        with suppress(OSError):
            leave_word(folder, str(error), cause)
        return LOST_CODE


USAGE = "usage: python -m orchestrator.remote.extended CONFIG [--spec FILE] -- WORDS…"
_CHECK_WORDS = 4


def _checked(config: str, _: str, storage: str, token: str) -> int:
    """Print why that machine cannot work on the storage, if so; what it prints is the answer."""
    try:
        way = way_of(config)
    except (OSError, ValueError, TypeError) as error:
        sys.stderr.write(f"extended node: {error}\n")
        return 2
    sys.stdout.write(check(lambda: dial(way), storage, token))
    return 0


def _parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what stands before ``--`` and what stands after it; ValueError."""
    if "--" not in words or words[-1] == "--":
        raise ValueError(USAGE)
    at = list(words).index("--")
    return list(words[:at]), list(words[at + 1 :])


def _print(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    code = main(sys.argv[1:])
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(code)  # threads of a connection that hangs may not hold us back
