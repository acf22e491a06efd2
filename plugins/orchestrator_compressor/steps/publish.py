"""The verified file is put in its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import cast

from orchestrator.api import Command, Kind
from orchestrator_compressor.asks import report_files
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
        "reports": _reports(step),
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


def _reports(step: Step) -> list[dict[str, str]]:
    """Return the files of the report, as `verify` left them, with their places."""
    path = str(step.task.args.get("report", ""))
    judged = step.id(Kind.VERIFY)
    left = step.values(judged)
    page = left.get("page")
    named = zip((left, page if isinstance(page, Mapping) else {}), report_files(path), strict=False)
    return [
        {
            "file": step.there(judged, str(each.get("file", ""))),
            "sha256": str(each.get("sha256", "")),
            "destination": step.where.source(place),
        }
        for each, place in named
    ]
