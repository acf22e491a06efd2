"""What differs from one operating system to the next, each behind a small function.

Standard library only: runners use it.  The branches ask `sys.platform`, which mypy understands:
`make types` checks each of them.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
import time
from collections.abc import Callable

if sys.platform == "win32":
    import msvcrt
    import shutil
else:
    import fcntl
    import resource

LOCKED_AT = 1 << 30
"""Where Windows locks a byte: behind all that is in the file, so that others can read that."""

LOCK_AGAIN_S = 0.05

_TAKEN = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})

# -- time

if sys.platform == "win32":

    def now_s() -> float:
        """Return seconds that also count while the machine sleeps, by a clock nobody sets (R9)."""
        return time.monotonic()
else:
    _CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS: the latter counts sleep

    def now_s() -> float:
        """Return seconds that also count while the machine sleeps, by a clock nobody sets (R9)."""
        return time.clock_gettime(_CLOCK)


# -- locks


def take_lock(file: int, *, wait: bool = False) -> bool:
    """Lock an open file until it is closed; False if another has it.  With `wait`, until it is ours.

    Raises OSError.
    """
    if sys.platform == "win32":
        taken = take_byte(file, lambda each: msvcrt.locking(each, msvcrt.LK_NBLCK, 1), wait=wait)
    else:
        taken = _flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    return taken


def is_locked(file: int) -> bool:
    """Whether another has the lock of an open file, which is then to be closed at once.

    Raises OSError.
    """
    if sys.platform == "win32":
        taken = take_lock(file)  # it has no lock to share: for a moment it is ours
    else:
        taken = _flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return not taken


def take_byte(file: int, locking: Callable[[int], None], *, wait: bool = False) -> bool:
    """Lock as `take_lock` does, with a call that locks one byte where the file stands, or raises."""
    while True:
        os.lseek(file, LOCKED_AT, os.SEEK_SET)
        try:
            locking(file)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        else:
            return True
        finally:
            os.lseek(file, 0, os.SEEK_SET)
        if not wait:
            return False
        time.sleep(LOCK_AGAIN_S)


if sys.platform != "win32":

    def _flock(file: int, how: int) -> bool:
        try:
            fcntl.flock(file, how)
        except BlockingIOError:
            return False
        return True


# -- files

if sys.platform == "win32":
    BYTES = os.O_BINARY
    """Open a file as it is: no line ends are changed."""

    UNWAITED = os.O_BINARY
    """… and wait for nobody at its other end."""
else:
    BYTES = 0
    UNWAITED = os.O_NONBLOCK


def open_plain(path: str) -> int:
    """Open a regular file for reading: no link is followed, no pipe waited for.  Raises OSError."""
    if sys.platform == "win32":
        if os.path.islink(path):
            raise OSError(errno.ELOOP, "it is a link")
        file = os.open(path, os.O_RDONLY | BYTES)
    else:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "it is no regular file")
    return file


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Bring the names in a folder to the disk, where a folder can be opened.  Raises OSError."""
    if sys.platform == "win32":
        return
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def room(folder: str | os.PathLike[str]) -> tuple[int, int]:
    """Return how many bytes we may still write there, and how many there are.  Raises OSError."""
    if sys.platform == "win32":
        usage = shutil.disk_usage(folder)
        return usage.free, usage.total
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


# -- processes

if sys.platform == "win32":
    ENDINGS: tuple[signal.Signals, ...] = (signal.SIGTERM, signal.SIGINT, signal.SIGBREAK)
    """What asks a process to end."""
else:
    ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

BROKEN_PIPE_CODE = 141
"""What a shell says of a program that nobody listens to any more."""


def no_core_dumps() -> None:
    """Let no core dump of this process be written: it would hold secrets (T11)."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def ask_to_end(pid: int) -> None:
    """Ask a process of ours to end.  Raises ProcessLookupError.

    Windows has no such question; there a runner looks for its ``kill.json``.
    """
    if sys.platform != "win32":
        os.kill(pid, signal.SIGTERM)
