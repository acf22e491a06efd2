"""The Maya processor: scenes rendered by frames with Maya's `Render` (F-MAYA-1)."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.api import Processor, ProgramCheck, hookimpl
from orchestrator_maya.processor import MayaProcessor
from orchestrator_maya.renderer import Maya


@hookimpl
def orchestrator_processors() -> Iterable[Processor]:
    """Offer `maya`."""
    return (MayaProcessor(Maya()),)


@hookimpl
def orchestrator_programs() -> Iterable[ProgramCheck]:
    """Say how Maya's `Render` is found on a node."""
    return (ProgramCheck("maya", ("{python}", "-m", "orchestrator_maya.look", "{path}")),)
