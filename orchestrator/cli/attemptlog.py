"""The log of one attempt, wherever it is: on cluster storage, in the spool, or its last lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.agent.logs import clean, read_log
from orchestrator.cli.show import plain
from orchestrator.model.record import AttemptRecord

CHUNK_BYTES = 64 << 10


@dataclass(slots=True)
class AttemptLog:
    """Reads on from where it was."""

    record: AttemptRecord
    spool: Path  #: the attempt's folder there, while it runs and until its outcome is settled
    stored: Path  #: its log on cluster storage, once it has ended
    _offset: int = 0
    _rest: bytes = field(default=b"", repr=False)  #: the line that has not ended yet

    def read(self) -> Iterator[str]:
        """Yield what is new, whole lines only while the attempt is open; safe to print (T19)."""
        while data := self._bytes():
            self._offset += len(data)
            whole, end, rest = (self._rest + data).rpartition(b"\n")
            self._rest = rest
            if whole or end:
                yield clean(whole + end)
        if self.record.closed and self._rest:
            yield clean(self._rest) + "\n"
            self._rest = b""
        if self.record.closed and not self._offset:
            yield from self._kept()

    def _bytes(self) -> bytes:
        try:
            with self.stored.open("rb") as file:
                file.seek(self._offset)
                return file.read(CHUNK_BYTES)
        except OSError:
            return read_log(str(self.spool), self._offset, CHUNK_BYTES)

    def _kept(self) -> Iterator[str]:
        """Yield the last lines as the ledger has them, where the file is gone or elsewhere."""
        kept = self.record.outcome.log_tail if self.record.outcome else ""
        if kept and not self.stored.exists():
            self._offset = len(kept)  # told once
            yield f"[{self.stored} is not there; the last lines, from the ledger:]\n"
            yield clean(kept.encode()).rstrip("\n") + "\n"


def log_of(record: AttemptRecord, spool: Path, storage: Path) -> AttemptLog:
    """Return the log of an attempt, to be looked for below the spool and cluster storage."""
    held = spool / "attempts" / record.id
    return AttemptLog(record, held, storage / "attempts" / record.id / "log")


def header(record: AttemptRecord) -> str:
    """Return the line above a log, and the words of its command."""
    came = (
        f"{record.cause}: {record.why}" if record.cause else "accepted" if record.accepted else ""
    )
    parts = (record.task, f"attempt {record.id}", record.node, record.opened, came or "open")
    command = f"$ {plain(record.command)}\n" if record.command else ""
    return plain(f"==> {', '.join(parts)}") + f"\n{command}"


def tail(texts: Iterable[str], count: int) -> Iterator[str]:
    """Yield the last `count` lines."""
    lines: deque[str] = deque(maxlen=count)
    for text in texts:
        lines.extend(text.splitlines(keepends=True))
    yield from lines
