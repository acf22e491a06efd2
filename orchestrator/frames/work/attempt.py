"""The attempt's own folder, which is the current one: what is left there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

FRAMES = "frames.json"
"""Name, size and SHA-256 of each frame that was looked at and is right."""

RESULT = "result.json"


def leave(result: Mapping[str, object], name: str = RESULT) -> str:
    """Write a file of JSON, whole or not at all; return its SHA-256."""
    data = json.dumps(result, ensure_ascii=False).encode("utf-8", "surrogateescape")
    part = Path(f".{name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(name)
    return hashlib.sha256(data).hexdigest()
