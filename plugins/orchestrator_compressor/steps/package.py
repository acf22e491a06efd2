"""The rungs of a ladder and their sound become a folder of pieces and playlists."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import PurePosixPath
from typing import cast

from orchestrator.api import Command, Kind, task_id
from orchestrator_compressor import expect, ladder, packaging
from orchestrator_compressor.steps.audio import names, tracks
from orchestrator_compressor.steps.step import FINAL, Step, source, times, work
from orchestrator_compressor.steps.stills import LISTING


def command(step: Step) -> Command:
    """Return the command that packages."""
    files = [(each["name"], each["path"]) for each in _rungs(step)]
    parts = packaging.Parts(rungs=files, sound=_sound(step))
    words = packaging.package(step.means, step.product, parts, _rate(step))
    asked = {**source(step), **_asked(step), "folder": packaging.FOLDER}
    return work(step, "package", words, asked)


def verify(step: Step) -> Command:
    """Return the command that judges the package by itself."""
    made = step.id(Kind.ASSEMBLE)
    asked = {
        **source(step),
        **_asked(step),
        "folder": step.there(made, packaging.FOLDER),
        "sha256": step.values(made).get("sha256", ""),
        **times(step),
        "expect": {
            "audio": expect.sounds(step.product, tracks(step.values(step.id(Kind.AUDIO)))),
        },
    }
    return work(step, "unpack", [], asked)


def place(step: Step) -> Command:
    """Return the command that puts the package in its place."""
    made = step.id(Kind.ASSEMBLE)
    asked = {
        **source(step),
        "folder": step.there(made, packaging.FOLDER),
        "listing": step.there(made, LISTING),
        "sha256": step.values(made).get("sha256", ""),
        "destination": step.where.source(str(step.task.args["destination"])),
        "ifExists": step.output.if_exists.value,
        "attempt": PurePosixPath(step.where.attempt).name,
        "is_package": True,
    }
    return work(step, "place", [], asked)


def _asked(step: Step) -> dict[str, object]:
    """Return what both know of the package."""
    picture, sound = step.product.picture, _sound(step)
    assert picture is not None  # a ladder has rungs
    made = next(iter(tracks(step.values(step.id(Kind.AUDIO)))), {})
    audio = {**made, "path": sound} if sound else None
    return {
        "container": step.output.setting.container,
        "rungs": _rungs(step),
        "audio": audio,
        "start": str(picture.start - step.product.zero),
        "chunk": ladder.chunk_frames(picture.video.key_interval, _rate(step)),
    }


def _rungs(step: Step) -> list[dict[str, str]]:
    found = []
    for target in cast("Sequence[str]", step.task.args["rungs"]):
        made = task_id(step.task.job.id, Kind.ASSEMBLE, target)
        values = step.values(made)
        path = step.there(made, f"{FINAL}.{ladder.RUNG}")
        kept = {key: str(values[key]) for key in ("sha256", "payload_sha256") if key in values}
        found.append({"name": target.rpartition(".")[2], "path": path, **kept})
    return found


def _rate(step: Step) -> Fraction:
    told, picture = step.task.args["rate"], step.product.picture
    known = picture.rate if picture else None  # a single frame stands on any grid
    return Fraction(str(told or known or 1))


def _sound(step: Step) -> str | None:
    found = names(step.product.sounds)
    return step.there(step.id(Kind.AUDIO), found[0]) if found else None
