"""An attempt's log: its head, its end, and how much was dropped between (R12, F29).

Kept as files named after where in the output they begin: ``log.0`` (the first 1 MiB), then pieces
of 4 MiB of which only the last are kept.  Nothing else needs to be remembered, so a log can be
read while it is written, and after its writer died.  Standard library only.
"""

from __future__ import annotations

import os
import re

from orchestrator.system import BYTES

HEAD_BYTES = 1 << 20
TAIL_BYTES = 8 << 20
PIECE_BYTES = 4 << 20
CHUNK_BYTES = 1 << 20

HEAD = "head"
"""What stands before the output: of whom it is, not of the command."""

_PREFIX = "log."
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class LogWriter:
    """Takes any bytes, keeps the first and the last.

    A disk that takes no more is no fault of the command: what it refuses is dropped.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._size = 0  #: of the whole output so far
        self._room = 0  #: left in the open piece
        self._piece = -1
        self._tail: list[int] = []  #: where the pieces begin that are kept

    def write(self, data: bytes) -> None:
        """Append `data`."""
        while data:
            if self._room == 0:
                self._turn()
            part, data = data[: self._room], data[self._room :]
            try:
                if self._piece >= 0:
                    os.write(self._piece, part)
            except OSError:
                self._drop_piece()
            self._size += len(part)
            self._room -= len(part)

    def close(self) -> None:
        """Leave the files as they are."""
        self._drop_piece()

    def _turn(self) -> None:
        self._drop_piece()
        self._room = PIECE_BYTES if self._size else HEAD_BYTES
        if self._size:
            self._tail.append(self._size)
        if len(self._tail) > 1 + TAIL_BYTES // PIECE_BYTES:
            _unlink(os.path.join(self._folder, f"{_PREFIX}{self._tail.pop(0)}"))
        path = os.path.join(self._folder, f"{_PREFIX}{self._size}")
        try:
            self._piece = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BYTES, 0o640)
        except OSError:
            self._piece = -1

    def _drop_piece(self) -> None:
        if self._piece >= 0:
            os.close(self._piece)
        self._piece = -1


def read_log(folder: str, offset: int, count: int) -> bytes:
    """Return up to `count` bytes of the log as a person sees it, from `offset`; b"" past its end.

    What was dropped is one line that says how much.
    """
    found = b""
    for part, length in _parts(folder):
        wanted = min(length - offset, count - len(found))
        if wanted > 0:
            if isinstance(part, bytes):
                found += part[offset : offset + wanted]
            else:
                path, skip = part
                found += _read(path, skip + offset, wanted)
        offset = max(0, offset - length)
    return found


def copy_log(folder: str, target: str) -> None:
    """Write the whole log as one file; raises OSError."""
    offset = 0
    with open(target, "wb") as file:
        while data := read_log(folder, offset, CHUNK_BYTES):
            file.write(data)
            offset += len(data)


def tail_text(folder: str, limit: int) -> str:
    """Return the end of the log as clean text, at most `limit` bytes as UTF-8."""
    pieces = _pieces(folder)
    data = b""
    for _, path, size in pieces[-2:]:
        data += _read(path, max(0, size - 2 * limit), 2 * limit)
    text = clean(data)
    return text.encode()[-limit:].decode("utf-8", "ignore").lstrip("\n")


def clean(data: bytes) -> str:
    """Return output of a program as text without what could steer a terminal (T19)."""
    text = _ESCAPE.sub("", data.decode("utf-8", "replace"))
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _parts(folder: str) -> list[tuple[bytes | tuple[str, int], int]]:
    """Return the log in order: (path, bytes to skip) or a line of ours, each with its length."""
    parts = _head(folder)
    pieces = _pieces(folder)
    if not pieces:
        return parts
    (_, path, head), *tail = pieces
    parts.append(((path, 0), head))
    if not tail:
        return parts
    first, (last, _, size) = tail[0][0], tail[-1]
    keep_from = max(first, last + size - TAIL_BYTES)
    if keep_from > HEAD_BYTES:
        line = f"\n[{keep_from - HEAD_BYTES} bytes of output were dropped here]\n".encode()
        parts.append((line, len(line)))
    for start, path, size in tail:
        skip = max(0, keep_from - start)
        if skip < size:
            parts.append(((path, skip), size - skip))
    return parts


def _head(folder: str) -> list[tuple[bytes | tuple[str, int], int]]:
    path = os.path.join(folder, HEAD)
    try:
        return [((path, 0), os.stat(path).st_size)]
    except OSError:
        return []


def _pieces(folder: str) -> list[tuple[int, str, int]]:
    """Return (start, path, size) of each file of the log, in order."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                number = entry.name.removeprefix(_PREFIX)
                if entry.name.startswith(_PREFIX) and number.isdigit():
                    found.append((int(number), entry.path, entry.stat().st_size))
    except FileNotFoundError:
        return []
    return sorted(found)


def _read(path: str, offset: int, count: int) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(count)
    except FileNotFoundError:  # dropped in the meantime
        return b""


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
