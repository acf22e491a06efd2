"""One `run` at work: its turn at the ledger, its batch, its display, and Ctrl-C."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from orchestrator.cli.build import ThisComputer
from orchestrator.cli.options import Layout
from orchestrator.cli.progress import display
from orchestrator.cli.show import plain, tell
from orchestrator.cli.slot import Slot
from orchestrator.cli.watcher import Watcher
from orchestrator.controller.builds import BuildRecord
from orchestrator.controller.onward import followers
from orchestrator.controller.submit import (
    Arrival,
    Submission,
    Terms,
    begin_anew_what_is_gone,
    is_held,
    submit,
    unfinished,
)
from orchestrator.decide.reconcile import View
from orchestrator.errors import LedgerFull
from orchestrator.ledger.lock import Lock
from orchestrator.ledger.protocol import Ledger
from orchestrator.manifest.batch import digest
from orchestrator.model.node import Identity
from orchestrator.model.work import Batch, State

ROOM_AFTER_S = 5.0
"""So long after its disk was full the ledger is written to again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a `run` was asked for."""

    batch: Batch
    identity: Identity  #: of this computer
    at: str  #: ISO 8601, UTC: before it waited for its turn


def accept(cluster: ThisComputer, where: Layout, asked: Asked) -> Submission:
    """Store the batch, or find the one that it is already; mark that nobody was told its end."""
    ledger, caller, batch, who = cluster.ledger, cluster.caller, asked.batch, asked.identity
    if done := _done_meanwhile(ledger, where, asked):
        return Submission(done, Arrival.RESUMED)
    record = BuildRecord(where.builds, ledger, caller)
    found = unfinished(ledger, batch)
    anew = record.renew(who, found[0] if found else None)
    with cluster.storage.untouched():  # nothing of it goes between
        if found:
            anew |= begin_anew_what_is_gone(ledger, cluster.storage, found[0])
        arrived = submit(ledger, caller, batch, cluster.controller.clock(), Terms(anew=anew))
    record.begin(arrived.batch, who)
    where.untold(arrived.batch).parent.mkdir(exist_ok=True)
    where.untold(arrived.batch).touch()
    return arrived


def _done_meanwhile(ledger: Ledger, where: Layout, asked: Asked) -> str | None:
    """Return the Successful batch of this manifest that this `run` still has to tell of.

    Either the `run` that did it was killed after its last step, or it did it while we waited.
    """
    newest = ledger.newest(digest(asked.batch))
    if newest is None or newest[1] is not State.SUCCESSFUL:
        return None
    ended = ledger.standings(newest[0])[0].ended
    is_ours = where.untold(newest[0]).exists() or ended > asked.at
    return newest[0] if is_ours else None


def all_of_it(
    cluster: ThisComputer, where: Layout, batch: str, quiet: bool
) -> Iterator[tuple[str, bool]]:
    """Work on a batch and on those that its actions submit; yield each, and whether it is over."""
    due = [batch]
    for each in due:  # it grows
        ended = work(cluster, where, each, quiet)
        yield each, ended
        if not ended:
            return
        due += [more for more in followers(cluster.ledger, each) if more not in due]


def work(cluster: ThisComputer, where: Layout, batch: str, quiet: bool) -> bool:
    """Turn until the batch is over, or only held work is left; False if the user stopped it before.

    What other terminals ask meanwhile is done between two looks.
    """
    controller = cluster.controller
    watcher = Watcher(cluster.ledger, cluster.caller, batch)
    slot = Slot(where.slot, cluster.ledger, cluster.storage)
    stop = Stop()

    def over(view: View) -> bool:
        stop.obey(cluster)
        for slip in slot.empty():
            shown.say(f"From another terminal: {slip}.")
            controller.wake()
        if controller.draining and not _is_live(view):
            return True
        return is_over(view)

    def is_over(view: View) -> bool:
        rests = not (view.attempts or view.unplanned or view.over or any(view.ready.values()))
        return is_closed(cluster, batch) or (rests and is_held(cluster.ledger, batch))

    with stop.listening(), display(watcher, quiet) as shown:
        while True:
            try:
                controller.run(over, shown.each)
                break
            except LedgerFull as error:  # nothing was stored, so nothing was begun
                if controller.draining:
                    raise
                tell(f"Waiting: {plain(str(error))}.")
                time.sleep(ROOM_AFTER_S)
                stop.obey(cluster)
    return is_closed(cluster, batch) or is_held(cluster.ledger, batch)


def _is_live(view: View) -> bool:
    """Whether a node still does something, or has told of an end that is not yet settled."""
    waited_for = {attempt.id for attempt in view.attempts}
    return any(
        any(phase.is_live for phase, _ in report.attempts.values())
        or any(outcome.attempt in waited_for for outcome in report.outcomes)
        for report in view.members.values()
    )


def is_closed(cluster: ThisComputer, batch: str) -> bool:
    """Whether the batch has come to its end."""
    state = cluster.ledger.state(batch)
    return state is not None and state.is_final


class Stop:
    """Ctrl-C once: running work ends, nothing new starts; twice: everything is ended.

    The handler only counts: it may interrupt whoever holds a lock.
    """

    def __init__(self) -> None:
        self._asked = self._obeyed = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Count Ctrl-C and SIGTERM until left."""
        before = {
            each: signal.signal(each, self._count) for each in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def obey(self, cluster: ThisComputer) -> None:
        """Do what was asked since the last look."""
        if self._asked == self._obeyed:
            return
        if self._obeyed == 0:
            cluster.controller.draining = True
            tell(
                "\nStopping: what runs is finished first, nothing new starts. "
                "Ctrl-C again ends it at once."
            )
        if self._asked > 1:
            cluster.table.kill_all()
        self._obeyed = self._asked

    def _count(self, number: int, frame: FrameType | None) -> None:
        self._asked += 1


@contextmanager
def turn(where: Layout) -> Iterator[None]:
    """Wait until no other `run` works on the same state, and say whom we wait for."""
    lock = Lock(where.root / "ledger.lock")
    if not lock.take(wait=False):
        tell(f"Waiting: {lock.holder()} works on {where.root}; this run is next.")
        lock.take(wait=True)
    try:
        yield
    finally:
        lock.release()


def announce(ledger: Ledger, arrived: Submission) -> None:
    """Say on stderr what will be worked on."""
    for other in ledger.standings():
        if not other.state.is_final and other.id != arrived.batch:
            tell(f"Batch {plain(other.id)}: unfinished, goes on as well.")
    how = {
        Arrival.NEW: "accepted",
        Arrival.RESUMED: "goes on where it stopped",
        Arrival.RETRIED: "failed before; only what is missing is done again",
    }[arrived.arrival]
    tell(f"Batch {plain(arrived.batch)}: {how}.")
