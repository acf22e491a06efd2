"""The counter of a controller: all that a client may ask of it.  The web knows nothing behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.model.record import Happening, Standing
from orchestrator.model.talk import (
    Applied,
    BatchView,
    Cleaned,
    Client,
    ClusterInfo,
    Leaving,
    NodeView,
    Preview,
    Sheet,
    StorageView,
    Submitted,
    Verb,
    Wanted,
)
from orchestrator.model.work import AttemptId, Priority


@dataclass(frozen=True, slots=True)
class LogPart:
    """A piece of an attempt's log, and where the next one begins."""

    data: bytes
    next: int


class Front(Protocol):
    """Every method may be called from any thread, and ends within some seconds.

    Raises Refusal for what is not done (its sentence is for the client), `NotThere` for an id there
    is none of, `Forbidden` where the client's role or ownership does not reach.
    """

    def info(self, who: Client) -> ClusterInfo:
        """Return what the cluster is; to nobody only its name, id and version."""

    def preview(self, who: Client, wanted: Wanted) -> Preview:
        """Return what `apply` would do; drift of the nodes included."""

    def apply(self, who: Client, wanted: Wanted) -> Applied:
        """Store what is wanted and make it so; the same again is unchanged.

        Conflict if `wanted.expect` is not the revision that stands, or another cluster's name.
        """

    def leave(self, who: Client, leaving: Leaving) -> None:
        """End the cluster: drain, remove what we put on its nodes, then stop the controller."""

    def stop(self, who: Client) -> None:
        """Stop the controller; agents and what they run go on."""

    def stored(self, who: Client) -> StorageView:
        """Return what cluster storage holds; of batches, those this client may see.

        Busy where the storage does not answer.
        """

    def clean(self, who: Client, batch: str = "") -> Cleaned:
        """Clean cluster storage now; with `batch` take away all that it left.

        Refusal for a batch that is not over, Busy where the storage does not answer.
        """

    def submit(self, who: Client, sheets: Sequence[Sheet], key: str) -> Submitted:
        """Store a batch; the same key and text again is the same batch, other text a Conflict (R6).

        Refusal for a fault of the manifest, and where the queue is full (F-ADM-5).
        """

    def batches(self, who: Client, mine: bool = False) -> tuple[Standing, ...]:
        """Return the batches this client may see, oldest first."""

    def batch(self, who: Client, id: str) -> BatchView:
        """Return one batch with all its parts."""

    def parts(self, who: Client, id: str) -> tuple[Standing, ...]:
        """Return how one batch stands, then its jobs and targets."""

    def timeline(self, who: Client, id: str) -> tuple[Happening, ...]:
        """Return what happened to a batch, job, target, segment or task, oldest first."""

    def act(self, who: Client, verb: Verb, id: str, now: bool = False) -> None:
        """Pause, resume, cancel or retry a batch, job, target, segment or task.

        :param now: of a pause: what runs is stopped, too, and starts over without using up a try
        """

    def prioritize(self, who: Client, id: str, priority: Priority) -> None:
        """Let a batch go before or behind others from now on; what runs goes on (F-SUB-3)."""

    def log(self, who: Client, attempt: AttemptId, offset: int) -> LogPart:
        """Return up to 64 KiB of an attempt's log from `offset`; empty: nothing new."""

    def nodes(self, who: Client) -> tuple[NodeView, ...]:
        """Return the nodes by name, free ones that were seen included."""

    def node_act(self, who: Client, verb: Verb, name: str, leaving: Leaving) -> NodeView:
        """Pause or resume a node (F-ADM-3)."""

    def node_trust(self, who: Client, name: str, fingerprint: str) -> NodeView:
        """Take the host key ``SHA256:…`` for a node's, and try again."""

    def node_lost(self, who: Client, name: str) -> NodeView:
        """Say that a silent node will not come back: its work is given out again at once."""

    def node_log(self, who: Client, name: str) -> str:
        """Return the end of an agent's log; of the controller's own for ``controller``."""
