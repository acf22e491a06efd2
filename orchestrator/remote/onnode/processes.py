"""Which process is meant: pid, start time, boot id, as the agent and its runners write it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from orchestrator.remote.onnode.files import read_json
from orchestrator.remote.onnode.question import Again

STEP_S = 0.05
KILL_WAIT_S = 5.0

if sys.platform == "win32":
    KILL = signal.SIGTERM
else:
    KILL = signal.SIGKILL

PLAIN = {"LC_ALL": "C", "TZ": "UTC"}
"""Dates are in the same words for whoever asks, as in the agent's own."""


def lives(path: str) -> int:
    """Return the pid of the process that a file describes if it still runs, else 0."""
    marked = read_json(path)
    pid = marked.get("pid")
    if not isinstance(pid, int) or pid <= 0 or marked.get("boot") != boot_id():
        return 0
    return pid if started_at(pid) == marked.get("start") != "" else 0


def end(running: Callable[[], int], grace_s: float) -> None:
    """End a process of ours, if it runs."""
    if not (pid := running()):
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if not wait_for(lambda: not running(), grace_s):
        with suppress(ProcessLookupError):
            os.kill(pid, KILL)
        if not wait_for(lambda: not running(), KILL_WAIT_S):
            raise Again(f"its agent (process {pid}) cannot be ended; it hangs in the system")


def wait_for(true: Callable[[], bool], limit_s: float) -> bool:
    """Wait until something is so; whether it came to be."""
    until = time.monotonic() + limit_s
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(STEP_S)
    return True


def boot_id() -> str:
    """Return the name of this boot."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return boot_of_macos(said)


def boot_of_macos(said: Callable[[list[str]], str]) -> str:
    """Return it as macOS tells it; where it has no name for it, when it was."""
    return said(["sysctl", "-n", "kern.bootsessionuuid"]) or said(["sysctl", "-n", "kern.boottime"])


def started_at(pid: int) -> str:
    """Return when a live process started, in the system's words; empty: there is none."""
    return start_by_proc(pid) if os.path.isdir("/proc/self") else start_by_ps(pid)


def start_by_ps(pid: int) -> str:
    """Ask a system without /proc."""
    state, _, start = said(["ps", "-o", "state=,lstart=", "-p", str(pid)]).partition(" ")
    return "" if state.startswith("Z") else start.strip()


def start_by_proc(pid: int) -> str:
    """Ask Linux."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in {b"Z", b"X"} else fields[19].decode()


def said(words: list[str]) -> str:
    """Return what a small program of the system prints."""
    with suppress(OSError, subprocess.SubprocessError):
        env = {**os.environ, **PLAIN}
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=5, check=False, env=env
        )
        return done.stdout.strip()
    return ""
