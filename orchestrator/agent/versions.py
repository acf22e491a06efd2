"""`python -m orchestrator.agent.versions NAME PATH PATTERN WORDS…`: a program and its version.

Prints the JSON that a check of a program answers: ``path version sha256``, or ``why`` it cannot be used.
Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

LIMIT_S = 50.0
"""Renderers begin slowly: they look for licences and plug-ins first."""


def main() -> int:
    """Print what is found."""
    name, path, pattern, *words = sys.argv[1:]
    sys.stdout.write(json.dumps(found(name, path, pattern, words)))
    return 0


def found(name: str, path: str, pattern: str, words: list[str]) -> dict[str, str]:
    """Return the answer for a program; `path` empty: the one of that name on the path."""
    there = shutil.which(path or name)
    if there is None:
        if path:
            return {"why": f"{path}: there is no such program; correct it in `programs`"}
        return {"why": f"it has no {name}: install it, or name it in `programs`"}
    there = os.path.abspath(there)
    try:
        said = subprocess.run(
            [there, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_S,
            check=False,
        ).stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        return {"why": f"{there} {' '.join(words)}: said nothing for {LIMIT_S:g} s"}
    except OSError as error:
        return {"why": f"{there}: cannot be started: {error.strerror}"}
    hit = re.search(pattern, said)
    if hit is None:
        last = said.strip().rpartition("\n")[2][:200]
        return {"why": f"{there} does not tell the version of {name}: {last or 'it is silent'}"}
    with open(there, "rb") as binary:
        digest = hashlib.file_digest(binary, "sha256").hexdigest()
    return {"path": there, "version": hit["version"], "sha256": digest}


if __name__ == "__main__":
    sys.exit(main())
