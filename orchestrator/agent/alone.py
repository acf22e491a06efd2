"""One process to a folder: it holds the lock, and says who it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.agent.files import write_whole
from orchestrator.agent.process import mark
from orchestrator.errors import Refusal
from orchestrator.system import take_lock


@contextmanager
def only_one(folder: Path, kind: str) -> Iterator[None]:
    """Hold the folder's lock, as ``agent.lock`` for the kind `agent`, and write its pid file.

    Raises Refusal if another process has it.
    """
    with (folder / f"{kind}.lock").open("a") as lock:
        if not take_lock(lock.fileno()):
            raise Refusal(f"{folder}: an agent runs here already; see {kind}.pid")
        write_whole(folder / f"{kind}.pid", json.dumps(mark(os.getpid())).encode())
        try:
            yield
        finally:
            (folder / f"{kind}.pid").unlink(missing_ok=True)
