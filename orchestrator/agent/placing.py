"""`python -m orchestrator.agent.placing`: finished files to their destinations, each whole or not at all.

Reads ``input.json`` of the current folder, which is the attempt's: ``files`` with ``made`` and
``destination``, and ``ifExists``.  Each is copied beside its destination, read back, and gets its name
last (R2).  Done twice is done once, because an attempt may be lost after its work.  Standard library
only.
"""

from __future__ import annotations

import json
import os
import stat
import sys

from orchestrator.agent import copying
from orchestrator.agent.copying import Teller, Trouble
from orchestrator.agent.exits import unready
from orchestrator.system import sync_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NUMBERS_MAX = 9999  #: of ``name-2`` and so on; more means that something loops


class Taken(Trouble):
    """Another file stands there; no other try can end otherwise."""

    def __init__(self, there: str) -> None:
        super().__init__(f"{there}: exists; choose another name, or ifExists: replace | number")


def main() -> int:
    """Publish, and return the exit code."""
    where = os.getcwd()
    try:
        with open("input.json", "rb") as file:
            asked = json.load(file)
        files: Sequence[Mapping[str, str]] = asked["files"]
        if asked["ifExists"] == "fail":
            _check_free(files)
        placed = []
        for each in files:
            where = os.path.dirname(each["destination"])
            placed.append(place(each["made"], each["destination"], asked["ifExists"]))
        where = os.getcwd()
        copying.leave(_told(placed))
    except Taken as taken:
        sys.stderr.write(f"{taken}\n")
        copying.leave({"error": str(taken), "cause": taken.cause, "final": True})
        return 1
    except Trouble as trouble:
        return copying.fail(str(trouble), trouble.cause)
    except OSError as error:
        if why := unready(where, error):
            return copying.fail(why, "unready")
        what = f"{error.filename or where}: {error.strerror or error}; give permission, or choose"
        return copying.fail(f"{what} another destination", "failed")
    return 0


def _told(placed: Sequence[tuple[str, int]]) -> Mapping[str, object]:
    """Return what is known of them; a single one with its name: it may have got a number."""
    told: dict[str, object] = {"files": len(placed), "size": sum(size for _, size in placed)}
    return {**told, "destination": placed[0][0]} if len(placed) == 1 else told


def place(made: str, destination: str, if_exists: str) -> tuple[str, int]:
    """Put one file in its place; return where it is, and its bytes.  Raises Trouble, OSError."""
    if not os.path.isfile(made):
        raise Trouble(f"{made}: is missing; it is made again")
    folder = os.path.dirname(destination)
    os.makedirs(folder, exist_ok=True)
    part = os.path.join(folder, f".{os.path.basename(os.getcwd())}.part")
    _remove(part)
    copying.check_room([made], folder)
    try:
        copy = copying.copy_file(made, part, Teller())
        os.chmod(part, stat.S_IMODE(os.stat(made).st_mode))
        there = _named(part, destination, if_exists, str(copy["sha256"]), made)
    finally:
        _remove(part)
    sync_folder(folder)
    return there, int(str(copy["size"]))


def _check_free(files: Sequence[Mapping[str, str]]) -> None:
    """Raise Taken before anything is placed if another file is in the way."""
    for each in files:
        there = each["destination"]
        if os.path.lexists(there) and not _is_same(each["made"], there):
            raise Taken(there)


def _is_same(made: str, there: str) -> bool:
    if os.path.islink(there) or not os.path.isfile(there) or not os.path.isfile(made):
        return False
    if os.path.getsize(made) != os.path.getsize(there):
        return False
    return _sha256(made) == _sha256(there)


def _sha256(path: str) -> str:
    return copying.read_back(path, Teller())[0]


def _named(part: str, destination: str, if_exists: str, sha256: str, made: str) -> str:
    """Give the part its name, and return it.  Raises Taken."""
    if if_exists == "replace":
        os.replace(part, destination)
        return destination
    for there in _names(destination) if if_exists == "number" else (destination,):
        try:
            _link(part, there)
        except FileExistsError:
            if not _is_ours(there, sha256, made, if_exists):
                continue
        return there
    raise Taken(destination)


def _is_ours(there: str, sha256: str, made: str, if_exists: str) -> bool:
    """Whether an attempt before us put it there; an equal one that is older is another batch's."""
    if os.path.islink(there) or not os.path.isfile(there):
        return False
    older = os.stat(there).st_mtime_ns < os.stat(made).st_mtime_ns
    return not (if_exists == "number" and older) and _sha256(there) == sha256


def _names(destination: str) -> Iterator[str]:
    yield destination
    stem, ending = os.path.splitext(destination)
    for number in range(2, NUMBERS_MAX + 1):
        yield f"{stem}-{number}{ending}"


def _link(part: str, there: str) -> None:
    """Give a file its name; FileExistsError if another has it."""
    try:
        os.link(part, there)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: two at once could still meet
        if os.path.lexists(there):
            raise FileExistsError(there) from None
        os.rename(part, there)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


if __name__ == "__main__":
    sys.exit(main())
