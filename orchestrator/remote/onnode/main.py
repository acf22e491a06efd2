"""One question, and its answer."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable

from orchestrator.remote.onnode.agents import ask, free, log, remove, request, start, stop
from orchestrator.remote.onnode.controllers import carry, relay, retire, serve, stands
from orchestrator.remote.onnode.places import base, be_in
from orchestrator.remote.onnode.programs import keep_private
from orchestrator.remote.onnode.question import Again, Data, No
from orchestrator.remote.onnode.runtimes import adopt, build, missing, put

FULL = {errno.ENOSPC, errno.EDQUOT}

CALLS: dict[str, Callable[[Data], object]] = {
    each.__name__: each
    for each in (
        *(ask, missing, put, build, adopt, request, start, free, stop, remove, log),
        *(stands, serve, retire, relay),
    )
}


def main() -> None:
    """Do what the next line on stdin says."""
    keep_private()
    with os.fdopen(os.dup(0), "rb", 0) as lines:
        told = json.loads(lines.readline().decode())
    text = json.dumps(answer(told["call"], told["data"]))
    sys.stdout.buffer.write(f"\n{told['mark']}\n{text}\n{told['mark']}\n".encode())
    sys.stdout.buffer.flush()
    carry()


def answer(call: str, data: Data) -> dict[str, object]:
    """Return what came of a call."""
    try:
        if "folder" in data:
            be_in(str(data["folder"]))
        return {"is": CALLS[call](data)}
    except Again as error:
        return {"again": str(error)}
    except No as error:
        return {"no": str(error)}
    except OSError as error:
        if error.errno in FULL:
            return {"again": f"no space is left in {base()}; free some, it goes on by itself"}
        return {"no": f"{error.filename or base()}: {error.strerror or error}"}
