"""`python -m orchestrator.frames.work VERB`: reads ``input.json``, leaves ``result.json``."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from orchestrator.frames.work.attempt import leave
from orchestrator.frames.work.trouble import Trouble, of_os_error

VERBS = ("look", "check", "publish", "verify")


def main() -> int:
    """Do what is asked, and return the exit code."""
    verb = sys.argv[1]
    if verb not in VERBS:
        sys.stderr.write(f"{verb!r}: no verb; it is one of {', '.join(VERBS)}\n")
        return 2
    # A verb loads what it needs only: publishing needs no decoder.
    module = importlib.import_module(f"orchestrator.frames.work.{verb}")
    try:
        leave(module.run(json.loads(Path("input.json").read_text("utf-8"))))
    except Trouble as trouble:
        return _fail(trouble)
    except OSError as error:
        return _fail(of_os_error(error, Path.cwd()))
    return 0


def _fail(trouble: Trouble) -> int:
    sys.stderr.write(f"{trouble}\n")
    try:
        leave(trouble.record())
    except OSError:  # the disk is full: the runner sees code 1 and this last line
        return 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
