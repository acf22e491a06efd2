"""`python -m orchestrator_checksum.work VERB`: what is done on a node, in the attempt's own folder.

Reads ``input.json``, leaves ``result.json``; a fault is its key ``error``, in one sentence.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LIST = "sums.sha256"
SIZES = "sizes.json"


def sizes(asked: Mapping[str, Any]) -> dict[str, object]:
    """Leave the sizes in a file of their own: a result must stay small."""
    data = json.dumps([os.path.getsize(file) for file in asked["files"]]).encode()
    Path(SIZES).write_bytes(data)
    return {"sizes": {"file": SIZES, "sha256": hashlib.sha256(data).hexdigest()}}


def sums(asked: Mapping[str, Any]) -> dict[str, object]:
    """Read each file, and tell when it is done."""
    lines = []
    for count, (file, name) in enumerate(asked["files"], start=1):
        with open(file, "rb") as reading:
            lines.append(f"{hashlib.file_digest(reading, 'sha256').hexdigest()}  {name}\n")
        sys.stdout.write(f"done {count}\n")
        sys.stdout.flush()
    Path(LIST).write_text("".join(lines), "utf-8")
    return {"files": len(lines)}


def join(asked: Mapping[str, Any]) -> dict[str, object]:
    """Put the lists of all segments into one."""
    Path(LIST).write_text(
        "".join(Path(part).read_text("utf-8") for part in asked["parts"]), "utf-8"
    )
    return {}


VERBS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, object]]] = {
    "sizes": sizes,
    "sums": sums,
    "join": join,
}


def main() -> int:
    """Do what is asked; return the exit code."""
    try:
        result = VERBS[sys.argv[1]](json.loads(Path("input.json").read_text("utf-8")))
    except OSError as error:
        # the source's own fault: no other try can end otherwise, and the other jobs go on
        result = {"error": f"{error.filename}: cannot be read: {error.strerror}", "cause": "source"}
    Path("result.json").write_text(json.dumps(result), "utf-8")
    return int("error" in result)


if __name__ == "__main__":
    sys.exit(main())
