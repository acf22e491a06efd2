"""Which process is meant: pid, start time and boot id (R15).  Standard library only.

A pid alone names another process tomorrow, and after a reboot at once.
"""

from __future__ import annotations

import os

PROC = "/proc"


def mark(pid: int) -> dict[str, object]:
    """Return what tells the running process `pid` from every other, past and future.

    Raises ProcessLookupError if there is none.
    """
    return {"pid": pid, "start": _start(pid), "boot": boot_id()}


def is_alive(marked: dict[str, object]) -> bool:
    """Whether the process that `mark` described still runs; a zombie does not."""
    pid = marked.get("pid")
    if not isinstance(pid, int) or pid <= 0 or marked.get("boot") != boot_id():
        return False
    try:
        return _start(pid) == marked.get("start")
    except ProcessLookupError:
        return False


def boot_id() -> str:
    """Return the name of this boot of the machine."""
    try:
        with open(f"{PROC}/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return _said(["sysctl", "-n", "kern.bootsessionuuid"])


def _start(pid: int) -> str:
    """Return when a live process started, in the system's own words."""
    if not os.path.isdir(f"{PROC}/self"):
        return _ps_start(pid)
    try:
        with open(f"{PROC}/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()  # the name before may hold anything
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ProcessLookupError(pid) from error
    if fields[0] in {b"Z", b"X"}:
        raise ProcessLookupError(pid)
    return fields[19].decode()


def _ps_start(pid: int) -> str:
    state, _, start = _said(["ps", "-o", "state=,lstart=", "-p", str(pid)]).partition(" ")
    if not start or state.startswith("Z"):
        raise ProcessLookupError(pid)
    return start.strip()


def _said(words: list[str]) -> str:
    """Return what a small program of the system prints; `subprocess` is slow to import."""
    come, go = os.pipe()
    pid = os.posix_spawnp(words[0], words, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, go, 1)])
    os.close(go)
    with open(come, "rb") as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return text.decode("utf-8", "replace").strip()
