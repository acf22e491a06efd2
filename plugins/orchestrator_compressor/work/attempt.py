"""The attempt's folder: ``input.json`` in, ``result.json`` out, and how a file gets durable."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TypeVar, cast

from orchestrator_compressor.work.trouble import Trouble

INPUT = "input.json"
RESULT = "result.json"
RESULT_BYTES_MAX = 8 << 10  #: what an outcome may carry; more goes into a file it names
CHUNK_BYTES = 1 << 20

Ask = TypeVar("Ask")


def ask(kind: type[Ask]) -> Ask:
    """Return ``input.json`` of the current folder as the noun `kind`; keys it lacks are ignored.

    Raises Trouble if it is missing, no JSON, or lacks what the noun needs.
    """
    try:
        data = json.loads(Path(INPUT).read_bytes())
    except (OSError, ValueError) as error:
        raise Trouble(f"{INPUT}: {error}; this is a fault of the program") from error
    known = fields(cast("type", kind))
    needed = {f.name for f in known if f.default is MISSING and f.default_factory is MISSING}
    if lacking := needed - set(data):
        raise Trouble(f"{INPUT}: lacks {', '.join(sorted(lacking))}; a fault of the program")
    return kind(**{f.name: data[f.name] for f in known if f.name in data})


def write_result(values: Mapping[str, object]) -> None:
    """Write ``result.json``: whole, or not at all.

    Raises Trouble if it is larger than an outcome may carry.
    """
    text = json.dumps(values, ensure_ascii=False)
    if len(text.encode()) > RESULT_BYTES_MAX:
        raise Trouble(f"{RESULT}: {len(text.encode())} bytes; at most {RESULT_BYTES_MAX} may stand")
    write_whole(Path(RESULT), text.encode())


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader finds all of it or nothing (tmp, fsync, rename)."""
    part = path.with_name(f".{path.name}.tmp")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync(path.parent)


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


def facts_of(path: Path) -> dict[str, object]:
    """Return ``file``, ``size`` and ``sha256`` of a finished file, after bringing it to the disk."""
    sync(path)
    return {"file": path.name, "size": path.stat().st_size, "sha256": sha256(path)}
