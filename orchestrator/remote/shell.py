"""A shell at the other end of a guarded connection: one script in, all that it prints out."""

from __future__ import annotations

import time

import paramiko

from orchestrator.errors import Unreachable
from orchestrator.remote.connect import Line

ANSWER_BYTES_MAX = 32 << 20
SHELL = "exec /bin/sh"
"""All that ever stands in a command line; every login shell understands it (T02)."""

_READ_BYTES = 256 << 10
_WRITE_BYTES = 32 << 10


class SshShell:
    """Implements `extended.Shell` on a connection that `connect` made; closing it closes both."""

    def __init__(self, node: str, line: Line) -> None:
        self._node = node
        self._line = line

    def say(self, script: bytes, limit_s: float) -> bytes:
        """Run `script`; Unreachable where it takes longer than `limit_s`."""
        until = time.monotonic() + limit_s
        try:
            return self._answer(script, until)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise Unreachable(self._node, str(error) or type(error).__name__) from error

    def close(self) -> None:
        """Let go of it, however it stands."""
        self._line.close()

    def _answer(self, script: bytes, until: float) -> bytes:
        transport = self._line.transport
        if transport is None:
            raise EOFError("the connection is closed")
        with transport.open_session(timeout=_left_s(until)) as channel:
            channel.set_combine_stderr(False)
            channel.settimeout(_left_s(until))
            channel.exec_command(SHELL)
            for start in range(0, len(script), _WRITE_BYTES):
                channel.settimeout(_left_s(until))
                channel.sendall(script[start : start + _WRITE_BYTES])
            channel.shutdown_write()
            answer = bytearray()
            while True:
                channel.settimeout(_left_s(until))
                data = channel.recv(_READ_BYTES)
                if not data:
                    return bytes(answer)
                answer += data
                if len(answer) > ANSWER_BYTES_MAX:
                    raise OSError(f"it answers more than {ANSWER_BYTES_MAX} bytes")


def _left_s(until: float) -> float:
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("no answer in time")
    return left_s
