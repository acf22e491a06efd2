"""A storage by its token, and what is made there behind an open descriptor (R16).

After an unmount a path leads to the disk below, where writing succeeds and is lost.  So nothing here
is written by a path alone: the folder is opened, the token is read in it, and what is made is made
relative to it.  It is opened for each step anew: a descriptor that is kept would keep it mounted.

Standard library only: runners use it.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from types import TracebackType

from orchestrator.system import BYTES, HAS_FOLDERS, is_read_only, open_folder, room

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself takes 5 ms to import
    from typing import Self

TOKEN = ".orchestrator-storage"
TOKEN_BYTES_MAX = 4096

ATTEMPTS = "attempts"

FOLDER_MODE = 0o750
FILE_MODE = 0o640


class Trouble(OSError):
    """A storage cannot be used now: `why`, without naming it, and what to do."""

    def __init__(self, why: str, todo: str, *, is_missing: bool = False) -> None:
        super().__init__(errno.ENODEV, why)
        self.why = why
        self.todo = todo
        self.is_missing = is_missing  #: nothing of a storage is there

    @classmethod
    def missing(cls) -> Self:
        """Return that of a place where no storage is."""
        return cls("it is not there, or not mounted", "mount it", is_missing=True)

    @classmethod
    def unread(cls, error: OSError) -> Self:
        """Return that of a place that cannot be looked into."""
        return cls(f"it cannot be read: {error.strerror}", "see its mount")


class Volume:
    """A storage that was found to be the right one; open until it is closed.  May be a `with`."""

    def __init__(self, root: str, token: str) -> None:
        """`root`: where it should be; `token`: what it is known by, empty: any will do.

        Raises Trouble.
        """
        self.root = root
        self.folder = _opened(root)  #: descriptor; None where a folder cannot be opened
        try:
            if token:
                self._check(token)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it; twice is once."""
        if self.folder is not None:
            os.close(self.folder)
            self.folder = None

    def at(self, name: str) -> str:
        """Return how a name below it is called beside its descriptor."""
        return name if self.folder is not None else os.path.join(self.root, name)

    def make_folder(self, name: str) -> None:
        """Make a folder below it; the one around it is made, too.  Raises OSError if it exists."""
        try:
            os.mkdir(self.at(name), FOLDER_MODE, dir_fd=self.folder)
        except FileNotFoundError:
            with suppress(FileExistsError):  # another attempt was as fast
                os.mkdir(self.at(os.path.dirname(name)), FOLDER_MODE, dir_fd=self.folder)
            os.mkdir(self.at(name), FOLDER_MODE, dir_fd=self.folder)

    def has(self, name: str) -> bool:
        """Whether there is something of that name below it.  Raises OSError."""
        try:
            os.stat(self.at(name), dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def write(self, name: str, data: bytes) -> None:
        """Write a file below it so that a reader finds all of it or nothing.  Raises OSError."""
        part = f"{name}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BYTES
        file = os.open(self.at(part), flags, FILE_MODE, dir_fd=self.folder)
        try:
            with open(file, "wb") as stream:
                stream.write(data)
            os.replace(self.at(part), self.at(name), src_dir_fd=self.folder, dst_dir_fd=self.folder)
        except OSError:
            with suppress(OSError):
                os.unlink(self.at(part), dir_fd=self.folder)
            raise

    def room(self) -> tuple[int, int]:
        """Return how many bytes we may still write there, and how many there are.  Raises OSError."""
        return room(self.root if self.folder is None else self.folder)

    def is_read_only(self) -> bool:
        """Whether it is mounted for reading alone.  Raises OSError."""
        return is_read_only(self.root if self.folder is None else self.folder)

    def _check(self, token: str) -> None:
        try:
            file = os.open(self.at(TOKEN), os.O_RDONLY, dir_fd=self.folder)
            try:
                found = os.read(file, TOKEN_BYTES_MAX).decode("utf-8", "replace").strip()
            finally:
                os.close(file)
        except FileNotFoundError as error:
            raise Trouble.missing() from error
        except OSError as error:
            raise Trouble.unread(error) from error
        if found != token:
            raise Trouble("another storage stands there", "mount the one of this cluster")


def trouble(root: str, token: str) -> str:
    """Return why the storage at `root` cannot be used, in one sentence; empty: it can be."""
    try:
        Volume(root, token).close()
    except Trouble as error:
        return f"cluster storage {root}: {error.why}; {error.todo}"
    return ""


def make_folder(path: str, root: str, token: str) -> None:
    """Make a folder, behind the descriptor of the storage at `root` if it is in one.

    Raises Trouble where another directory stands in the storage's place, OSError.
    """
    if not token or not path.startswith(f"{root}{os.sep}"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.mkdir(path)
        return
    with Volume(root, token) as volume:
        volume.make_folder(os.path.relpath(path, root))


def _opened(root: str) -> int | None:
    if not HAS_FOLDERS:
        return None
    try:
        return open_folder(root)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Trouble.missing() from error
    except OSError as error:
        raise Trouble.unread(error) from error
