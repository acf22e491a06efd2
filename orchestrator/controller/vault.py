"""Secrets that the controller must show to others as they are: of its mail server and webhooks.

They stand in a file for its owner's eyes; a manifest only says where they came from (F-ACC-10).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from orchestrator.errors import OrchestratorError, Refusal


class Vault:
    """Keeps secrets by name.  May be used from any thread.

    Raises Refusal for a file that others can read, OrchestratorError for one that cannot be read.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._values = _read(file)

    def get(self, name: str) -> str:
        """Return a secret; empty: there is none of that name."""
        return self._values.get(name, "")

    def set(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Keep these and no others; return the names of those that changed, by name."""
        with self._lock:
            old, new = self._values, {name: each for name, each in values.items() if each}
            changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
            if changed:
                _write(self._file, new)
                self._values = new
        return tuple(changed)


def _read(file: Path) -> Mapping[str, str]:
    try:
        mode = file.stat().st_mode & 0o777
        data = json.loads(file.read_text("utf-8"))
        values = {str(name): str(each) for name, each in data.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise OrchestratorError(
            f"secrets {file}: cannot be read ({type(error).__name__}); remove it and apply again"
        ) from error
    if mode & 0o077:
        raise Refusal(
            f"secrets {file}: others can read it (mode {mode:04o}); run: chmod 600 {file}"
        )
    return values


def _write(file: Path, values: Mapping[str, str]) -> None:
    """Replace the file, so that who reads it sees the old or the new one."""
    part = file.with_name(f"{file.name}.part")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(values, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    except OSError as error:
        raise OrchestratorError(
            f"secrets {file}: cannot be kept: {error.strerror}; nothing was changed"
        ) from error
