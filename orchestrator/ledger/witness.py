"""A second record of how far the ledger has come, beside it and outside of SQLite.

One flipped bit in a write-ahead log drops the transactions behind it, and SQLite finds nothing
wrong.  So each transaction is also marked here, after its COMMIT and before anybody is answered:
two slots in turn, so that one is whole whatever happens while the other is written.  A ledger
behind its witness has lost something.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.system import BYTES, put_at, sync_data, sync_folder

SLOT_BYTES = 64
_FIELDS = struct.Struct("<QQQ32s")  # with the checksum's 8 bytes it is a slot
_CHECK_BYTES = SLOT_BYTES - _FIELDS.size


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """How far a ledger has come: the transactions written, its epoch, the end of its chain."""

    writes: int
    epoch: int
    seq: int
    hash: str  #: of event `seq`, 64 hexadecimal digits; empty: there is no event


class Witness:
    """The file of marks of one ledger, known by its id.  Raises LedgerError where the disk fails."""

    def __init__(self, path: Path, ledger: str) -> None:
        self.path = path
        self._ledger = ledger
        self._file: int | None = None

    def read(self) -> Mark | None:
        """Return the last mark; None: neither slot is whole, or it is another ledger's.

        Raises FileNotFoundError.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._failed(error) from error
        slots = (data[at : at + SLOT_BYTES] for at in (0, SLOT_BYTES))
        return max((mark for mark in map(self._unpacked, slots) if mark), default=None)

    def begin(self, mark: Mark) -> None:
        """Make the file anew, both slots saying `mark`, and keep it open."""
        self.close()
        part = self.path.with_name(f"{self.path.name}.part")
        try:
            part.unlink(missing_ok=True)
            self._file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | BYTES, 0o600)
            put_at(self._file, self._packed(mark) * 2, 0)
            os.fsync(self._file)
            part.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise self._failed(error) from error

    def go_on(self) -> None:
        """Open the file that is there."""
        if self._file is None:
            try:
                self._file = os.open(self.path, os.O_RDWR | BYTES)
            except OSError as error:
                raise self._failed(error) from error

    def write(self, mark: Mark) -> None:
        """Bring a mark to the disk, into the slot of the one before the last."""
        if self._file is None:
            raise LedgerError(f"ledger witness {self.path}: it is closed")
        try:
            put_at(self._file, self._packed(mark), SLOT_BYTES * (mark.writes % 2))
            sync_data(self._file)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Let go of the file; twice is once."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _packed(self, mark: Mark) -> bytes:
        fields = _FIELDS.pack(mark.writes, mark.epoch, mark.seq, bytes.fromhex(mark.hash))
        return fields + self._checksum(fields)

    def _unpacked(self, slot: bytes) -> Mark | None:
        fields, checksum = slot[: _FIELDS.size], slot[_FIELDS.size :]
        if checksum != self._checksum(fields):
            return None
        writes, epoch, seq, hash = _FIELDS.unpack(fields)
        return Mark(writes, epoch, seq, hash.hex() if seq else "")

    def _checksum(self, fields: bytes) -> bytes:
        key = self._ledger.encode()
        return blake2b(fields, key=key, digest_size=_CHECK_BYTES).digest()

    def _failed(self, error: OSError) -> LedgerError:
        return LedgerError(
            f"ledger witness {self.path}: the disk failed ({error.strerror}); "
            "check it, then start again"
        )
