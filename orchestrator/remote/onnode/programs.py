"""Programs that are run here: with little of our environment, and with their last word."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from contextlib import suppress

from orchestrator.remote.onnode.question import Again, No

TAIL_BYTES = 4096

KEPT_ENV = (
    *("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER"),
    *("XDG_RUNTIME_DIR", "XDG_STATE_HOME"),
)

UMASK = 0o077
"""With which the session began that runs us: the agent makes its files so."""


def own_umask() -> int:
    """Return what the agent makes files with."""
    return UMASK


def keep_private() -> None:
    """Make files for their owner alone from now on."""
    global UMASK
    UMASK = os.umask(0o077)


def run(words: list[str], limit_s: float, umask: int = -1) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its output and its errors come as one text."""
    try:
        return subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=limit_s,
            env=clean(),
            cwd="/",
            umask=umask,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Again(f"{os.path.basename(words[0])} took more than {limit_s:g} s") from None


def clean() -> dict[str, str]:
    """Return what of our environment may reach the agent: no secrets, no settings of Python's."""
    return {name: value for name, value in os.environ.items() if name in KEPT_ENV}


def trouble(what: str, done: subprocess.CompletedProcess[str]) -> Exception:
    """Return what is raised for a program that failed."""
    if os.strerror(errno.ENOSPC) in done.stdout:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return No(f"{what}: {last_line(done.stdout)}")


def last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text[-TAIL_BYTES:].splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    with suppress(ValueError, TypeError, KeyError):  # the agent's log has JSON lines
        last = str(json.loads(last)["message"])
    return last[:400]
