"""`orchestrator run` in a process of its own that kills itself at a step it takes to the outside.

The process is forked from one that has imported all and started nothing: a fork of the one that
runs the tests would inherit locks that their threads hold, and wait for ever.
"""

import multiprocessing
import os
import signal
from pathlib import Path

import scripted_plugin

from orchestrator.cli import build
from orchestrator.cli import run as run_module
from orchestrator.engine.dask.engine import InprocEngine
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.plugin.manager import Plugins

CLEAN = multiprocessing.get_context("forkserver")
CLEAN.set_forkserver_preload(["fused"])

WRITES = ("accept", "plan", "lease", "settle", "close_part", "sent")
ENGINE = ("open", "send", "ack", "close")


def run(folder: Path, steps: int) -> int | None:
    """Run the job of `folder`; its exit code, or None if it was killed at step `steps` (0: never).

    What it prints stands in the file ``output``.
    """
    child = CLEAN.Process(target=_child, args=(folder, steps))
    child.start()
    child.join()
    return None if child.exitcode == -signal.SIGKILL else child.exitcode


def _child(folder: Path, steps: int) -> None:
    os.dup2(os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    os.dup2(1, 2)
    code = 99
    try:
        code = _run(folder, steps)
    finally:
        os._exit(code)


def _run(folder: Path, steps: int) -> int:
    fuse = Fuse(steps)
    build.SqliteLedger = guarded(SqliteLedger, fuse, WRITES)
    build.InprocEngine = guarded(InprocEngine, fuse, ENGINE)
    run_module.Plugins.installed = lambda *_, **__: Plugins.given(scripted=scripted_plugin)
    arguments = [str(folder / "job.yaml"), "--state", str(folder / "state")]
    return int(run_module.command.main(arguments, standalone_mode=False))


class Fuse:
    """Kills this process, as `kill -9` would, when it has burnt down."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def guarded(kind: type, fuse: Fuse, names: tuple[str, ...]) -> type:
    """Return a subclass of `kind` whose named methods burn the fuse before and after."""

    def burning(name):
        def call(self, *args, **kwargs):
            fuse.burn()
            answer = getattr(kind, name)(self, *args, **kwargs)
            fuse.burn()
            return answer

        return call

    return type(f"Guarded{kind.__name__}", (kind,), {name: burning(name) for name in names})
