"""Cluster storage: where attempts write, what is read back, what is cleared away."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from orchestrator.errors import Refusal
from orchestrator.model.codec import canonical
from orchestrator.model.work import AttemptId, Facts, Result
from orchestrator.system import room

log = logging.getLogger(__name__)

MARK = ".orchestrator-storage"
INLINE_MAX_BYTES = 8 << 10
KEEP_FREE_PART = 0.05
KEEP_FREE_MAX_BYTES = 2 << 30
KEPT = frozenset({"log", "exit.json", "result.json", "report.json", "input.json"})
"""What stays of an attempt when its media are cleared away: all of it small, all of it evidence."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The directory every node of the cluster sees."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> Storage:
        """Make the directory where it is missing; Refusal where it cannot be used."""
        try:
            for part in ("attempts", "inputs"):
                (root / part).mkdir(parents=True, exist_ok=True, mode=0o750)
            if not os.access(root / "attempts", os.W_OK | os.X_OK):
                raise PermissionError(13, "no permission to write")
        except OSError as error:
            raise Refusal(
                f"cluster storage {root}: {error.strerror}; name another with --storage"
            ) from error
        return cls(root.resolve())

    @classmethod
    def shared(cls, root: Path) -> Storage:
        """Make the directory that all nodes see, called as manifests call it: links stay.

        Refusal where it cannot be used.
        """
        cls.at(root)
        return cls(root.absolute())

    def mark(self) -> str:
        """Return what tells this storage from any other, written into it once (R16).

        A node that does not find it there sees another directory, or none.  Refusal where it
        cannot be written.
        """
        file = self.root / MARK
        try:
            if file.exists() and (token := file.read_text("ascii").strip()):
                return token
            token = uuid4().hex
            part = file.with_suffix(".part")
            part.write_text(f"{token}\n", "ascii")
            part.replace(file)
        except (OSError, UnicodeError) as error:
            raise Refusal(f"cluster storage {self.root}: {file.name}: {error}; mend it") from error
        return token

    def attempt(self, id: AttemptId) -> Path:
        """Return the folder of an attempt."""
        return self.root / "attempts" / id

    def low(self) -> str:
        """Return why no new work should start here, in one sentence; empty: it may (F19)."""
        try:
            free, whole = room(self.root)
        except OSError as error:
            return f"cluster storage {self.root}: {error.strerror}; it goes on by itself"
        keep = min(int(whole * KEEP_FREE_PART), KEEP_FREE_MAX_BYTES)
        if free >= keep:
            return ""
        return (
            f"cluster storage {self.root} is full: {free >> 20} MiB free, {keep >> 20} MiB are "
            "kept; free some space, it goes on by itself"
        )

    def put(self, batch: str, data: Mapping[str, object]) -> tuple[str | None, str | None]:
        """Store an input that is too large for a spec; return its path and SHA-256.

        Small ones are not stored: (None, None).  The name is the hash: twice is once.
        """
        text = canonical(data).encode()
        if len(text) <= INLINE_MAX_BYTES:
            return None, None
        digest = hashlib.sha256(text).hexdigest()
        path = self.root / "inputs" / batch / f"{digest}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            part = path.with_suffix(".part")
            part.write_bytes(text)
            part.replace(path)
        return str(path), digest

    def facts(self, result: Result) -> Facts:
        """Return a probe's result with the files it names, as ``{"file": …, "sha256": …}``.

        Raises OSError for a file that cannot be read, ValueError for one that is not as told.
        """
        files = {}
        for value in result.values.values():
            if isinstance(value, Mapping) and "file" in value and "sha256" in value:
                name = str(value["file"])
                data = (self.attempt(result.attempt) / Path(name).name).read_bytes()
                if hashlib.sha256(data).hexdigest() != value["sha256"]:
                    raise ValueError(f"{name} of attempt {result.attempt} is not what was reported")
                files[name] = data
        return Facts(values=result.values, files=files, attempt=result.attempt)

    def clear_inputs(self, batch: str) -> None:
        """Remove the inputs that were stored for a batch, once it is over."""
        shutil.rmtree(self.root / "inputs" / batch, ignore_errors=True)

    def clear(self, id: AttemptId) -> None:
        """Remove an attempt's media; log, report and results stay.  Links are never followed."""
        try:
            with os.scandir(self.attempt(id)) as entries:
                for entry in entries:
                    if entry.name in KEPT:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry.path)
                    else:
                        os.unlink(entry.path)
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning("attempt %s: not cleared: %s", id, error, extra={"action": "clear_failed"})
