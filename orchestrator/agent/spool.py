"""What an agent knows, on its local disk: it survives agent, controller and engine.

``attempts/<id>/`` holds ``spec.json``, then ``pid.json`` and the log of its runner, then
``exit.json``; ``kill.json`` where somebody asked for its end.  Nothing here is on cluster storage.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from orchestrator.agent import exits
from orchestrator.agent.files import write_whole
from orchestrator.model.codec import canonical, load
from orchestrator.model.node import Seen, Spec
from orchestrator.model.work import AttemptId, Ending, Outcome

STONES_MAX = 20_000
"""How many forgotten attempts are remembered by name; deliveries come late by seconds, not days."""

RECORD_BYTES_MAX = 1 << 20
"""A spec or an exit record is far smaller; of a larger file no more is read."""

UNREADABLE = (ValueError, TypeError, AttributeError, OverflowError, RecursionError)
"""What a file that is damaged, or not ours, may raise on its way to a noun."""

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


class Spool:
    """The files of one agent; made where they are missing.

    Every method raises OSError where the disk fails, unless it says otherwise.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._attempts = root / "attempts"
        self._attempts.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._epoch = root / "epoch"
        self._stone_file = root / "tombstones"
        self.epoch = epoch_seen(root)
        self._seen_file = root / "seen.json"
        self.seen = self._read_seen()
        self._stones = self._read_stones()

    def folder(self, attempt: AttemptId) -> Path:
        """Return where an attempt's files are."""
        return self._attempts / attempt

    def store(self, attempt: AttemptId, text: str) -> None:
        """Keep a spec."""
        folder = self.folder(attempt)
        folder.mkdir(mode=0o750, exist_ok=True)
        write_whole(folder / "spec.json", text.encode())

    def raise_epoch(self, epoch: int) -> None:
        """Remember the highest epoch of a controller that was seen."""
        if epoch > self.epoch:
            write_whole(self._epoch, str(epoch).encode(), durable=True)
            self.epoch = epoch

    def raise_seen(self, spec: Spec) -> None:
        """Remember the newest lease; one of a later epoch is newer whatever its number."""
        ledger = spec.attempt.rpartition("-")[0]
        seen = Seen(ledger=ledger, epoch=spec.epoch, lease=spec.lease, proof=spec.proof)
        old = self.seen
        if old is None or old.ledger != ledger or (old.epoch, old.lease) < (seen.epoch, seen.lease):
            write_whole(self._seen_file, canonical(seen).encode())
            self.seen = seen

    def held(self) -> Iterator[tuple[AttemptId, Spec | None]]:
        """Yield what it holds, oldest first; None for a spec that cannot be read.

        What no agent made, as a file that some other program left, is not looked at.
        """
        folders = [
            entry
            for entry in os.scandir(self._attempts)
            if is_attempt_id(entry.name) and entry.is_dir(follow_symlinks=False)
        ]
        for entry in sorted(folders, key=lambda entry: entry.stat().st_mtime_ns):
            yield entry.name, self._spec(entry.name)

    def outcome(self, attempt: AttemptId) -> Outcome | None:
        """Return the exit record, or None; one that cannot be read means that it is lost (F21)."""
        try:
            text = exits.regular(str(self.folder(attempt) / "exit.json"), RECORD_BYTES_MAX)
            outcome = load(Outcome, exits.parsed(text))
            if outcome.attempt == attempt:
                return outcome
            why = f"its exit record speaks of attempt {outcome.attempt}"
        except FileNotFoundError:
            return None
        except (OSError, *UNREADABLE) as error:
            why = f"its exit record cannot be read: {error}"
        return Outcome(attempt=attempt, ending=Ending.LOST, why=why)

    def settle(self, outcome: Outcome) -> None:
        """Write the exit record of an attempt that has no runner to do it."""
        folder = self.folder(outcome.attempt)
        folder.mkdir(mode=0o750, exist_ok=True)
        write_whole(folder / "exit.json", canonical(outcome).encode(), durable=True)

    def forget(self, attempt: AttemptId) -> None:
        """Remove an attempt's files; its name stays, so that a late delivery starts nothing."""
        self._stones[attempt] = None
        with self._stone_file.open("a") as file:
            file.write(f"{attempt}\n")
        shutil.rmtree(self.folder(attempt), ignore_errors=True)

    def is_forgotten(self, attempt: AttemptId) -> bool:
        """Whether the attempt was held once."""
        return attempt in self._stones

    def _spec(self, attempt: AttemptId) -> Spec | None:
        try:
            text = exits.regular(str(self.folder(attempt) / "spec.json"), RECORD_BYTES_MAX)
            spec = load(Spec, exits.parsed(text))
        except (OSError, *UNREADABLE):
            return None
        return spec if spec.attempt == attempt else None

    def _read_seen(self) -> Seen | None:
        try:
            text = exits.regular(str(self._seen_file), RECORD_BYTES_MAX)
            return load(Seen, exits.parsed(text))
        except (OSError, *UNREADABLE):
            return None

    def _read_stones(self) -> dict[AttemptId, None]:
        """Read the tombstones; a file that has grown long keeps its end."""
        if not self._stone_file.exists():
            return {}
        names = self._stone_file.read_text().split()
        if len(names) > STONES_MAX:
            names = names[-STONES_MAX // 2 :]
            write_whole(self._stone_file, "".join(f"{name}\n" for name in names).encode())
        return dict.fromkeys(names)


def is_attempt_id(text: object) -> bool:
    """Whether `text` may name an attempt: one plain path component (T06)."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def epoch_seen(root: Path) -> int:
    """Return the highest epoch of a controller that the agent of this spool has seen; 0: none."""
    try:
        return int((root / "epoch").read_text())
    except (OSError, ValueError):
        return 0
