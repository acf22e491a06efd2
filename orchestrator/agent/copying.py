"""`python -m orchestrator.agent.copying`: what a job reads, copied to cluster storage (F-STOR-10).

Reads ``input.json`` of the current folder, which is the attempt's, copies each file into it and reads
it back, and leaves ``result.json``: name, size and SHA-256 of each, or ``error`` in one sentence with
its ``cause``.  A file counts whole and unchanged, or not at all.  Standard library only.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import sys

from orchestrator.agent.exits import unready
from orchestrator.agent.files import now_s, write_whole
from orchestrator.system import UNWAITED, drop_cache, room, sync_folder

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself takes 5 ms to import
    from collections.abc import Iterator, Mapping, Sequence

CHUNK_BYTES = 1 << 20
TOLD_EVERY_S = 1.0


class Trouble(Exception):
    """It cannot be copied; `cause` as in `model.work.Cause`."""

    def __init__(self, sentence: str, cause: str = "failed") -> None:
        super().__init__(sentence)
        self.cause = cause


class Teller:
    """Prints how far it is, now and then: silence means that a disk hangs."""

    def __init__(self) -> None:
        self._done = 0
        self._told_at = now_s()

    def add(self, count: int) -> None:
        """Count bytes that were read or written."""
        self._done += count
        if now_s() - self._told_at >= TOLD_EVERY_S:
            self._told_at = now_s()
            sys.stdout.write(f"copied={self._done}\n")
            sys.stdout.flush()


def main() -> int:
    """Copy, and return the exit code."""
    try:
        with open("input.json", "rb") as file:
            files: Sequence[Mapping[str, str]] = json.load(file)["files"]
        teller = Teller()
        check_room([each["path"] for each in files], os.getcwd())
        copied = [copy_file(each["path"], each["name"], teller) for each in files]
        sync_folder(os.getcwd())
    except Trouble as trouble:
        return fail(str(trouble), trouble.cause)
    except OSError as error:
        if why := unready(os.getcwd(), error):
            return fail(why, "unready")
        return fail(f"{error.filename or os.getcwd()}: {error.strerror or error}", "failed")
    leave({"files": copied})
    return 0


def copy_file(path: str, name: str, teller: Teller) -> Mapping[str, object]:
    """Copy one file, read the copy back, and return what is known of it."""
    source = _opened(path)
    try:
        before = os.fstat(source)
        _check_plain(path, before)
        digest, left = hashlib.sha256(), before.st_size
        with open(name, "xb", opener=_private) as copy:
            for chunk in _chunks(source, path):
                if (left := left - len(chunk)) < 0:
                    break  # it grows: not followed for as long as that lasts
                digest.update(chunk)
                copy.write(chunk)
                teller.add(len(chunk))
            copy.flush()
            os.fsync(copy.fileno())
        now = os.fstat(source), os.stat(path)
        if left < 0 or any(_stamp(before) != _stamp(each) for each in now):
            raise Trouble(
                f"{path}: has changed while it was copied; submit again when it is whole", "source"
            )
    finally:
        os.close(source)
    found, size = read_back(name, teller)
    if (found, size) != (digest.hexdigest(), before.st_size):
        raise Trouble(f"{path}: its copy reads otherwise than what was written; it is made again")
    return {"file": name, "size": size, "sha256": found}


def _private(name: str, flags: int) -> int:
    """Open a copy: it is of a file that perhaps not everybody may read."""
    return os.open(name, flags, 0o640)


def _opened(path: str) -> int:
    """Open a plain file; another node may see what this one does not, so it is no fault of it."""
    try:
        _check_plain(path, os.stat(path))  # a pipe or a device is not even opened (T06)
        return os.open(path, os.O_RDONLY | UNWAITED)
    except OSError as error:
        raise Trouble(f"{path}: cannot be read: {error.strerror}") from error


def _check_plain(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Trouble(f"{path}: is no regular file; name a media file")


def _chunks(file: int, path: str) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(file, CHUNK_BYTES)
        except OSError as error:
            raise Trouble(f"{path}: cannot be read: {error.strerror}") from error
        if not chunk:
            return
        yield chunk


def read_back(name: str, teller: Teller) -> tuple[str, int]:
    """Return hash and size of a file as the disk has it, as far as the system can be made to ask."""
    digest, size = hashlib.sha256(), 0
    file = os.open(name, os.O_RDONLY | UNWAITED)
    try:
        drop_cache(file)
        for chunk in _chunks(file, name):
            digest.update(chunk)
            size += len(chunk)
            teller.add(len(chunk))
    finally:
        os.close(file)
    return digest.hexdigest(), size


def check_room(paths: Sequence[str], folder: str) -> None:
    """Raise OSError where a folder has no room for all: nothing is begun that cannot end."""
    wanted = 0
    for path in paths:
        try:
            wanted += os.stat(path).st_size
        except OSError as error:
            raise Trouble(f"{path}: cannot be read: {error.strerror}") from error
    if wanted > room(folder)[0]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def fail(sentence: str, cause: str) -> int:
    """Leave an error, say it, and return the exit code."""
    sys.stderr.write(f"{sentence}\n")
    try:
        leave({"error": sentence, "cause": cause})
    except OSError:  # the disk is full: the runner sees code 1 and this last line
        return 1
    return 1


def leave(result: Mapping[str, object]) -> None:
    """Write ``result.json``."""
    write_whole("result.json", json.dumps(result, ensure_ascii=False).encode())


if __name__ == "__main__":
    sys.exit(main())
