"""Secrets that the controller must show to others as they are: of its mail server and webhooks.

They stand in a file for its owner's eyes; a manifest only says where they came from (F-ACC-10).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.controller.secretfile import read_secrets, write_secrets


class Vault:
    """Keeps secrets by name.  May be used from any thread.

    Raises Refusal for a file that others can read, OrchestratorError for one that cannot be read.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._values = read_secrets(file, _load) or {}

    def get(self, name: str) -> str:
        """Return a secret; empty: there is none of that name."""
        return self._values.get(name, "")

    def set(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Keep these and no others; return the names of those that changed, by name."""
        with self._lock:
            old, new = self._values, {name: each for name, each in values.items() if each}
            changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
            if changed:
                write_secrets(self._file, new)
                self._values = new
        return tuple(changed)


def _load(data: Any) -> Mapping[str, str]:
    return {str(name): str(each) for name, each in data.items()}
