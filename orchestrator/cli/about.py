"""What a running controller says of itself to other processes of this computer."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.cli.options import Layout
from orchestrator.cli.reading import is_worked_on


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """A controller that listens."""

    pid: int
    started: str  #: ISO 8601, UTC
    version: str  #: of orchestrator
    host: str = ""  #: where the API listens for other computers; empty: on its socket alone
    port: int = 0
    fingerprint: str = ""  #: ``SHA256:…`` of the cluster's authority
    scheduler: str = ""  #: as ``tls://10.0.0.1:50000``

    @property
    def address(self) -> str:
        """``host:port`` of the API; empty: other computers cannot reach it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else ""


def write_about(where: Layout, about: About) -> None:
    """Replace what is said, whole: who reads meanwhile sees the old or the new."""
    part = where.about.with_suffix(".part")
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as text:
        json.dump(asdict(about), text)
    part.replace(where.about)


def about(where: Layout) -> About | None:
    """Return what the controller that works on this state says; None: there is none, or not yet."""
    if not is_worked_on(where):
        return None
    try:
        data = json.loads(where.about.read_text("utf-8"))
        return About(**data)
    except (OSError, ValueError, TypeError):
        return None


def local_clusters(state: Path) -> tuple[Layout, ...]:
    """Return the clusters that have a state folder below `state`, by name."""
    try:
        found = sorted(each for each in state.iterdir() if (each / "ledger.db").exists())
    except OSError:
        return ()
    return tuple(Layout(each) for each in found)
