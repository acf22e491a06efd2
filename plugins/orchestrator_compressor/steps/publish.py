"""The verified file is put in its place."""

from __future__ import annotations

from pathlib import PurePosixPath

from orchestrator.api import Command, Kind
from orchestrator_compressor.steps.step import FINAL, Step, source, work


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
    }
    return work(step, "publish", [], asked)
