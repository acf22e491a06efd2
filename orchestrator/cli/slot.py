"""The slot in the door of a `run`: slips from other terminals, and what it answers.

A slip is a file in a folder of the state; who may write there owns the ledger anyway.  A `run` looks
into it with every look at its work.  A slip that lies there for longer than anybody waits is void.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from orchestrator.agent import exits
from orchestrator.agent.files import write_whole
from orchestrator.agent.spool import UNREADABLE
from orchestrator.controller.parts import act, prioritize
from orchestrator.controller.storage import Storage
from orchestrator.errors import LedgerError, NotThere, OrchestratorError, Refusal
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.codec import canonical, load
from orchestrator.model.talk import Verb
from orchestrator.model.wire import Failure, Trouble
from orchestrator.model.work import Priority
from orchestrator.system import open_plain

log = logging.getLogger(__name__)

WAITED_S = 30.0
"""So long an answer is waited for."""

LEFT_S = 10 * WAITED_S
"""An answer that lies for so long is fetched by nobody."""

SLIP_BYTES_MAX = 64 << 10

_SLIP, _ANSWER = ".slip", ".answer"
_EXCEPTIONS = {
    Trouble.NOT_THERE: NotThere,
    Trouble.REFUSED: Refusal,
    Trouble.STORED_NOT: LedgerError,
}
_NUMBERS = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """What a person asks for."""

    id: str  #: of a batch, job, target, segment or task
    verb: Verb | None = None  #: None: the batch gets a priority
    now: bool = False
    priority: Priority | None = None

    def __str__(self) -> str:
        asked = self.priority or self.verb
        return f"{asked.value if asked else 'nothing'} {self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of it."""

    failure: Failure | None = None  #: None: it is done

    def check(self) -> None:
        """Raise what it was refused with."""
        if self.failure is not None:
            raise _EXCEPTIONS.get(self.failure.kind, OrchestratorError)(self.failure.error)


def carry_out(slip: Slip, ledger: Ledger, storage: Storage) -> None:
    """Do it; raises what `controller.parts` does."""
    if slip.priority is not None:
        prioritize(ledger, slip.id, slip.priority)
    elif slip.verb is not None:
        act(ledger, storage, slip.verb, slip.id, now=slip.now)


@dataclass(frozen=True, slots=True)
class Slot:
    """The side of the `run`."""

    folder: Path
    ledger: Ledger
    storage: Storage
    _stuck: set[str] = field(default_factory=set)  #: names of what cannot be taken out

    def empty(self) -> tuple[Slip, ...]:
        """Do what was asked since the last time, in that order; return what was done."""
        return tuple(self._done())

    def _done(self) -> Iterator[Slip]:
        for path in self._slips():
            try:
                slip = _taken(path)
                if slip is None:
                    continue
                said = _answer(slip, self.ledger, self.storage)
                write_whole(path.with_suffix(_ANSWER), canonical(said).encode())
                self._sweep()
            except OSError as error:
                self._stuck.add(path.name)
                log.warning("%s: %s", path, error.strerror, extra={"action": "slip_failed"})
                continue
            if said.failure is None:
                yield slip

    def _sweep(self) -> None:
        """Take out what nobody fetches any more: who asked was killed."""
        with suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                age_s = time.time() - entry.stat(follow_symlinks=False).st_mtime
                if age_s > LEFT_S and not entry.name.endswith(_SLIP):
                    os.unlink(entry.path)

    def _slips(self) -> list[Path]:
        try:
            names = os.listdir(self.folder)
        except OSError:  # nobody ever asked
            return []
        fresh = sorted({*names} - self._stuck)
        return [self.folder / name for name in fresh if name.endswith(_SLIP)]


@dataclass(slots=True)
class Paper:
    """The side of another terminal: one slip, handed in once, taken back if nobody took it."""

    folder: Path
    slip: Slip
    _path: Path | None = field(default=None)

    def hand_in(self) -> None:
        """Put it into the slot; once more changes nothing.  Refusal where that cannot be."""
        if self._path is not None:
            return
        name = f"{time.time_ns():020}-{os.getpid()}-{next(_NUMBERS)}{_SLIP}"
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self._path = self.folder / name
            write_whole(self._path, canonical(self.slip).encode())
        except OSError as error:
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            todo = "make room there" if is_full else "it must be ours to write to"
            raise Refusal(f"{self.folder}: {error.strerror}; {todo}") from error

    def answer(self) -> Answer | None:
        """Return what was answered; None: nothing yet."""
        if self._path is None:
            return None
        try:
            return load(Answer, json.loads(self._path.with_suffix(_ANSWER).read_bytes()))
        except OSError:
            return None

    def take_back(self) -> None:
        """Leave nothing behind."""
        if self._path is not None:
            for path in (self._path, self._path.with_suffix(_ANSWER)):
                with suppress(OSError):
                    path.unlink()


def _taken(path: Path) -> Slip | None:
    """Take a slip out of the slot; None where it was taken back, or is void.  Raises OSError."""
    try:
        with os.fdopen(open_plain(str(path)), "rb") as file:
            text, written = file.read(SLIP_BYTES_MAX), os.fstat(file.fileno()).st_mtime
        path.unlink()
    except FileNotFoundError:
        return None
    if time.time() - written > WAITED_S:
        return None
    try:
        slip = load(Slip, exits.parsed(text))
        slip.id.encode()  # half a character names nothing
    except UNREADABLE as error:
        log.warning("%s: no slip: %s", path, error, extra={"action": "slip_refused"})
        return None
    return slip


def _answer(slip: Slip, ledger: Ledger, storage: Storage) -> Answer:
    try:
        carry_out(slip, ledger, storage)
    except OrchestratorError as error:
        found = (kind for kind, each in _EXCEPTIONS.items() if isinstance(error, each))
        return Answer(failure=Failure(error=str(error), kind=next(found, Trouble.OURS)))
    return Answer()
