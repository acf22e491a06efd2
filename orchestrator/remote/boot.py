"""What a node's Python runs first: finds the right interpreter for what follows.

Sent as text on stdin, with MARK and WANT set and `boot` called; understood by any Python from 3.6
on.  The next line on stdin is the program itself, as JSON.
"""

import json
import os
import subprocess
import sys

MARK = ""  #: the line before and after an answer
WANT = ""  #: as ``3.11``
CONSTANT = 'import json,os;exec(json.loads(os.fdopen(os.dup(0),"rb",0).readline().decode()))'
PLACES = ("/opt/homebrew/bin", "/usr/local/bin", "/opt/local/bin", "/usr/bin")
OLDEST = (3, 11)


def is_it(path: str) -> bool:
    """Whether the interpreter at `path` works and is the one wanted."""
    ask = "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '" + WANT + "')"
    with open(os.devnull, "r+b") as nothing:
        words = [path, "-I", "-c", ask]
        try:
            return not subprocess.call(words, stdin=nothing, stdout=nothing, stderr=nothing)
        except OSError:
            return False


def wanted() -> object:
    """Return the path of the wanted interpreter, or None."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    for folder in folders + [each for each in PLACES if each not in folders]:
        path = os.path.join(folder, "python" + WANT)
        if os.path.isabs(path) and os.access(path, os.X_OK) and is_it(path):
            return path
    return None


def boot() -> None:
    """Go on in the right interpreter; in this one, if there is none and it will do for a look."""
    has = "{}.{}".format(*sys.version_info)
    if has != WANT:
        path = str(wanted() or "")
        if path:
            os.execv(path, [path, "-I", "-c", CONSTANT])
    if sys.version_info < OLDEST:
        answer = json.dumps({"old": has, "python": sys.executable})
        os.write(1, f"\n{MARK}\n{answer}\n{MARK}\n".encode())
        return
    with os.fdopen(os.dup(0), "rb", 0) as lines:
        program = json.loads(lines.readline().decode())
    exec(program, {"__name__": "__main__"})
