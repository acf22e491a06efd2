"""The Maya processor: scenes rendered by frames with Maya's `Render` (F-MAYA-1)."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.api import Processor, ProgramCheck, hookimpl, version_check
from orchestrator_maya.processor import MayaProcessor
from orchestrator_maya.renderer import Maya


@hookimpl
def orchestrator_processors() -> Iterable[Processor]:
    """Offer `maya`."""
    return (MayaProcessor(Maya()),)


@hookimpl
def orchestrator_programs() -> Iterable[ProgramCheck]:
    """Say how Maya is found on a node: `maya` tells its version, `Render` beside it does not."""
    return (version_check("maya", ("-v",), r"Maya\s+(?P<version>\d+(?:\.\d+)*)"),)
