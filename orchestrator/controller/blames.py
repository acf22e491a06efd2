"""What speaks against each node, asked of the ledger only when something has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.decide.blame import HISTORY_MAX, Blame, Now, Quarantine, blame, quarantine
from orchestrator.ledger.protocol import Ledger


class Blames:
    """Remembers what was asked; a memory that may be lost, for the ledger has it all (F32).

    Nodes on which all goes well cost nothing: what is accepted there is not asked for.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: dict[str, Blame | None] = {}

    def look(self, nodes: Iterable[str], now: Now) -> Quarantine:
        """Return which of the nodes are set aside."""
        known = self._known
        for node in nodes:
            if node not in known:
                known[node] = blame(self._ledger.node_attempts(node, HISTORY_MAX))
        return quarantine({node: known[node] for node in nodes}, now)

    def succeeded(self, node: str) -> None:
        """Hear that a task went well on a node."""
        if self._known.get(node):
            self._known.pop(node, None)

    def failed(self) -> None:
        """Hear that a task did not go well, which may excuse other nodes; or that one is forgiven.

        From any thread.
        """
        self._known = {}

    def stored(self) -> Mapping[str, str]:
        """Return the nodes that the ledger says are set aside, each with the reason."""
        return self._ledger.quarantined()
