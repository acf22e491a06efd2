"""Starting runners, finding those of an earlier agent, and hearing what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil

from orchestrator.agent.ear import Ear
from orchestrator.agent.files import write_whole
from orchestrator.agent.process import is_alive
from orchestrator.agent.spool import Spool
from orchestrator.model.node import Spec
from orchestrator.model.work import AttemptId, Ending, Outcome
from orchestrator.system import ask_to_end

RUNNER = Path(__file__).with_name("runner.py")


class Run(Protocol):
    """An attempt that was started."""

    def wait(self) -> Outcome:
        """Return its outcome when it is over; it then stands in the spool, too."""

    def kill(self, grace_s: float) -> None:
        """Ask for its end; `grace_s` between SIGTERM and SIGKILL.  Twice is once."""


class Launcher(Protocol):
    """How a table starts what it was given."""

    def open(self, spool: Spool, heard: Callable[[AttemptId, str], None]) -> None:
        """Get ready; `heard` wants to know the progress lines, from any thread."""

    def start(self, spec: Spec) -> Run:
        """Start an attempt; raises OSError."""

    def adopt(self, spec: Spec) -> Run | None:
        """Return the run of an attempt that an earlier agent started; None: it never was."""

    def close(self) -> None:
        """Leave what runs alone."""


class RunnerLauncher:
    """A process of its own for every attempt (R3)."""

    def __init__(self, wrap: Sequence[str] = ()) -> None:
        """`wrap`: words before each command, as those that reach an extended node (F-EXT-1)."""
        self._wrap = tuple(wrap)

    def open(self, spool: Spool, heard: Callable[[AttemptId, str], None]) -> None:
        """Listen to the runners of `spool`."""
        self._spool = spool
        self._ear = Ear(spool.root / "progress", heard)

    def start(self, spec: Spec) -> Run:
        """Start a runner in a session of its own, so that no terminal and no Ctrl-C reaches it."""
        folder = self._spool.folder(spec.attempt)
        with (folder / "runner.err").open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(RUNNER), str(folder), *self._wrap],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
                start_new_session=True,
            )
        return _Runner(self._spool, spec.attempt, process)

    def adopt(self, spec: Spec) -> Run | None:
        """Return a run where a runner has been; dead without a record, it ends as lost."""
        folder = self._spool.folder(spec.attempt)
        if (folder / "pid.json").exists() or (folder / "kill.json").exists():
            return _Runner(self._spool, spec.attempt, None)
        return None

    def close(self) -> None:
        """Stop listening."""
        self._ear.close()


class _Runner:
    """A runner, our child or an earlier agent's."""

    def __init__(
        self, spool: Spool, attempt: AttemptId, process: subprocess.Popen[bytes] | None
    ) -> None:
        self._spool = spool
        self._attempt = attempt
        self._folder = spool.folder(attempt)
        self._process = process

    def wait(self) -> Outcome:
        if self._process is not None:
            self._process.wait()
        while (outcome := self._spool.outcome(self._attempt)) is None:
            marked = self._marked()  # of an earlier agent's, or of one that was quicker than ours
            if not is_alive(marked):
                # it may have written its record between our two looks
                outcome = self._spool.outcome(self._attempt) or self._vanished()
                break
            _wait_for(int(str(marked["pid"])))
        return outcome

    def kill(self, grace_s: float) -> None:
        with suppress(OSError):  # on a full disk it ends with the usual patience
            write_whole(self._folder / "kill.json", json.dumps({"grace": grace_s}).encode())
        if self._process is not None:
            _ask_to_end(self._process)
        marked = self._marked()
        if is_alive(marked) and (self._process is None or marked["pid"] != self._process.pid):
            with suppress(ProcessLookupError):
                ask_to_end(int(str(marked["pid"])))

    def _marked(self) -> dict[str, object]:
        try:
            marked = json.loads((self._folder / "pid.json").read_text())
        except (OSError, ValueError):
            return {}
        return marked if isinstance(marked, dict) else {}

    def _vanished(self) -> Outcome:
        """Return what is said of a runner that left no record, and write it down."""
        if (self._folder / "kill.json").exists():
            ending, why = Ending.KILLED, "ended on request, before it began"
        else:
            ending, why = Ending.LOST, "its runner vanished without a word"
            if last := _last_line(self._folder / "runner.err"):
                why += f": {last}"
        outcome = Outcome(attempt=self._attempt, ending=ending, why=why)
        self._spool.settle(outcome)
        return outcome


def _ask_to_end(runner: subprocess.Popen[bytes]) -> None:
    if sys.platform != "win32":  # there a runner looks for its ``kill.json``
        runner.terminate()


def _wait_for(pid: int) -> None:
    """Wait for a process that need not be our child."""
    try:
        psutil.Process(pid).wait()
    except psutil.NoSuchProcess:
        return


def _last_line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip().rpartition("\n")[2][:400]
    except FileNotFoundError:
        return ""
