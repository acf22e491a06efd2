"""Renaming that never replaces."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

AT_FDCWD = -100  #: of <fcntl.h>: paths as they are
NOREPLACE = 1  #: of <linux/fs.h>
UNKNOWN = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})
"""What a system answers that cannot do this."""
#: What a file system without hard links, or another file system, answers to `link`.
NO_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS, errno.EACCES}
)


def exclusively(part: Path, path: Path) -> None:
    """Give a file its name without ever replacing another, even one made this instant.

    Raises FileExistsError if there is one.
    """
    try:
        os.link(part, path)
        part.unlink()
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        _without_links(part, path)


def _without_links(part: Path, path: Path) -> None:
    """Rename where there are no hard links (SMB, FAT); the kernel refuses to replace if it can."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is not None:
        words = (AT_FDCWD, os.fsencode(part), AT_FDCWD, os.fsencode(path), NOREPLACE)
        if renameat2(*words) == 0:
            return
        if (code := ctypes.get_errno()) not in UNKNOWN:
            raise OSError(code, os.strerror(code), os.fspath(path))
    # Else: a file made between these two lines would be lost, a half one never shown.
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))
    part.rename(path)
