"""publish: put frames that were looked at in their places, each whole or not at all (R2)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.frames.work.attempt import FRAMES
from orchestrator.frames.work.trouble import Trouble


def run(asked: Mapping[str, Any]) -> Mapping[str, object]:
    """Return where they are, how many, and their bytes."""
    source, folder = Path(asked["from"]), Path(asked["folder"])
    known = json.loads((source / FRAMES).read_text("utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    for number, name in asked["frames"]:
        _place(source / "frames" / known[number]["file"], known[number], folder / name, asked)
        size += known[number]["size"]
    return {"frames": len(asked["frames"]), "size": size}


def _place(made: Path, known: Mapping[str, Any], there: Path, asked: Mapping[str, Any]) -> None:
    if there.exists():
        if hashlib.sha256(there.read_bytes()).hexdigest() == known["sha256"]:
            return
        if asked["ifExists"] != "replace":
            raise Trouble(f"{there}: exists; choose another name, or ifExists: replace", final=True)
    part = there.with_name(f".{there.name}.part")
    shutil.copyfile(made, part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(there)
