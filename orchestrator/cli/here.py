"""The batches of this computer, for the verbs that act: asked of the `run` at work, else done here."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from orchestrator.agent.spool import epoch_seen
from orchestrator.cli.options import Layout
from orchestrator.cli.reading import NOTHING_YET
from orchestrator.cli.show import plain, tell
from orchestrator.cli.slot import WAITED_S, Paper, Slip, carry_out
from orchestrator.controller.storage import Storage
from orchestrator.controller.testimony import check_not_behind
from orchestrator.errors import NotThere, OrchestratorError
from orchestrator.ledger.lock import Lock
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.talk import Leaving, NodeView, Verb
from orchestrator.model.work import Priority, State

LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Here:
    """This computer, asked as a cluster is."""

    where: Layout
    left: dict[str, State] = field(default_factory=dict)
    #: batches that were changed while no `run` was at work, as they stand then

    def act(self, verb: Verb, id: str, now: bool = False) -> None:
        """Pause, resume, cancel or retry a part of a batch."""
        self._ask(Slip(id=id, verb=verb, now=now))

    def prioritize(self, id: str, priority: Priority) -> None:
        """Let a batch go before or behind others from now on."""
        self._ask(Slip(id=id, priority=priority))

    def nodes(self) -> tuple[NodeView, ...]:
        """Return none: this computer takes part as long as a `run` works."""
        return ()

    def node_act(self, verb: Verb, name: str, leaving: Leaving) -> NodeView:
        """Raise NotThere: there is no node that could be paused."""
        raise NotThere(f"node {name!r}: this computer has no nodes; name a cluster with --cluster")

    def _ask(self, slip: Slip) -> None:
        """Let the `run` at work do it; do it ourselves where there is none, or it has just ended."""
        if not self.where.ledger.exists():
            raise NotThere(f"{slip.id!r}: no such batch; {NOTHING_YET}")
        lock, until = Lock(self.where.lock), time.monotonic() + WAITED_S
        paper = Paper(self.where.slot, slip)
        try:
            while True:
                is_free = lock.take()
                if (said := paper.answer()) is not None:
                    return said.check()
                if is_free:
                    return self._do(slip)
                if time.monotonic() >= until:
                    raise OrchestratorError(
                        f"{slip.id}: {lock.holder()} works on {self.where.root}, and has not "
                        f"answered in {WAITED_S:g} s; ask again, or end it first"
                    )
                paper.hand_in()
                time.sleep(LOOK_S)
        finally:
            paper.take_back()
            lock.release()

    def _do(self, slip: Slip) -> None:
        where, batch = self.where, slip.id.partition("/")[0]
        with SqliteLedger(where.ledger, epoch_seen=epoch_seen(where.spool)) as ledger:
            check_not_behind(ledger, where.cluster)
            carry_out(slip, ledger, Storage.known(where.storage, where.storage_token))
            if slip.verb is Verb.CANCEL or slip.now:
                _ending().settle(where, ledger, slip.id)
            if (state := ledger.state(batch)) is not None:
                self.left[batch] = state


@contextmanager
def asked(where: Layout) -> Iterator[Here]:
    """Lend this computer; say at the end what goes on only with the next `run`."""
    here = Here(where)
    yield here
    for batch, state in here.left.items():
        if not state.is_final:
            tell(plain(f"Batch {batch}: no `run` works on it now; the next one goes on with it."))


def knows(where: Layout, ids: Sequence[str]) -> bool:
    """Whether one of these is a batch of this computer, or a part of one."""
    if not where.ledger.exists():
        return False
    with SqliteLedger(where.ledger, read_only=True) as ledger:
        return any(ledger.state(id.partition("/")[0]) is not None for id in ids)


def _ending() -> Any:  # a module
    """Import what ends work only where there is some: it takes longer than all the rest."""
    return importlib.import_module("orchestrator.cli.ending")
