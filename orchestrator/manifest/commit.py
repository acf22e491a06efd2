"""Which commit a folder's files come from, read from `.git` as plain files (T09).

git itself is never run: it would run what a foreign repository's configuration names.  Whether the
files were changed since that commit is not claimed.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

HEAD_BYTES_MAX = 4096  # of HEAD, a ref, a `.git` file
PACKED_BYTES_MAX = 16 << 20  # some 200 000 refs
FOLDERS_MAX = 64  # how far up a repository is looked for
REFS_MAX = 5  # a ref that names a ref that names …

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs(/[^/.\s\x00-\x20\x7f\\~^:?*\[][^/\s\x00-\x20\x7f\\~^:?*\[]*)+")
_PLAIN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def commit_of(folder: Path) -> str:
    """Return the hex digits of the commit that `folder` stands at; empty where it is not known.

    Links are not followed, only regular files are opened, and of each only a bounded part is read.
    """
    try:
        return next((_head(git) for git in _above(folder)), "")
    except (OSError, ValueError):
        return ""


def _above(folder: Path) -> Iterator[Path]:
    """Yield the `.git` folder of the nearest repository that `folder` is in."""
    here = Path(os.path.realpath(folder))
    for each in (here, *here.parents)[:FOLDERS_MAX]:
        git = each / ".git"
        if not os.path.lexists(git):
            continue
        kind = git.lstat().st_mode
        if stat.S_ISDIR(kind):
            yield git
        elif stat.S_ISREG(kind):  # of a worktree or a submodule
            mark, _, named = _read(git).partition(": ")
            yield _named(git, named if mark == "gitdir" else "")
        return


def _head(git: Path) -> str:
    """Return the commit that HEAD leads to, over at most some refs."""
    common = _read(git / "commondir") if os.path.lexists(git / "commondir") else "."
    folders = dict.fromkeys((git, _named(git / "commondir", common)))
    text = _read(git / "HEAD")
    for _ in range(REFS_MAX):
        if not text.startswith("ref: "):
            break
        name = text.removeprefix("ref: ").strip()
        text = next(filter(None, (_ref(each, name) for each in folders)), "")
    return text if _COMMIT.fullmatch(text) else ""


def _ref(git: Path, name: str) -> str:
    """Return what a ref holds: a file of its own, else a line of ``packed-refs``; or empty."""
    if not _REF.fullmatch(name) or ".." in name:
        raise ValueError("no name of a ref")
    steps = name.split("/")
    folders = [git.joinpath(*steps[:end]) for end in range(1, len(steps))]
    if all(map(_is_folder, folders)) and os.path.lexists(git / name):
        return _read(git / name)
    if not os.path.lexists(git / "packed-refs"):
        return ""
    packed = _read(git / "packed-refs", PACKED_BYTES_MAX).splitlines()
    return next((line.split(" ")[0] for line in packed if line.endswith(f" {name}")), "")


def _named(file: Path, text: str) -> Path:
    """Return the folder that `file` names; ValueError if it is none, or behind a link."""
    folder = Path(os.path.normpath(file.parent / text.strip()))
    if not text or not _is_folder(folder):
        raise ValueError("no folder")
    return folder


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _read(path: Path, bytes_max: int = HEAD_BYTES_MAX) -> str:
    """Return the text of a regular file; ValueError for another kind, or a larger one."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError("no regular file")
    with os.fdopen(os.open(path, _PLAIN), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # swapped in between
            raise ValueError("no regular file")
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise ValueError("too large")
    return content.decode("utf-8").removesuffix("\n")
