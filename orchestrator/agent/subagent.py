"""The agent by which a free node serves the cluster that has it: a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from orchestrator.agent.files import now_s
from orchestrator.agent.process import is_alive

RESTART_AFTER_S = 5.0


class Agent(Protocol):
    """The agent that serves a claim, ours or one that an earlier life of ours started."""

    def start(self) -> None:
        """Start it unless it runs; OSError."""

    def is_alive(self) -> bool:
        """Whether it runs."""

    def is_done(self) -> bool:
        """Whether it has ended as one that was dismissed does."""

    def end(self) -> None:
        """Ask it to end; its runners go on."""


class AgentProcess:
    """Implements `Agent` with a process of its own, detached from us."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self._started_at = -RESTART_AFTER_S

    def start(self) -> None:
        if self.is_alive() or now_s() - self._started_at < RESTART_AFTER_S:
            return
        self._started_at = now_s()
        with (self._folder / "agent.err").open("wb") as errors:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "orchestrator.agent", str(self._folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
                start_new_session=True,
            )

    def is_alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return is_alive(_json(self._folder / "agent.pid"))

    def is_done(self) -> bool:
        return self._child is not None and self._child.poll() == 0

    def end(self) -> None:
        with suppress(OSError):
            if self._child is not None:
                self._child.terminate()
                return
            marked = _json(self._folder / "agent.pid")
            if is_alive(marked):
                os.kill(int(str(marked["pid"])), signal.SIGTERM)


def has_runner(spool: Path) -> bool:
    """Whether a runner lives that a spool knows and that left no record."""
    return any(
        is_alive(_json(file))
        for file in (spool / "attempts").glob("*/pid.json")
        if not file.with_name("exit.json").exists()
    )


def _json(file: Path) -> dict[str, object]:
    try:
        value = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
