"""Folders of small files that count as one: their hash, and how they are put in place whole."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

from orchestrator_compressor.work import rename
from orchestrator_compressor.work.attempt import sha256, sync
from orchestrator_compressor.work.trouble import Trouble

OURS = re.compile(r"\d{6}\.(?:jpg|png)")  #: what we put into such a folder

STEM_BYTES_MAX = 240  #: of the name of a part, without its ending


def digest(path: Path) -> str:
    """Return the hash of a file, or of a folder: of the names in it and their hashes."""
    if not path.is_dir():
        return sha256(path)
    lines = [f"{each.name} {sha256(each)}\n" for each in sorted(path.iterdir())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def is_plain(path: Path) -> bool:
    """Return whether a folder holds nothing but files such as ours."""
    return all(OURS.fullmatch(each.name) and each.is_file() for each in path.iterdir())


def publish(made: Path, sha256: str, path: Path, attempt: str, *, is_new: bool) -> None:
    """Put a folder in place, whole or not at all.

    :param is_new: nothing may be replaced

    Raises FileExistsError where something is in the way, Trouble where that is more than pictures
    such as ours, or where what was made has changed.
    """
    _sweep(path, attempt)
    there = os.path.lexists(path)
    if there and is_new:
        raise FileExistsError(path)
    if there and not _is_replaceable(path):
        raise _holds_more(path)
    full = f".{path.name}.{attempt}"
    stem = full if len(os.fsencode(full)) <= STEM_BYTES_MAX else f".{attempt}"
    part, old = path.with_name(f"{stem}.part"), path.with_name(f"{stem}{rename.OLD}")
    remove(part)
    try:
        _bring(made, sha256, part)
        if there:
            _exchange(part, path, old)
        else:
            rename.exclusively(part, path)
    finally:
        _remove_plain(part)
    sync(path.parent)


def _exchange(part: Path, path: Path, old: Path) -> None:
    """Replace a folder, unless somebody has put something into it meanwhile."""
    put_away = rename.exchanged(part, path, old)
    if not _is_replaceable(put_away):
        _remove_plain(rename.exchanged(put_away, path, old if put_away == part else part))
        raise _holds_more(path)
    remove(put_away)


def _is_replaceable(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and is_plain(path)


def _holds_more(path: Path) -> Trouble:
    return Trouble(
        f"{path}: has more in it than pictures of an earlier run; move it away, or choose "
        "another destination",
        final=True,
    )


def _remove_plain(path: Path) -> None:
    """Remove what is at the name of a part; a folder with somebody's things in it stays."""
    if _is_replaceable(path):
        remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder of ours; nothing if it is not there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _bring(made: Path, wanted: str, part: Path) -> None:
    shutil.copytree(made, part)
    for each in part.iterdir():
        sync(each)
    sync(part)
    if (found := digest(part)) != wanted:
        raise Trouble(f"{made}: its hash is {found} instead of {wanted}; it is made again")


def _sweep(path: Path, attempt: str) -> None:
    """Remove what this ledger's earlier attempts left: a power cut leaves it behind.

    A folder that was put away, and nothing in its place, comes back.
    """
    ledger = attempt.rpartition("-")[0] or attempt
    start = f".{path.name}.{ledger}"
    beside = list(path.parent.iterdir())
    parts = [p for p in beside if p.name.startswith(start) and p.name.endswith(".part")]
    rename.restore(path, parts)
    for each in parts:
        _remove_plain(each)
