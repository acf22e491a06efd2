"""What is installed on machines, gathered once for each platform, while nobody waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from orchestrator.decide.way import Step
from orchestrator.errors import OrchestratorError
from orchestrator.model.talk import NodePhase
from orchestrator.remote.protocol import Runtime

log = logging.getLogger(__name__)

Tell = Callable[[str], None]


@dataclass(slots=True)
class Gathered:
    """What is installed on one platform, or how far it is from being there."""

    runtime: Runtime | None = None
    telling: str = "filling the wheelhouse (once)"
    trouble: str = ""
    at_work: bool = False

    def is_gone(self) -> bool:
        """Whether a wheel of it is no longer there."""
        return self.runtime is not None and not all(each.exists() for each in self.runtime.wheels)

    @property
    def digest(self) -> str:
        """Of the runtime; empty: there is none yet."""
        return self.runtime.digest if self.runtime else ""

    @property
    def step(self) -> Step:
        """Where a node stands that waits for it."""
        if self.trouble:
            todo = "orchestrator controller wheels"
            return Step(NodePhase.REFUSED, why=self.trouble, todo=todo)
        return Step(NodePhase.INSTALLING, why=self.telling)


class Gathering:
    """Every platform's; `told` is called, from any thread, with each change."""

    def __init__(
        self, runtime_of: Callable[[str, Tell], Runtime], told: Callable[[], None]
    ) -> None:
        self._runtime_of = runtime_of
        self._told = told
        self._lock = threading.Lock()
        self._known: dict[str, Gathered] = {}
        self._pool = ThreadPoolExecutor(1, "wheelhouse")

    def of(self, platform: str) -> Gathered:
        """Return what there is for a platform; have it gathered where that is missing."""
        with self._lock:
            found = self._known.setdefault(platform, Gathered())
            if found.runtime is None and not found.at_work and not found.trouble:
                found.at_work = True
                self._pool.submit(self._gather, platform, found)
            return found

    def is_busy(self) -> bool:
        """Whether anything is being gathered."""
        with self._lock:
            return any(each.at_work for each in self._known.values())

    def forgive(self) -> None:
        """Try again what went wrong."""
        with self._lock:
            self._known = {name: each for name, each in self._known.items() if not each.trouble}

    def check(self) -> None:
        """Gather anew what somebody has removed from the wheelhouse meanwhile."""
        with self._lock:
            self._known = {name: each for name, each in self._known.items() if not each.is_gone()}

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _gather(self, platform: str, into: Gathered) -> None:
        def tell(text: str) -> None:
            into.telling = text
            self._told()

        try:
            into.runtime = self._runtime_of(platform, tell)
        except (OrchestratorError, OSError) as error:
            into.trouble = f"what is installed on {platform} cannot be gathered: {error}"
            log.warning("%s", into.trouble, extra={"action": "gather_failed"})
        except Exception:  # a fault of ours harms the nodes of one platform alone
            log.exception("%s: not gathered", platform, extra={"action": "fleet_bug"})
            into.trouble = "a fault of the controller's own; see its log"
        finally:
            into.at_work = False
            self._told()
