"""Renaming that never replaces, and renaming of one folder for another."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

AT_FDCWD = -100  #: of <fcntl.h>: paths as they are
NOREPLACE = 1  #: of <linux/fs.h>
EXCHANGE = 2  #: likewise
UNKNOWN = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})
"""What a system answers that cannot do this."""
OLD = ".old.part"  #: how the name of what was put away ends


def exclusively(part: Path, path: Path) -> None:
    """Rename where there are no hard links (SMB, FAT); the kernel refuses to replace if it can.

    Raises FileExistsError if there is something.
    """
    if _by_kernel(part, path, NOREPLACE):
        return
    # Else: a file made between these two lines would be lost, a half one never shown.
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))
    part.rename(path)


def exchanged(part: Path, path: Path, old: Path) -> Path:
    """Put `part` in the place of `path`, and return where that is now: at `part`, or at `old`.

    Where the kernel cannot do it in one step, nothing stands there for an instant.
    """
    if _by_kernel(part, path, EXCHANGE):
        return part
    path.rename(old)
    try:
        part.rename(path)
    except OSError:
        with suppress(OSError):
            exclusively(old, path)
        raise
    return old


def restore(path: Path, parts: Iterable[Path]) -> None:
    """Put back what `exchanged` put away, if a crash came before its second rename.

    :param parts: what earlier attempts left beside `path`
    """
    put_away = sorted(each for each in parts if each.name.endswith(OLD))
    if put_away and not os.path.lexists(path):
        exclusively(put_away[-1], path)


def _by_kernel(part: Path, path: Path, flag: int) -> bool:
    """Rename with a flag; False: this system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    words = (AT_FDCWD, os.fsencode(part), AT_FDCWD, os.fsencode(path), flag)
    if renameat2(*words) == 0:
        return True
    code = ctypes.get_errno()
    if code in UNKNOWN:
        return False
    raise OSError(code, os.strerror(code), os.fspath(path))
