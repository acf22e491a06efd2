"""What a free node's folder holds of the clusters that have it, or had it (R17).

``claim.json``: who has it.  ``clusters/<id>/``: the folder of that cluster's agent; with ``left`` in
it, the time of that, what came of its attempts waits there for the cluster.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from orchestrator.agent.files import write_whole
from orchestrator.agent.leash import HEARD, heard
from orchestrator.agent.subagent import has_runner
from orchestrator.discovery.claim import Claimant, Joining
from orchestrator.model.codec import canonical, load
from orchestrator.model.node import AgentSettings

OUTCOMES_KEPT_S = 7 * 86400.0


class Claims:
    """The files of claims in one free node's folder."""

    def __init__(self, folder: Path, wall: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._wall = wall

    def place(self, claimant: Claimant) -> Path:
        """Return the folder of a claim's agent."""
        return self._folder / "clusters" / claimant.cluster_id

    def prepare(self, claimant: Claimant) -> Path:
        """Return the folder of a claim's agent, made if it is missing; OSError."""
        folder = self.place(claimant)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "left").unlink(missing_ok=True)
        return folder

    def furnish(self, claimant: Claimant, joining: Joining, settings: AgentSettings) -> None:
        """Write what a claim's agent is started with; OSError."""
        folder = self.place(claimant)
        write_whole(folder / "tls" / "ca.pem", joining.authority.encode())
        write_whole(folder / "tls" / "cert.pem", joining.certificate.encode())
        write_whole(folder / "settings.json", canonical(settings).encode())
        (folder / "spool" / HEARD).unlink(missing_ok=True)  # of an earlier time

    def keep(self, claimant: Claimant) -> None:
        """Write down who has the node; OSError."""
        write_whole(self._folder / "claim.json", canonical(claimant).encode())

    def recall(self) -> Claimant | None:
        """Return who has the node; None: nobody."""
        try:
            return load(Claimant, json.loads((self._folder / "claim.json").read_text()))
        except (OSError, ValueError, TypeError, AttributeError):
            return None

    def settings(self, claimant: Claimant) -> AgentSettings | None:
        """Return what a claim's agent is started with; None: nothing can be."""
        try:
            return load(
                AgentSettings, json.loads((self.place(claimant) / "settings.json").read_text())
            )
        except (OSError, ValueError, TypeError):
            return None

    def heard_at(self, claimant: Claimant) -> float | None:
        """Return when a claim's agent heard of its cluster last; None: never in this boot."""
        note = heard(str(self.place(claimant) / "spool" / HEARD))
        return None if note is None else note["at"]

    def has_runner(self, claimant: Claimant) -> bool:
        """Whether a runner of a claim lives."""
        return has_runner(self.place(claimant) / "spool")

    def leave(self, claimant: Claimant) -> None:
        """Drop the certificate; what came of its attempts waits for that cluster alone."""
        folder = self.place(claimant)
        with suppress(OSError):
            (self._folder / "claim.json").unlink(missing_ok=True)
            shutil.rmtree(folder / "tls", ignore_errors=True)
            if any((folder / "spool" / "attempts").glob("*")):
                write_whole(folder / "left", str(self._wall()).encode())
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def prune(self) -> None:
        """Remove what has waited for its cluster too long."""
        for mark in (self._folder / "clusters").glob("*/left"):
            with suppress(OSError, ValueError):
                if self._wall() - float(mark.read_text()) > OUTCOMES_KEPT_S:
                    shutil.rmtree(mark.parent, ignore_errors=True)
