"""Which process is meant: pid, start time and boot id (R15).  Standard library only.

A pid alone names another process tomorrow, and after a reboot at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

if sys.platform == "win32":
    import ctypes
    import winreg

PROC = "/proc"
PLAIN = {"LC_ALL": "C", "TZ": "UTC"}
"""Dates are in the same words for whoever asks."""


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


def boot_of_macos(said: Callable[[list[str]], str]) -> str:
    """Return it as macOS tells it; where it has no name for it, when it was."""
    return said(["sysctl", "-n", "kern.bootsessionuuid"]) or said(["sysctl", "-n", "kern.boottime"])


def start_by_proc(pid: int) -> str:
    """Ask Linux.  Raises ProcessLookupError."""
    try:
        with open(f"{PROC}/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()  # the name before may hold anything
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ProcessLookupError(pid) from error
    if fields[0] in {b"Z", b"X"}:
        raise ProcessLookupError(pid)
    return fields[19].decode()


if sys.platform == "win32":
    _QUERY_LIMITED = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION of <winnt.h>
    _STILL_ACTIVE = 259

    def boot_id() -> str:
        """Return the name of the machine: a start time is a date here, and needs no boot."""
        place = r"SOFTWARE\Microsoft\Cryptography"
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:
            return str(winreg.QueryValueEx(key, "MachineGuid")[0])

    def _start(pid: int) -> str:
        """Return when a process was made, in 100 ns since 1601.  Raises ProcessLookupError."""
        kernel = ctypes.windll.kernel32
        if not (process := kernel.OpenProcess(_QUERY_LIMITED, 0, pid)):
            raise ProcessLookupError(pid)
        try:
            code, made, *others = ctypes.c_ulong(), *(ctypes.c_ulonglong() for _ in range(4))
            kernel.GetExitCodeProcess(process, ctypes.byref(code))
            kernel.GetProcessTimes(process, *map(ctypes.byref, (made, *others)))
        finally:
            kernel.CloseHandle(process)
        if code.value != _STILL_ACTIVE:
            raise ProcessLookupError(pid)
        return str(made.value)
else:

    def boot_id() -> str:
        """Return the name of this boot of the machine."""
        try:
            with open(f"{PROC}/sys/kernel/random/boot_id", encoding="ascii") as file:
                return file.read().strip()
        except FileNotFoundError:
            return boot_of_macos(_said)

    def _start(pid: int) -> str:
        """Return when a live process started, in the system's own words."""
        return (start_by_proc if os.path.isdir(f"{PROC}/self") else start_by_ps)(pid)

    def start_by_ps(pid: int) -> str:
        """Ask a system without /proc.  Raises ProcessLookupError."""
        state, _, start = _said(["ps", "-o", "state=,lstart=", "-p", str(pid)]).partition(" ")
        if not start or state.startswith("Z"):
            raise ProcessLookupError(pid)
        return start.strip()

    def _said(words: list[str]) -> str:
        """Return what a small program of the system prints; `subprocess` is slow to import."""
        come, go = os.pipe()
        pid = os.posix_spawnp(
            words[0], words, {**os.environ, **PLAIN}, file_actions=[(os.POSIX_SPAWN_DUP2, go, 1)]
        )
        os.close(go)
        with open(come, "rb") as answer:
            text = answer.read()
        os.waitpid(pid, 0)
        return text.decode("utf-8", "replace").strip()
