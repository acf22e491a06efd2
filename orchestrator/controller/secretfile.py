"""A file of secrets: as JSON, for its owner's eyes alone, and whole whenever it is read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.errors import OrchestratorError, Refusal

T = TypeVar("T")


def read_secrets(file: Path, load: Callable[[Any], T], todo: str = "") -> T | None:
    """Return what `load` makes of the file; None: there is none.

    Raises Refusal for a file that others can read, OrchestratorError for one that cannot be read,
    with `todo`: what is to be done beside applying again.
    """
    try:
        mode = file.stat().st_mode & 0o777
        loaded = load(json.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OrchestratorError(
            f"secrets {file}: cannot be read ({type(error).__name__}); remove it and apply again"
            f"{todo}"
        ) from error
    if mode & 0o077:
        raise Refusal(
            f"secrets {file}: others can read it (mode {mode:04o}); run: chmod 600 {file}"
        )
    return loaded


def write_secrets(file: Path, data: Mapping[str, object]) -> None:
    """Replace the file, so that who reads it sees the old or the new one.

    Raises OrchestratorError.
    """
    part = file.with_name(f"{file.name}.part")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(data, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    except OSError as error:
        raise OrchestratorError(
            f"secrets {file}: cannot be kept: {error.strerror}; nothing was changed"
        ) from error
