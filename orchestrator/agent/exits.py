"""What is read and guessed when a command has ended: its result, and whether its disk was full.

Standard library only.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterable

from orchestrator.system import open_plain, room

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself takes 5 ms to import
    from typing import NoReturn

RESULT_BYTES_MAX = 8 << 10
DEPTH_MAX = 64
"""Of JSON that we are given: what nests deeper could be read, and then not be written again."""

LOG_TAIL_BYTES = 4 << 10

_PROBE_BYTES = 64 << 10
_FULL = {errno.ENOSPC, errno.EDQUOT}
_STORAGE = _FULL | {
    errno.EROFS,
    errno.EIO,
    errno.ESTALE,
    errno.ENOTCONN,
    errno.ENODEV,
    errno.ETIMEDOUT,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
}
NARROW_BYTES = 1 << 30
NARROW_PART = 0.05
"""Less room than either, and a command that says it found none is believed."""

_NO_SPACE = re.compile("No space left on device|Disk quota exceeded")


class Unstarted(Exception):
    """The command was never started; `cause` as in `model.work.Cause`."""

    def __init__(self, why: str, cause: str = "failed") -> None:
        super().__init__(why)
        self.why = why
        self.cause = cause


def unready(folder: str, error: OSError) -> str | None:
    """Return why `folder` takes nothing now, if that is what `error` says; None: it is not."""
    if error.errno not in _STORAGE:
        return None
    if error.errno in _FULL:
        return f"storage is full: {folder}; free some space, it goes on by itself"
    return f"storage cannot be used: {folder}: {error.strerror}; it goes on by itself"


def was_full(folder: str, log_tail: str) -> str | None:
    """Return why a failed command was not at fault: its disk is full; None: it was not that.

    Its own words count where there is little room: part of what filled the disk may be gone by now.
    """
    if _NO_SPACE.search(log_tail) and _is_narrow(folder):
        return unready(folder, OSError(errno.ENOSPC, ""))
    probe = os.path.join(folder, ".space")
    try:
        with open(probe, "wb") as file:
            file.write(b"\0" * _PROBE_BYTES)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return unready(folder, error)
    finally:
        _remove(probe)
    return None


def _is_narrow(folder: str) -> bool:
    try:
        free, whole = room(folder)
    except OSError:
        return True
    return free < NARROW_BYTES or free < NARROW_PART * whole


def read_result(folder: str) -> tuple[dict[str, object], str]:
    """Return ``result.json`` and "", or nothing and why it cannot be used; it need not exist.

    Only a regular file of at most 8 KiB with one JSON object is read: a command writes it.
    """
    try:
        data = regular(os.path.join(folder, "result.json"), RESULT_BYTES_MAX + 1)
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"result.json: {error.strerror}"
    if len(data) > RESULT_BYTES_MAX:
        return {}, f"result.json has more than {RESULT_BYTES_MAX} bytes; put more into a file"
    try:
        values = parsed(data)
    except ValueError as error:
        return {}, f"result.json is not JSON: {error}"
    if not isinstance(values, dict):
        return {}, "result.json is no JSON object"
    return values, ""


def regular(path: str, count: int) -> bytes:
    """Return the first `count` bytes of a regular file; no link is followed, no pipe waited for.

    Raises OSError.
    """
    descriptor = open_plain(path)
    try:
        return os.read(descriptor, count)
    finally:
        os.close(descriptor)


def parsed(text: bytes) -> object:
    """Return what `text` says as JSON; ValueError where it is none, or nests without measure."""
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError as error:
        raise ValueError(f"nested deeper than {DEPTH_MAX}") from error
    level, depth = [value], 0
    while level := [each for holder in level for each in _held(holder)]:
        depth += 1
        if depth > DEPTH_MAX:
            raise ValueError(f"nested deeper than {DEPTH_MAX}")
    return value


def _held(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _finite(word: str) -> float:
    value = float(word)
    return value if value - value == 0 else _no_constant(word)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
