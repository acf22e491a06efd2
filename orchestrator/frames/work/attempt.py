"""The attempt's own folder, which is the current one: what is left there, and what is read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = "frames"
"""What a renderer made, and nothing else."""

FRAMES = "frames.json"
"""What is known of each frame that was looked at and is right, and of what stands beside it."""

PUBLISHED = "published.json"
"""The same of each file that was put in its place, by its path below the destination's folder."""

RESULT = "result.json"

CHUNK_BYTES = 1 << 20


def leave(result: Mapping[str, object] | Sequence[object], name: str = RESULT) -> str:
    """Write a file of JSON, whole or not at all; return its SHA-256."""
    data = json.dumps(result, ensure_ascii=False).encode("utf-8", "surrogateescape")
    part = Path(f".{name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(name)
    return hashlib.sha256(data).hexdigest()


def left(path: Path, sha256: str) -> dict[str, Any] | None:
    """Return what `leave` wrote; None: it is gone, or another by now."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(data).hexdigest() != sha256:
        return None
    found: dict[str, Any] = json.loads(data.decode("utf-8", "surrogateescape"))
    return found


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
