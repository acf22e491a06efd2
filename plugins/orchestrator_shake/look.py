"""`python -m orchestrator_shake.look PATH`: where Shake is on this node, and its version.

Prints the JSON that a check of a program answers.  Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys

VERSION = re.compile(r"shake[-_ /]?v?(\d+(?:\.\d+)*)", re.IGNORECASE)
"""As in the folders that it is installed in: ``shake-v4.10.0606``, ``Shake4.1``."""


def main() -> int:
    """Print what is found."""
    sys.stdout.write(json.dumps(found(sys.argv[1])))
    return 0


def found(path: str) -> dict[str, str]:
    """Return the answer; `path` empty: the one of that name on the path.

    Its version is read from the folder that it stands in: no documented option prints it, and a
    `shake` without a script opens its window.
    """
    there = shutil.which(path or "shake")
    if there is None and path:
        return {"why": f"{path}: there is no such program; correct it in `programs`"}
    if there is None:
        return {"why": "it has no shake: install it, or name it in `programs`"}
    there = os.path.abspath(there)
    hit = VERSION.search(os.path.realpath(there)) or VERSION.search(there)
    with open(there, "rb") as binary:
        digest = hashlib.file_digest(binary, "sha256").hexdigest()
    return {"path": there, "version": hit[1] if hit else "", "sha256": digest}


if __name__ == "__main__":
    sys.exit(main())
