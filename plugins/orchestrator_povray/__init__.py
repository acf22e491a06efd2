"""The POV-Ray processor: scenes rendered by frames."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.api import FrameProcessor, Processor, ProgramCheck, hookimpl, version_check
from orchestrator_povray.renderer import PovRay


@hookimpl
def orchestrator_processors() -> Iterable[Processor]:
    """Offer `povray`."""
    return (FrameProcessor(PovRay()),)


@hookimpl
def orchestrator_programs() -> Iterable[ProgramCheck]:
    """Say how POV-Ray is found on a node."""
    return (version_check("povray", ("--version",), r"POV-Ray (?P<version>\d[\w.]*)"),)
