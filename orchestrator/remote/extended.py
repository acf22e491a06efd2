"""Run one command on an extended node: a machine with nothing but sshd and a POSIX shell (F-EXT-1).

``python -m orchestrator.remote.extended CONFIG [--spec FILE] -- WORDS…`` stands before the words of
an attempt on the node that leads there; with ``--check STORAGE TOKEN`` instead it prints why no work
can be done there.  To its runner it is the command: what the words print it prints, and it ends as
they end (128 + n after signal n).
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from orchestrator.errors import NodeError, Unreachable
from orchestrator.remote import posix
from orchestrator.remote.connect import connect
from orchestrator.remote.hosts import host_of
from orchestrator.remote.posix import Errand
from orchestrator.remote.shell import SshShell
from orchestrator.remote.visit import CALL_LIMIT_S, Shell, Visit
from orchestrator.remote.watchdog import Guarded
from orchestrator.remote.wrap import Way, way_of
from orchestrator.system import ENDINGS

LOST_CODE = 255
"""What it ends with where the words were lost sight of; ``result.json`` says so, too."""

USAGE = "usage: python -m orchestrator.remote.extended CONFIG [--spec FILE] -- WORDS…"
_CHECK_WORDS = 4
_NAME_MAX = 100


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


def leave_word(folder: Path, why: str, cause: str) -> None:
    """Tell the controller that it was not the words' fault: they cost no try (F-REC-8)."""
    part = folder / ".result.part"
    part.write_text(json.dumps({"error": why, "cause": cause}))
    part.replace(folder / "result.json")


def dial(way: Way) -> Shell:
    """Return a shell through a guarded connection; Unreachable, Rejected."""
    held: list[socket.socket] = []
    guarded = Guarded(way.name, lambda: _close(held))
    known = Path(way.known).expanduser() if way.known else None
    host = host_of(way.name, way.address, way.ssh)
    return SshShell(way.name, guarded.run(lambda: connect(host, known, held.append)))


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


def _close(sockets: Sequence[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


if __name__ == "__main__":
    code = main(sys.argv[1:])
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(code)  # threads of a connection that hangs may not hold us back
