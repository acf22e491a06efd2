"""An outer limit for what may hang for ever: the caller goes on, the socket is closed (R8)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from orchestrator.errors import Unreachable

T = TypeVar("T")

CALL_LIMIT_S = 20.0
INSTALL_LIMIT_S = 600.0


@dataclass(slots=True)
class _Ended(Generic[T]):
    """What came of an operation."""

    done: threading.Event = field(default_factory=threading.Event)
    value: T | None = None
    error: BaseException | None = None

    def run(self, what: Callable[[], T]) -> None:
        try:
            self.value = what()
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            self.error = error
        finally:
            self.done.set()


class Guarded:
    """Runs operations, each in a thread of its own, and never waits longer than it was told."""

    def __init__(self, node: str, abort: Callable[[], None]) -> None:
        """`abort` closes the socket of whatever hangs; it must not wait."""
        self._node = node
        self._abort = abort

    def run(self, what: Callable[[], T], limit_s: float = CALL_LIMIT_S) -> T:
        """Return what `what` returns, and raise what it raises.

        Raises Unreachable after `limit_s`; the thread is left to itself.
        """
        ended: _Ended[T] = _Ended()
        threading.Thread(
            target=ended.run, args=(what,), name=f"ssh {self._node}", daemon=True
        ).start()
        if not ended.done.wait(limit_s):
            with suppress(OSError):
                self._abort()
            raise Unreachable(self._node, f"no answer within {limit_s:g} s; it is tried again")
        if ended.error is not None:
            raise ended.error
        return ended.value  # type: ignore[return-value]  # None only where T is None
