"""The Blender processor: scenes rendered by frames."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.api import FrameProcessor, Processor, ProgramCheck, hookimpl, version_check
from orchestrator_blender.renderer import Blender


@hookimpl
def orchestrator_processors() -> Iterable[Processor]:
    """Offer `blender`."""
    return (FrameProcessor(Blender()),)


@hookimpl
def orchestrator_programs() -> Iterable[ProgramCheck]:
    """Say how Blender is found on a node."""
    return (version_check("blender", ("--version",), r"Blender (?P<version>\d[\w.]*)"),)
