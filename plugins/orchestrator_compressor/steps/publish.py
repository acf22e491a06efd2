"""The verified file is put in its place."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import cast

from orchestrator.api import Command, Kind
from orchestrator_compressor.steps.step import FINAL, Step, Values, source, work


def command(step: Step) -> Command:
    """Return the command that puts the file in its place."""
    made = step.id(Kind.ASSEMBLE)
    digest = step.values(made).get("sha256", "")
    asked = {
        **source(step),
        "file": step.there(made, f"{FINAL}.{step.output.setting.container}"),
        "sha256": digest,
        "accepted_sha256": digest,
        "destination": step.where.source(str(step.task.args["destination"])),
        "ifExists": step.output.if_exists.value,
        "attempt": PurePosixPath(step.where.attempt).name,
        "extras": _extras(step),
    }
    return work(step, "publish", [], asked)


def _extras(step: Step) -> list[dict[str, object]]:
    """Return what is put beside the file: where it was made, its hash, how its name ends."""
    made = step.id(Kind.STREAMS)
    files = step.product.extras.files
    told = cast("Values", step.values(made).get("files") or {}) if files else {}
    return [
        {"file": step.there(made, name), "sha256": told.get(name, ""), "suffix": suffix}
        for name, suffix in files
    ]
