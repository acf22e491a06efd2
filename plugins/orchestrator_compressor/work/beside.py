"""What the filters of the pictures read from the attempt's own folder, brought there."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from orchestrator_compressor.work import folder
from orchestrator_compressor.work.trouble import Trouble


def bring(wanted: Mapping[str, object]) -> None:
    """Copy files and folders of another attempt into this one; nothing where nothing is asked.

    Raises Trouble that names the other attempt where one has changed since it was accepted.
    """
    if not wanted:
        return
    there = Path(str(wanted["folder"]))
    for name, sha256 in cast("Mapping[str, str]", wanted["files"]).items():
        source, here = there / name, Path(name)
        if source.is_dir():
            shutil.copytree(source, here, dirs_exist_ok=True)
        elif source.exists():
            shutil.copyfile(source, here)
        if not here.exists() or folder.digest(here) != sha256:
            raise Trouble(
                f"{source}: has changed since it was accepted; its task is done again",
                spoiled=[there.name],
            )
