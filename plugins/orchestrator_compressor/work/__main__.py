"""`python -m orchestrator_compressor.work VERB [-- WORDS]`: one task of the compressor, on a node.

Reads ``input.json`` of the current folder, which is the attempt's, and leaves ``result.json``
there: what was found and made, or ``error`` in one sentence with its ``cause``.  Ends with 0 or 1.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from orchestrator_compressor.facts import STAND_IN
from orchestrator_compressor.work.attempt import INPUT, write_result
from orchestrator_compressor.work.trouble import Trouble, of_os_error

VERBS = (
    *("probe", "analyse", "share", "search"),
    *("encode", "audio", "streams"),
    *("assemble", "verify", "publish"),
    *("gather", "inspect", "place"),  # the same of images
    *("package", "unpack"),  # the same of a ladder
    "tools",
)


def main(words: list[str]) -> int:
    """Do the verb that `words` name and return the exit code."""
    verb, rest = (words[0], words[1:]) if words else ("", [])
    if verb not in VERBS:
        print(f"{verb!r}: no verb; it is one of {', '.join(VERBS)}", file=sys.stderr)
        return 2
    # A verb loads what it needs only: most of the start would go into libraries it never calls.
    module = importlib.import_module(f"orchestrator_compressor.work.{verb}")
    if verb == "tools":
        return int(module.run(rest))
    command = rest[1:] if rest[:1] == ["--"] else rest
    staged: list[str] = []
    try:
        _prepare(staged)
        write_result(module.run(command))
    except Trouble as trouble:
        return _fail(trouble)
    except OSError as error:
        return _fail(of_os_error(error, Path.cwd()))
    finally:
        for name in (STAND_IN, *staged):  # as large as the index of a film; of each segment a copy
            Path(name).unlink(missing_ok=True)
    return 0


def _prepare(staged: list[str]) -> None:
    """Make what a source is read through whose media stand in other files, and what filters read."""
    try:
        asked = json.loads(Path(INPUT).read_bytes())
    except (OSError, ValueError):
        return  # the verb says it better
    if not isinstance(asked, dict):
        return
    if asked.get("refers") and "fingerprint" in asked:
        importlib.import_module("orchestrator_compressor.work.follow").prepare(asked)
    if wanted := asked.get("stage"):
        staged += [str(each["name"]) for each in wanted]
        importlib.import_module("orchestrator_compressor.work.props").place(wanted)


def _fail(trouble: Trouble) -> int:
    print(trouble, file=sys.stderr)
    try:
        write_result(trouble.record())
    except OSError:  # the disk is full: the runner sees code 1 and this last line
        return 1
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
