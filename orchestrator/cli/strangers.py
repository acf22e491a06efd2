"""Whether plugins are there that are not ours: asked of folders, so that `--help` stays fast."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

OURS = "media_orchestrator-"
GROUP = "[orchestrator]"
"""The line of an ``entry_points.txt`` below which our plugins are named."""


def strangers() -> bool:
    """Whether an installed distribution other than ours names the entry-point group.

    A tenth of the time that `importlib.metadata` takes, which is as long as all of `--help`.
    What lies in an archive is not seen: its subcommands are there, and not listed.
    """
    return any(_names_group(path) for folder in sys.path for path in _entry_points(folder))


def _entry_points(folder: str) -> Iterator[str]:
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return
    for name in names:
        if name.endswith((".dist-info", ".egg-info")) and not name.startswith(OURS):
            yield os.path.join(folder, name, "entry_points.txt")


def _names_group(path: str) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return any(line.strip() == GROUP for line in file)
    except OSError:
        return False
