"""The compressor: encodes one file in parts such that nobody can tell."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from orchestrator.api import Processor, ProgramCheck, hookimpl
from orchestrator_compressor import processor


@hookimpl
def orchestrator_processors() -> Iterable[Processor]:
    """Offer `compressor`."""
    return (processor.load(),)


@hookimpl
def orchestrator_settings() -> Path:
    """Offer the folder of built-in settings."""
    return Path(__file__).parent / "settings"


@hookimpl
def orchestrator_programs() -> Iterable[ProgramCheck]:
    """Ask each node for its ffmpeg, and try it."""
    words = ("{python}", "-m", "orchestrator_compressor.work", "tools", "--path", "{path}")
    return (ProgramCheck("ffmpeg", words),)
