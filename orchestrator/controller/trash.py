"""Removing what lies on a storage, and nothing else, whatever is put in its way meanwhile (T07).

All of it goes by descriptors of open folders: a name is looked up in the folder that we hold, a link
is removed and never followed, and a folder on another mount is left alone.  Whoever can write there
may swap what a name stands for at any moment; what is removed then is what they moved there.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

from orchestrator.system import mount_id, open_folder

DEPTH_MAX = 32
"""Of folders that are held open at once; what is deeper is moved up first."""

ROUNDS_MAX = 3
"""So often a name is tried that is something else each time."""

OWNER_ALL = 0o700
BLOCK_BYTES = 512


@dataclass(slots=True)
class Removal:
    """Removes below one open folder; counts, and keeps the first thing that could not be done."""

    top: int  #: descriptor: what is too deep is moved here
    freed_bytes: int = 0
    trouble: str = ""

    def remove(self, name: str, within: int | None = None) -> None:
        """Remove what `name` stands for, with all that is below it; nothing there is well, too."""
        self._remove(self.top if within is None else within, name, DEPTH_MAX)

    def clear(self, folder: int, kept: Container[str] = ()) -> None:
        """Remove what is in an open folder but for the names in `kept`."""
        self._clear(folder, kept, DEPTH_MAX)

    def failed(self, name: str, error: OSError) -> None:
        """Keep why something was not done; the first counts."""
        self.trouble = self.trouble or f"{name}: {error.strerror or error}"

    def _remove(self, parent: int, name: str, depth: int) -> None:
        for _ in range(ROUNDS_MAX):
            try:
                if self._unlink(parent, name) or self._remove_folder(parent, name, depth):
                    return
            except FileNotFoundError:
                return
            except OSError as error:
                self.failed(name, error)
                return

    def _unlink(self, parent: int, name: str) -> bool:
        """Remove what is no folder; False: it is one."""
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            return False
        try:
            os.unlink(name, dir_fd=parent)
        except (IsADirectoryError, PermissionError):
            if _is_folder(parent, name):
                return False
            raise
        self.freed_bytes += size_bytes(found) if found.st_nlink == 1 else 0
        return True

    def _remove_folder(self, parent: int, name: str, depth: int) -> bool:
        """Remove a folder; False: it is none any more."""
        try:
            folder = open_folder(name, parent)
        except OSError:
            if _is_folder(parent, name):
                raise
            return False
        try:
            if mount_id(folder) != mount_id(self.top):
                raise OSError(0, "it is on another mount")
            if depth == 0:
                os.rename(name, f"deep-{uuid4().hex}", src_dir_fd=parent, dst_dir_fd=self.top)
                return True
            self._clear(folder, (), depth - 1)
        finally:
            os.close(folder)
        with suppress(NotADirectoryError):
            os.rmdir(name, dir_fd=parent)
            return True
        return False

    def _clear(self, folder: int, kept: Container[str], depth: int) -> None:
        if sys.platform != "win32" and os.fstat(folder).st_mode & OWNER_ALL != OWNER_ALL:
            os.fchmod(folder, OWNER_ALL)
        for name in os.listdir(folder):
            if name not in kept:
                self._remove(folder, name, depth)


@contextmanager
def opened(name: str, within: int) -> Iterator[int]:
    """Lend a folder by its name in an open one, on the same mount.  Raises OSError."""
    folder = open_folder(name, within)
    try:
        if mount_id(folder) != mount_id(within):
            raise OSError(0, f"{name}: it is on another mount")
        yield folder
    finally:
        os.close(folder)


def used_bytes(folder: int, depth: int = DEPTH_MAX) -> int:
    """Return how much the files below an open folder take; links are not followed.

    What is nested deeper than `depth` is not counted: a command may have made any number of folders.
    """
    total = 0
    with suppress(OSError):
        for name in os.listdir(folder):
            with suppress(OSError):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISDIR(found.st_mode):
                    total += size_bytes(found)
                elif depth:
                    with _held(name, folder) as inner:
                        total += used_bytes(inner, depth - 1)
    return total


def size_bytes(found: os.stat_result) -> int:
    """Return what a file takes on its disk."""
    blocks: int | None = getattr(found, "st_blocks", None)  # not on Windows
    return found.st_size if blocks is None else blocks * BLOCK_BYTES


@contextmanager
def _held(name: str, within: int) -> Iterator[int]:
    folder = open_folder(name, within)
    try:
        yield folder
    finally:
        os.close(folder)


def _is_folder(parent: int, name: str) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
