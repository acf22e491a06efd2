"""A controller as a process of its own: started so that it outlives the terminal, and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from orchestrator.cli.about import About, about
from orchestrator.cli.daemonlog import last_lines
from orchestrator.cli.options import Layout, made
from orchestrator.cli.reading import is_worked_on
from orchestrator.cli.show import plain
from orchestrator.errors import OrchestratorError, Refusal
from orchestrator.ledger.lock import Lock

ANSWERS_WITHIN_S = 60.0
LOOK_S = 0.05
LINES_SHOWN = 10


def words(where: Layout) -> list[str]:
    """Return the command that is the controller of this state."""
    state = str(where.root.parent)
    run = ["controller", "run", where.cluster, "--state", state]
    return [sys.executable, "-P", "-m", "orchestrator", *run]


def start(where: Layout) -> About:
    """Start a controller in a session of its own; return what it says once it listens.

    Raises Refusal with its last lines if it ends before, OrchestratorError if it says nothing.
    """
    errors = made(where).root / "controller.stderr"
    with errors.open("wb") as told:
        process = subprocess.Popen(
            words(where),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            start_new_session=True,
        )
    until = time.monotonic() + ANSWERS_WITHIN_S
    while time.monotonic() < until:
        if (said := about(where)) is not None:
            return said
        if process.poll() is not None:
            raise Refusal(
                f"cluster {where.cluster!r}: its controller ended with {process.returncode}; "
                f"{_why(where, errors)}"
            )
        time.sleep(LOOK_S)
    raise OrchestratorError(
        f"cluster {where.cluster!r}: its controller (process {process.pid}) has not answered in "
        f"{ANSWERS_WITHIN_S:g} s; {_why(where, errors)}"
    )


def stop(where: Layout, timeout_s: float) -> None:
    """Ask the controller to stop, and wait until it has; OrchestratorError if it does not."""
    holder = Lock(where.lock).holder()
    try:
        if holder.pid:
            os.kill(holder.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise Refusal(
            f"cluster {where.cluster!r}: its controller is {holder} of another user; "
            "stop it as that user"
        ) from error
    until = time.monotonic() + timeout_s
    while is_worked_on(where):
        if time.monotonic() >= until:
            raise OrchestratorError(
                f"cluster {where.cluster!r}: {holder} has not stopped in {timeout_s:g} s; "
                f"look into {where.log}"
            )
        time.sleep(LOOK_S)


def _why(where: Layout, errors: Path) -> str:
    try:
        said = errors.read_text("utf-8", "replace").splitlines()
    except OSError:
        said = []
    lines = [*said[-LINES_SHOWN:], *(() if said else last_lines(where.log, LINES_SHOWN))]
    return "\n".join(("its last words:", *map(plain, lines))) if lines else "it left no word"
