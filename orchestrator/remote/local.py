"""This computer as a node: the same as over SSH, without SSH."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO

from orchestrator.errors import Unreachable
from orchestrator.remote.exchange import Said
from orchestrator.remote.machine import FOLDER, Machine
from orchestrator.remote.onnode.programs import KEPT_ENV
from orchestrator.remote.protocol import Runtime
from orchestrator.remote.watchdog import Guarded


class LocalShell:
    """Runs commands here, with our own interpreter."""

    def __init__(self, name: str, env: Mapping[str, str]) -> None:
        self._name = name
        self._env = env

    def run(self, words: tuple[str, ...], parts: Iterable[bytes], limit_s: float) -> Said:
        """Run constant words; Unreachable after `limit_s`."""
        with tempfile.TemporaryFile() as heard:
            process = subprocess.Popen(
                [sys.executable, *words[1:]],
                stdin=subprocess.PIPE,
                stdout=heard,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd="/",
                start_new_session=True,
            )
            try:
                code = Guarded(self._name, process.kill).run(lambda: _fed(process, parts), limit_s)
            except OSError as error:
                process.kill()
                process.wait()
                raise Unreachable(self._name, str(error)) from error
            heard.seek(0)
            return Said(code, heard.read())

    def close(self) -> None:
        """Nothing is held."""


class LocalRemote(Machine):
    """This computer.  A runtime without wheels is our own: nothing is copied or installed."""

    def __init__(
        self,
        name: str,
        cluster_id: str = "",
        state: Path | None = None,
        folder: str = FOLDER,
    ) -> None:
        """`state`: in place of ``$XDG_STATE_HOME``; the others as for `SshRemote`."""
        env = {key: value for key, value in os.environ.items() if key in KEPT_ENV}
        if state is not None:
            env["XDG_STATE_HOME"] = str(state)
        super().__init__(name, LocalShell(name, env), cluster_id, folder)

    def install(self, runtime: Runtime, tell: Callable[[str], None]) -> None:
        """Fill a venv, or take the interpreter that we run in."""
        if runtime.wheels:
            super().install(runtime, tell)
        else:
            self._call("adopt", digest=runtime.digest, interpreter=sys.executable)


def _fed(process: subprocess.Popen[bytes], parts: Iterable[bytes]) -> int:
    """Give it what is for its stdin, and wait for its end."""
    stdin: IO[bytes] | None = process.stdin
    assert stdin is not None
    try:
        with stdin:
            for part in parts:
                stdin.write(part)
    except BrokenPipeError:  # what it says is the reason
        pass
    return process.wait()
