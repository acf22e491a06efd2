"""Files and folders of ours, made whole and removed whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


def read_json(path: str) -> dict[str, Any]:
    """Return what a file of ours says; nothing where it is missing or damaged."""
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def write(path: str, data: bytes) -> None:
    """Write a file whole, for its owner alone."""
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            os.unlink(part)
        raise


def write_json(path: str, data: object) -> None:
    """Write a file of ours."""
    write(path, json.dumps(data).encode())


def unlink(path: str) -> None:
    """Remove a file that need not be there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def empty(folder: str, ours: Callable[[str], bool]) -> None:
    """Remove what is ours in a folder, and the folder if nothing else is in it."""
    with suppress(OSError):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.isdir(path) and not os.path.islink(path):
                if ours(path):
                    shutil.rmtree(path, ignore_errors=True)
            elif ours(path.removesuffix(".part")):
                unlink(path)
        os.rmdir(folder)


def hash_of(path: str) -> str:
    """Return a file's hash; empty where there is none."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def tail(path: str, limit: int) -> str:
    """Return the end of a file."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - max(0, limit)))
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""


def take(descriptor: int) -> None:
    """Lock an open file until it is closed; OSError if another has it."""
    if sys.platform == "win32":
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def same_file(descriptor: int, path: str) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False
