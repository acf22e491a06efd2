"""A node's keys, made by another process: what it takes for that is not ours to keep in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from orchestrator.errors import Refusal

KEYS_LIMIT_S = 60.0


def made_keys(folder: Path, name: str, *more: str) -> bytes:
    """Return what `orchestrator.agent.keys` answers with these words; Refusal."""
    words = [sys.executable, "-m", "orchestrator.agent.keys", str(folder), name, *more]
    try:
        answer = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=KEYS_LIMIT_S, check=True
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise Refusal(f"{folder}: no key can be made: {error}") from error
    return answer.stdout
