"""The Shake processor: compositing scripts rendered by frames (F-SHAKE-1)."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.api import Processor, ProgramCheck, hookimpl, version_check
from orchestrator_shake.processor import ShakeProcessor
from orchestrator_shake.renderer import Shake


@hookimpl
def orchestrator_processors() -> Iterable[Processor]:
    """Offer `shake`."""
    return (ShakeProcessor(Shake()),)


@hookimpl
def orchestrator_programs() -> Iterable[ProgramCheck]:
    """Say how Shake is found on a node: it is not called, because that opens its window.

    Its version is that of its folder, as ``shake-v4.10.0606``, if it has one.
    """
    return (version_check("shake", (), r"[Ss]hake-v(?P<version>\d+(?:\.\d+)*)"),)
