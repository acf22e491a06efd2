"""What the right interpreter runs on a node: makes modules of texts, and begins with the last one.

Sent as text on stdin, with `load` called.  The next line on stdin is the program, as JSON: the name
and the text of each module, after those that it imports; the last one has a `main`.
"""

from __future__ import annotations

import json
import os
import sys
import types


def load() -> None:
    """Do what the program does."""
    with os.fdopen(os.dup(0), "rb", 0) as lines:
        program = json.loads(lines.readline().decode())
    for name, text in program:
        module = sys.modules[name] = types.ModuleType(name)
        exec(compile(text, name, "exec"), module.__dict__)
    sys.modules[program[-1][0]].main()
