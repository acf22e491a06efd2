"""Small files written whole.  Standard library only."""

from __future__ import annotations

import os
from _thread import get_native_id  # `threading` takes long to import
from contextlib import suppress

from orchestrator.system import BYTES, sync_folder
from orchestrator.system import now_s as now_s


def write_whole(path: str | os.PathLike[str], data: bytes, *, durable: bool = False) -> None:
    """Write `data` so that a reader finds all of it or nothing; `durable`: also after power loss.

    Raises OSError.
    """
    path = os.fspath(path)
    part = f"{path}.{get_native_id()}.part"  # two may write the same at once
    try:
        _write(part, data, durable)
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            os.unlink(part)
        raise
    if durable:
        sync_folder(os.path.dirname(path))


def write_first(path: str, data: bytes) -> bool:
    """Write `data` whole unless the file is there already; return whether we were first."""
    part = f"{path}.{os.getpid()}"
    write_whole(part, data)
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(part)
    return True


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`; a single `os.write` may stop half-way."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _write(path: str, data: bytes, durable: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BYTES, 0o640)
    try:
        write_all(descriptor, data)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
