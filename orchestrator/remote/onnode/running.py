"""What of ours runs on this machine."""

from __future__ import annotations

import os
from contextlib import suppress

from orchestrator.remote.onnode.places import at, base
from orchestrator.remote.onnode.processes import lives

LIVE_MAX = 1000


def agent() -> int:
    """Return the pid of the agent, or of the free node, or 0."""
    return lives(at("agent.pid")) or lives(at("free.pid"))


def claims() -> list[str]:
    """Return the folders of the clusters that a free node has, or had."""
    try:
        return [at("clusters", name) for name in os.listdir(at("clusters"))]
    except OSError:
        return []


def runners() -> list[str]:
    """Return the attempts whose runner lives."""
    found = []
    for base_of in (base(), *claims()):
        with suppress(OSError), os.scandir(f"{base_of}/spool/attempts") as entries:
            for entry in entries:
                folder = entry.path
                if not os.path.exists(f"{folder}/exit.json") and lives(f"{folder}/pid.json"):
                    found.append(entry.name)
    return sorted(found)[:LIVE_MAX]
