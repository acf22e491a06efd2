"""What a cluster storage is known by: a token in it, and a note of that beside the ledger (R16)."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from orchestrator.errors import Refusal
from orchestrator.volume import TOKEN

PLACES_MAX = 16
"""So many places of storage are remembered."""

HALF_TRIES = 10
HALF_PAUSE_S = 0.05
"""So often, and with such pauses, half a mark is read: somebody may be writing it."""


def mark(root: Path) -> str:
    """Return what tells the storage at `root` from any other, written into it once.

    A node that does not find it there sees another directory, or none.  Who marks it at the same
    moment gets the same.  Refusal where it cannot be written.
    """
    file, token = root / TOKEN, uuid4().hex
    try:
        if not file.exists():
            _mark_first(file, token)
        return _marked(file) or _mark_anew(file, token)
    except (OSError, UnicodeError) as error:
        raise Refusal(f"cluster storage {root}: {file.name}: {error}; mend it") from error


def noted(note: Path, root: Path) -> str:
    """Return what the storage at `root` is known by; empty: nothing is known of one there."""
    return _noted(note).get(str(root), "")


def note_down(note: Path, root: Path, token: str) -> None:
    """Remember what the storage at `root` is known by, beside those of other places."""
    places = {**_noted(note), str(root): token}
    lines = [json.dumps([each, place]) for place, each in places.items()]
    part = note.with_suffix(".part")
    part.write_text("".join(f"{line}\n" for line in lines[-PLACES_MAX:]), "utf-8")
    part.replace(note)


def _noted(note: Path) -> dict[str, str]:
    """Return place -> token, the one noted last at the end; a line each, as JSON."""
    try:
        pairs = [json.loads(line) for line in note.read_text("utf-8").splitlines()]
        return {str(place): str(token) for token, place in pairs}
    except (OSError, ValueError, TypeError):
        return {}


def _marked(file: Path) -> str:
    """Return the token; empty: half of it stands there, and nobody writes the rest."""
    for _ in range(HALF_TRIES):
        if token := file.read_text("ascii").strip():
            return token
        time.sleep(HALF_PAUSE_S)
    return ""


def _mark_anew(file: Path, token: str) -> str:
    part = file.with_name(f"{file.name}.{token}")
    part.write_text(f"{token}\n", "ascii")
    part.replace(file)
    return token


def _mark_first(file: Path, token: str) -> None:
    """Write the token unless somebody else has: whole, or not at all."""
    part = file.with_name(f"{file.name}.{token}")
    try:
        part.write_text(f"{token}\n", "ascii")
        try:
            os.link(part, file)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            with suppress(FileExistsError), file.open("x", encoding="ascii") as stream:
                stream.write(f"{token}\n")
    finally:
        part.unlink(missing_ok=True)
