"""The engine in our words: membership and delivery, and the table that it delivers to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orchestrator.model.node import Identity, Member, Report, Spec
from orchestrator.model.work import AttemptId

SEES_MAX = 16
"""So many files are asked for at once."""

SEES_S = 2.0
"""So long a node looks for them."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of one party of a cluster: the authority's certificate, its own, its key (0600)."""

    authority: Path
    certificate: Path
    key: Path


class Engine(Protocol):
    """Membership and delivery.  Knows no job, no priority, no retry.

    Every call ends within its deadline, and may come from any thread.
    """

    def open(self, wake: Callable[[], None]) -> None:
        """Start or join.  `wake()` means "look now"; it may be lost, it may be spurious."""

    def close(self) -> None:
        """Leave; agents and attempts go on."""

    def look(self) -> Mapping[Member, Report]:
        """Return who is here and what each said last; never waits for a node."""

    def send(self, to: Member, spec: Spec) -> bool:
        """Deliver; True: taken, False: unknown (maybe taken, maybe later).  At most 10 s."""

    def kill(self, to: Member, attempt: AttemptId, grace: float) -> None:
        """End an attempt; of an unknown id a tombstone stays, and a later spec is refused."""

    def ack(self, to: Member, attempts: Sequence[AttemptId]) -> None:
        """Say that these outcomes are committed: the agent may forget them."""

    def read(self, to: Member, attempt: AttemptId, offset: int) -> bytes:
        """Return up to 64 KiB of an attempt's log from `offset`; b"" when not to be had now."""

    def sees(self, to: Member, paths: Sequence[str]) -> Mapping[str, int] | None:
        """Return the bytes of those files that the member can read; None: not to be had now.

        `paths` are as the member calls them, at most `SEES_MAX`; only plain files count.
        """

    def dismiss(self, to: Member, reason: str) -> None:
        """Ask a member to leave this cluster; refused while its table holds attempts."""


class Table(Protocol):
    """What an agent offers to whatever carries it."""

    @property
    def member(self) -> Member:
        """The node's name, and this life of its agent."""

    @property
    def identity(self) -> Identity:
        """What the node is."""

    @property
    def is_dismissed(self) -> bool:
        """Whether it has left its cluster."""

    def take(self, text: str) -> None:
        """Write a spec (JSON text) to the spool and queue it; < 50 ms, idempotent on its id.

        Raises Rejected for a spec that is not taken and not reported either: of an old epoch, of
        an attempt that was killed, without an attempt's id.  Any other refusal is an outcome.
        """

    def told(self, message: Mapping[str, object]) -> None:
        """Obey; each idempotent.

        ``{"op": "kill", "attempt": id, "grace": seconds}``, ``{"op": "ack", "attempts": [id, …]}``,
        ``{"op": "dismiss", "reason": text}``.
        """

    def read(self, attempt: AttemptId, offset: int) -> bytes:
        """Return up to 64 KiB of an attempt's log from `offset`."""

    def sees(self, paths: Sequence[str]) -> Mapping[str, int] | None:
        """Return the bytes of those plain files that can be read; None: a disk does not answer.

        Ends within `SEES_S`, whatever a mount does.
        """

    def report(self) -> Report:
        """Answer from memory only: never touches a disk."""

    def on_change(self, hint: Callable[[], None]) -> None:
        """Call `hint` from any thread whenever an attempt has an outcome."""
