"""`python -m orchestrator_maya.look PATH`: where Maya's `Render` is on this node, and its version.

Prints the JSON that a check of a program answers.  Standard library only.
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
"""Maya begins slowly: it looks for licences and plug-ins first."""

SAID = re.compile(r"Maya\s+(?P<version>\d{1,4}(?:\.\d+)*)")
FOLDER = re.compile(r"maya-?(?P<version>\d{1,4}(?:\.\d+)*)", re.IGNORECASE)
"""As in the folders that it is installed in: ``/usr/autodesk/maya2024``."""


def main() -> int:
    """Print what is found."""
    sys.stdout.write(json.dumps(found(sys.argv[1])))
    return 0


def found(path: str) -> dict[str, str]:
    """Return the answer; `path` empty: the `Render` on the path.

    `Render` has no option that prints its version, and `maya`, which stands beside it, has: ``-v``.
    """
    there = shutil.which(path or "Render")
    if there is None and path:
        return {"why": f"{path}: there is no such program; correct it in `programs`"}
    if there is None:
        return {"why": "it has no Render of Maya's: install Maya, or name it in `programs`"}
    there = os.path.abspath(there)
    folder = FOLDER.search(os.path.realpath(there)) or FOLDER.search(there)
    hit = SAID.search(_said(os.path.join(os.path.dirname(there), "maya"))) or folder
    if hit is None:
        return {"why": f"{there}: neither `maya -v` beside it nor its folder tells Maya's version"}
    with open(there, "rb") as binary:
        digest = hashlib.file_digest(binary, "sha256").hexdigest()
    return {"path": there, "version": hit["version"], "sha256": digest}


def _said(maya: str) -> str:
    """Return what ``maya -v`` prints; nothing if it cannot be asked."""
    try:
        return subprocess.run(
            [maya, "-v"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_S,
            check=False,
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.TimeoutExpired):
        return ""


if __name__ == "__main__":
    sys.exit(main())
