"""What kind of machine this is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress

from orchestrator.remote.onnode.processes import said


def minor() -> str:
    """Return the version of this Python, as ``3.11``."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def cores() -> int:
    """Return how many cores the system gives us."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> int:
    """Return the machine's memory in bytes; 0: not known."""
    if sys.platform == "win32":
        return 0
    with suppress(ValueError, OSError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return memory_of_macos(said)


def memory_of_macos(said: Callable[[list[str]], str]) -> int:
    """Return it as macOS tells it; 0: it does not."""
    told = said(["sysctl", "-n", "hw.memsize"])
    return int(told) if told.isdecimal() else 0


def own_address(connection: str) -> str:
    """Return our end of what sshd says of a connection: ``client port server port``."""
    words = connection.split()
    return words[2] if len(words) == 4 else ""
