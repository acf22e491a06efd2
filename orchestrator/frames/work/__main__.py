"""`python -m orchestrator.frames.work VERB`: reads ``input.json``, leaves ``result.json``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.frames.work import check, publish
from orchestrator.frames.work.attempt import leave
from orchestrator.frames.work.trouble import Trouble

VERBS: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, object]]] = {
    "check": check.run,
    "publish": publish.run,
}


def main() -> int:
    """Do what is asked, and return the exit code."""
    try:
        leave(VERBS[sys.argv[1]](json.loads(Path("input.json").read_text("utf-8"))))
    except Trouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        leave({"error": str(trouble), "cause": trouble.cause.value, "final": trouble.final})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
