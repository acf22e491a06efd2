"""The log of one attempt, wherever it is: on cluster storage, in the spool, or its last lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from orchestrator.agent.logs import clean, read_log
from orchestrator.cli.reading import Source, log_path
from orchestrator.cli.show import plain
from orchestrator.client.client import Client
from orchestrator.model.record import AttemptRecord
from orchestrator.model.work import AttemptId

CHUNK_BYTES = 64 << 10

HEAD = "# "
"""How a log begins that says itself what was called."""


@dataclass(slots=True)
class AttemptLog:
    """Reads on from where it was."""

    record: AttemptRecord
    piece: Callable[[int], tuple[bytes, int]]
    #: what there is from an offset on, and where the next piece begins; b"": nothing more now
    stored: Path  #: its log on cluster storage, once it has ended
    head: str = ""  #: what it says itself of its command, if it does
    _offset: int = 0
    _rest: bytes = field(default=b"", repr=False)  #: the line that has not ended yet

    def read(self) -> Iterator[str]:
        """Yield what is new, whole lines only while the attempt is open; safe to print (T19)."""
        while (part := self.piece(self._offset))[0]:
            if not self._offset and part[0].startswith(HEAD.encode()):
                self.head = clean(part[0])
            data, self._offset = part
            whole, end, rest = (self._rest + data).rpartition(b"\n")
            self._rest = rest
            if whole or end:
                yield clean(whole + end)
        if self.record.closed and self._rest:
            yield clean(self._rest) + "\n"
            self._rest = b""
        if self.record.closed and not self._offset:
            yield from self._kept()

    def _kept(self) -> Iterator[str]:
        """Yield the last lines as the ledger has them, where the file is gone or elsewhere."""
        kept = self.record.outcome.log_tail if self.record.outcome else ""
        if kept and not self.stored.exists():
            self._offset = len(kept)  # told once
            yield f"[{self.stored} is not there; the last lines, from the ledger:]\n"
            yield clean(kept.encode()).rstrip("\n") + "\n"


def log_of(record: AttemptRecord, source: Source) -> AttemptLog:
    """Return the log of an attempt: its cluster is asked, or it is looked for on our own disks."""
    stored = log_path(source.storage, record.id)
    if source.client is not None:
        return AttemptLog(record, partial(_asked, source.client, record.id), stored)
    held = source.spool / "attempts" / record.id if source.spool else None
    return AttemptLog(record, partial(_here, stored, held), stored)


def _here(stored: Path, held: Path | None, offset: int) -> tuple[bytes, int]:
    try:
        with stored.open("rb") as file:
            file.seek(offset)
            data = file.read(CHUNK_BYTES)
    except OSError:
        data = read_log(str(held), offset, CHUNK_BYTES) if held else b""
    return data, offset + len(data)


def _asked(client: Client, attempt: AttemptId, offset: int) -> tuple[bytes, int]:
    part = client.log(attempt, offset)
    return part.data, part.next


def header(record: AttemptRecord, first: str = "", head: str = "") -> str:
    """Return the line above a log, and the words of its command where `first` does not tell them.

    :param first: the text that follows
    :param head: how the log begins, if it tells its command: as it does that, without secrets
    """
    came = (
        f"{record.cause}: {record.why}" if record.cause else "accepted" if record.accepted else ""
    )
    parts = (record.task, f"attempt {record.id}", record.node, record.opened, came or "open")
    said = f"$ {record.command}" if record.command else ""
    if head:
        said = next((line for line in head.splitlines() if line.startswith("$ ")), "")
    is_told = first.startswith(HEAD) or not said
    command = "" if is_told else f"{plain(said)}\n"
    return plain(f"==> {', '.join(parts)}") + f"\n{command}"


def tail(texts: Iterable[str], count: int) -> Iterator[str]:
    """Yield the last `count` lines."""
    lines: deque[str] = deque(maxlen=count)
    for text in texts:
        lines.extend(text.splitlines(keepends=True))
    yield from lines
