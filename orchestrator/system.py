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
from contextlib import suppress

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


def drop_cache(file: int) -> None:
    """Let what is read next of an open file come from its disk, where the system can be asked to."""
    if sys.platform == "linux":
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)


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


if sys.platform == "win32":
    HAS_FOLDERS = False
    """Whether a folder can be opened, so that what is done in it is done there and nowhere else."""

    def open_folder(path: str, within: int | None = None) -> int:
        """Raise OSError: a folder cannot be opened here."""
        raise OSError(errno.ENOTSUP, "a folder cannot be opened here")
else:
    HAS_FOLDERS = True
    """Whether a folder can be opened, so that what is done in it is done there and nowhere else."""

    def open_folder(path: str, within: int | None = None) -> int:
        """Open a folder, by its name in another open one if that is given.

        A link in the place of the last name is not followed then.  Raises OSError.
        """
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        return os.open(path, flags | (0 if within is None else os.O_NOFOLLOW), dir_fd=within)


def mount_id(folder: int) -> tuple[int, str]:
    """Return what tells the mount that an open folder is on from any other.  Raises OSError."""
    device = os.fstat(folder).st_dev
    try:
        with open(f"/proc/self/fdinfo/{folder}") as file:
            told = file.read()
    except OSError:  # not Linux: two mounts of one file system look alike
        return device, ""
    return device, told.partition("mnt_id:")[2].split()[0] if "mnt_id:" in told else ""


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Bring the names in a folder to the disk, where a folder can be opened.  Raises OSError."""
    if sys.platform == "win32":
        return
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def put_at(file: int, data: bytes, at: int) -> None:
    """Write `data` into an open file at a place, all of it.  Raises OSError."""
    if sys.platform == "win32":
        os.lseek(file, at, os.SEEK_SET)
        written = os.write(file, data)
    else:
        written = os.pwrite(file, data, at)
    if written != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def sync_data(file: int) -> None:
    """Bring what was written to an open file to the disk; its times may come later.

    Raises OSError.
    """
    if sys.platform == "linux":
        os.fdatasync(file)
    else:
        os.fsync(file)


def mount_of(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Return where the file system of a path is mounted and its kind, as ``nfs4``; "": not known."""
    if sys.platform != "linux":
        return "", ""
    here, found = os.path.realpath(path), ("", "")
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
        for line in mounts:
            about, _, kind = line.partition(" - ")
            at = about.split(" ")[4].encode("utf-8", "surrogateescape")
            point = at.decode("unicode_escape").encode("latin-1").decode("utf-8", "surrogateescape")
            is_above = here == point or here.startswith(point.rstrip("/") + "/")
            if is_above and len(point) >= len(found[0]):  # a later mount covers an earlier one
                found = (point, kind.split(" ")[0])
    return found


def room(folder: int | str | os.PathLike[str]) -> tuple[int, int]:
    """Return how many bytes we may still write there, and how many there are.  Raises OSError.

    `folder`: its path, or the descriptor of an open one.
    """
    if sys.platform == "win32":
        usage = shutil.disk_usage(folder)
        return usage.free, usage.total
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


def is_read_only(folder: int | str | os.PathLike[str]) -> bool:
    """Whether the file system of a folder is mounted for reading alone.  Raises OSError."""
    if sys.platform == "win32":
        return False
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


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


def limit_memory(bytes_max: int) -> None:
    """Let this process have no more memory than that, where the system counts it."""
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        if most == resource.RLIM_INFINITY or most > bytes_max:
            try:
                resource.setrlimit(resource.RLIMIT_AS, (bytes_max, bytes_max))
            except (OSError, ValueError):  # macOS knows it by name alone
                return


def end_group(pid: int) -> None:
    """End a process of ours that leads a group, and all that is in it."""
    if sys.platform == "win32":
        end = signal.SIGTERM  # the only one it knows: at once
        with suppress(OSError):
            os.kill(pid, end)
    else:
        with suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def ask_to_end(pid: int) -> None:
    """Ask a process of ours to end.  Raises ProcessLookupError.

    Windows has no such question; there a runner looks for its ``kill.json``.
    """
    if sys.platform != "win32":
        os.kill(pid, signal.SIGTERM)
