"""The Shake processor: compositing scripts rendered by frames (F-SHAKE-1)."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.api import Processor, ProgramCheck, hookimpl
from orchestrator_shake.processor import ShakeProcessor
from orchestrator_shake.renderer import Shake


@hookimpl
def orchestrator_processors() -> Iterable[Processor]:
    """Offer `shake`."""
    return (ShakeProcessor(Shake()),)


@hookimpl
def orchestrator_programs() -> Iterable[ProgramCheck]:
    """Say how Shake is found on a node: it is not run, because without words it opens a window."""
    return (ProgramCheck("shake", ("{python}", "-m", "orchestrator_shake.look", "{path}")),)
