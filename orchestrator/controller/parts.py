"""What people do with batches and parts of them: pause, resume, cancel, retry (F-CLI-11)."""

from __future__ import annotations

import logging

from orchestrator.controller.counter import near
from orchestrator.controller.storage import Storage
from orchestrator.controller.submit import begin_anew_what_is_gone, restarts
from orchestrator.errors import NotThere, Refusal
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.talk import Verb
from orchestrator.model.work import Priority, State

log = logging.getLogger(__name__)


def act(ledger: Ledger, storage: Storage, verb: Verb, id: str, *, now: bool) -> None:
    """Do it to the batch, job, target, segment or task `id`; twice is once.

    NotThere if there is none of that id, Refusal where it makes no sense.
    """
    states = _states(ledger, id)
    match verb:
        case Verb.PAUSE:
            if not ledger.pause(id, stop=now) and all(state.is_final for state in states):
                raise Refusal(f"{id}: it is over; there is nothing to pause")
        case Verb.RESUME:
            _resume(ledger, id)
        case Verb.CANCEL:
            ledger.cancel(id, "cancelled by a person")
        case Verb.RETRY:
            with storage.untouched():  # nothing of it is taken away between
                _retry(ledger, storage, id)
    log.info("%s: %s", id, verb.value, extra={"action": f"part_{verb.value}"})


def prioritize(ledger: Ledger, id: str, priority: Priority) -> None:
    """Let a batch go before or behind others from now on; what runs goes on (F-SUB-3).

    NotThere if there is none of that id, Refusal for a part of one, and where it is over.
    """
    states = _states(ledger, id)
    batch, _, part = id.partition("/")
    if part:
        raise Refusal(
            f"{id}: a batch has a priority, its parts have none; "
            f"run: orchestrator priority {batch} {priority.value}"
        )
    if not ledger.reprioritize(id, priority) and all(state.is_final for state in states):
        raise Refusal(f"{id}: it is over; there is nothing to put before others")
    log.info("%s: %s", id, priority.value, extra={"action": "batch_reprioritized"})


def _resume(ledger: Ledger, id: str) -> None:
    if ledger.resume(id):
        return
    paused = ledger.paused(id.partition("/")[0])
    if above := [each for each in paused if id.startswith(f"{each}/")]:
        raise Refusal(f"{id}: it is {above[0]} that is paused; run: orchestrator resume {above[0]}")


def _retry(ledger: Ledger, storage: Storage, id: str) -> None:
    batch = id.partition("/")[0]
    gone = begin_anew_what_is_gone(ledger, storage, batch)
    ledger.retry(id, sorted({*restarts(ledger, batch), *gone}))


def _states(ledger: Ledger, id: str) -> list[State]:
    """Return how the part stands, or the tasks at or below it; NotThere names what is near."""
    batch = id.partition("/")[0]
    parts = {part.id: part.state for part in ledger.standings(batch)}
    if id in parts:
        return [parts[id]]
    if tasks := ledger.tasks(id):
        return [task.state for task in tasks]
    known = [*parts, *(task.id for task in ledger.tasks(batch))]
    known = known or [part.id for part in ledger.standings() if "/" not in part.id]
    raise NotThere(f"{id!r}: there is no such part; {near(id, known)}")
