"""check: look at every frame that a renderer left.  Exit code 0 proves nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.frames.work.attempt import FRAMES, leave
from orchestrator.frames.work.images import NotAnImage, look

LISTED_MAX = 50
"""Of bad frames, those that the result names: it must stay small."""


def run(asked: Mapping[str, Any]) -> Mapping[str, object]:
    """Return what there is of the frames; the good ones are listed in a file beside."""
    folder = Path(asked["folder"])
    good: dict[str, Mapping[str, object]] = {}
    missing: list[str] = []
    broken: list[tuple[str, str]] = []
    black: list[str] = []
    for number, name in asked["frames"]:
        file = folder / name
        if not file.is_file():
            missing.append(number)
            continue
        try:
            image = look(file)
        except NotAnImage as error:
            broken.append((number, str(error)))
            continue
        if image.is_black:
            black.append(number)
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        good[number] = {"file": name, "size": file.stat().st_size, "sha256": sha256}
    digest = leave(good, FRAMES)
    return {
        "frames": len(good),
        "missing": missing[:LISTED_MAX],
        "broken": broken[:LISTED_MAX],
        "black": black[:LISTED_MAX],
        "list": FRAMES,
        "sha256": digest,
    }
