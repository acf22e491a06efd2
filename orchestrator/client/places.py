"""Files that are the user's alone: written whole or not at all, mode 0600."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from orchestrator.errors import Refusal

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def known_folder() -> Path:
    """Return ``$XDG_CONFIG_HOME/orchestrator/known``."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "orchestrator" / "known"


def safe(name: str) -> str:
    """Return a name that is one plain path component; Refusal for any other."""
    if not _SAFE.fullmatch(name):
        raise Refusal(f"cluster {name!r}: no name; letters, digits, dots and dashes, 100 at most")
    return name


def write(path: Path, text: str) -> None:
    """Put a file there as a whole, for its owner alone; Refusal where that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise
    except OSError as error:
        raise Refusal(
            f"{path}: cannot be written: {error.strerror}; free it or its folder"
        ) from error


def read(path: Path) -> str | None:
    """Return a file's text, None if there is none; Refusal if others can write or read it."""
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise Refusal(f"{path}: others can read it; take that away: chmod 600 {path}")
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Refusal(f"{path}: cannot be read: {error}; remove it, and apply again") from error
