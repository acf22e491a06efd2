"""What a fleet works with: whatever it needs of the world besides its nodes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from orchestrator.controller.enlist import Ground
from orchestrator.controller.gather import Tell
from orchestrator.controller.hours import OpeningHours
from orchestrator.controller.stops import Tell as TellPeople
from orchestrator.controller.stops import tell_nobody
from orchestrator.decide.fleet import Ours
from orchestrator.errors import Rejected
from orchestrator.model.cluster import Node
from orchestrator.remote.protocol import Remote, Runtime
from orchestrator.system import now_s


class Signer(Protocol):
    """The cluster's authority."""

    @property
    def pem(self) -> bytes:
        """Its certificate."""

    def sign(self, request_pem: bytes, name: str) -> bytes:
        """Return a certificate for a node's request; Rejected if it is none."""

    def is_due(self, name: str) -> bool:
        """Whether a node needs a new certificate."""

    def forget(self, name: str) -> None:
        """Stop watching the certificate of a node that has left."""


def _nothing_paused() -> frozenset[str]:
    return frozenset()


def _keep_nothing(names: frozenset[str]) -> None:
    """Keep paused names nowhere."""


def _nobody_leaves() -> tuple[Node, ...]:
    return ()


def _forget_nothing(name: str) -> None:
    """Know nobody who leaves."""


def _take_no_key(node: Node, fingerprint: str) -> None:
    raise Rejected(node.name, f"its host key {fingerprint} cannot be taken here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Every callable may be called from any thread."""

    ours: Ours
    ground: Ground
    signer: Signer
    remote_of: Callable[[Node], Remote]
    runtime_of: Callable[[str, Tell], Runtime]
    #: platform, as ``linux-x86_64`` -> what is installed there; minutes, the first time
    load_paused: Callable[[], frozenset[str]] = _nothing_paused
    keep_paused: Callable[[frozenset[str]], None] = _keep_nothing
    load_leaving: Callable[[], tuple[Node, ...]] = _nobody_leaves  #: since before we began
    left: Callable[[str], object] = _forget_nothing  #: hears the name of a node that has left
    trust: Callable[[Node, str], None] = _take_no_key  #: write a host key down
    hours: OpeningHours = field(default_factory=OpeningHours)
    tell: TellPeople = tell_nobody  #: what people should hear of; returns at once
    clock: Callable[[], float] = now_s
    jitter: Callable[[], float] = random.random
