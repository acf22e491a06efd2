"""Questions to a node and its answers: one fixed command, all else on stdin (T02)."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from orchestrator.errors import Rejected, Unreachable
from orchestrator.remote import boot, onnode

ANSWER_BYTES_MAX = 8 << 20
"""An answer with all that a login shell chatters around it."""

PIECE_BYTES = 1 << 18
MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"
"""Our Python's version: a node needs the same."""

_NOT_FOUND = frozenset({126, 127})
_FOLDER = Path(__file__).parent
_PROGRAM = tuple(
    ("orchestrator.remote.onnode." + name, f"onnode/{name}.py") for name in onnode.SENT
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, errors included, and how it ended."""

    code: int
    text: bytes


class Duplex(Protocol):
    """Bytes to a command that goes on, and from it.  Raises OSError where it has broken off."""

    def recv(self, nbytes: int) -> bytes:
        """Return what comes next; empty: nothing more."""

    def sendall(self, s: bytes) -> None:
        """Send all of it."""

    def close(self) -> None:
        """End it."""


class Opener(Protocol):
    """A shell that can leave a command's stdin and stdout open."""

    def open(self, words: tuple[str, ...], parts: Iterable[bytes]) -> Duplex:
        """Run `words`, send `parts`, and return its ends; raises as `Shell.run`."""


class Shell(Protocol):
    """Something that runs a command on one machine."""

    def run(self, words: tuple[str, ...], parts: Iterable[bytes], limit_s: float) -> Said:
        """Run `words` with `parts` on stdin.  The words are constants: a shell will read them.

        Raises Unreachable, Rejected.
        """

    def close(self) -> None:
        """Let go."""


def words_of(python: str) -> tuple[str, ...]:
    """Return the one command that ever runs."""
    return (python, "-I", "-c", boot.CONSTANT)


class Talk:
    """Asks a node's Python to do things."""

    def __init__(self, node: str, shell: Shell) -> None:
        self._node = node
        self._shell = shell
        self._pythons = ["python3", f"python{MINOR}"]

    def call(
        self, call: str, data: dict[str, object], limit_s: float, more: Iterable[bytes] = ()
    ) -> dict[str, Any]:  # as JSON
        """Return the node's answer; `more`: bytes after the question.

        Raises Unreachable, Rejected.
        """
        mark = f"orchestrator-{secrets.token_hex(16)}"
        told = {"mark": mark, "call": call, "data": data}
        for python in tuple(self._pythons):
            said = self._shell.run(words_of(python), _lines(mark, told, more), limit_s)
            if said.code not in _NOT_FOUND or mark.encode() in said.text:
                self._pythons = [python]
                return self._answer(said, mark)
        raise Rejected(
            self._node,
            f"has no python3; install Python {MINOR} there (Debian: apt install python3)",
        )

    def open(self, opener: Opener, call: str, data: dict[str, object]) -> Duplex:
        """Return what is left open after the answer to a call that goes on.

        Raises Unreachable, Rejected.
        """
        mark = f"orchestrator-{secrets.token_hex(16)}"
        lines = _lines(mark, {"mark": mark, "call": call, "data": data}, ())
        ends = opener.open(words_of(self._pythons[0]), lines)
        try:
            self._answer(Said(-1, _answered(ends, mark)), mark)
        except OSError as error:
            ends.close()
            raise Unreachable(self._node, f"the connection broke off: {error}") from error
        except BaseException:
            ends.close()
            raise
        return ends

    def close(self) -> None:
        """Let go of the machine."""
        self._shell.close()

    def _answer(self, said: Said, mark: str) -> dict[str, Any]:
        line = f"\n{mark}\n".encode()
        before, first, rest = said.text.partition(line)
        text, last, _ = rest.partition(line)
        if not first or not last:
            if said.code < 0:
                raise Unreachable(self._node, "the connection broke off before the answer came")
            raise Rejected(
                self._node, f"its Python gives no answer (code {said.code}): {_end(before)}"
            )
        answer = json.loads(text)
        if "old" in answer:
            why = f"has Python {answer['old']} ({answer['python']}), the controller has {MINOR}"
            raise Rejected(self._node, f"{why}; install Python {MINOR} there")
        if "again" in answer:
            raise Unreachable(self._node, answer["again"])
        if "no" in answer:
            raise Rejected(self._node, answer["no"])
        whole = answer["is"]
        assert isinstance(whole, dict)
        return whole


def _lines(mark: str, told: object, more: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what goes to stdin: what finds a Python, what loads, the program, the question, more."""
    program = [(module, _text(file)) for module, file in _PROGRAM]
    start = f"MARK, WANT = {mark!r}, {MINOR!r}\nboot()\n"
    for each in (_text("boot.py") + start, _text("load.py") + "load()\n", program, told):
        yield json.dumps(each).encode() + b"\n"
    yield from more


def _answered(ends: Duplex, mark: str) -> bytes:
    """Return what comes up to the end of an answer; who answered says nothing more by itself."""
    heard, line = bytearray(), f"\n{mark}\n".encode()
    while heard.count(line) < 2 and len(heard) <= ANSWER_BYTES_MAX:
        if not (piece := ends.recv(PIECE_BYTES)):
            break
        heard += piece
    return bytes(heard)


def _text(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _end(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").split("\n")
    return next((line.strip()[:400] for line in reversed(lines) if line.strip()), "it says nothing")
