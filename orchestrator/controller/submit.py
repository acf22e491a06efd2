"""A batch into the ledger: a new one, or the unfinished one that it already is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from orchestrator.controller.storage import Storage
from orchestrator.decide.place import lacks
from orchestrator.errors import Refusal
from orchestrator.ledger.protocol import HERE, Ledger, Origin
from orchestrator.manifest.batch import digest, numbered
from orchestrator.model.node import Identity
from orchestrator.model.work import Batch, Cause, Kind, State, Task, task_id
from orchestrator.plugin.caller import Caller

log = logging.getLogger(__name__)


SAID_MAX = 3
"""Of many nodes that cannot do a job, each for its own reason, so many reasons are told."""


class Arrival(Enum):
    """How a batch came into the ledger."""

    NEW = "new"
    RESUMED = "resumed"  #: its batch was unfinished
    RETRIED = "retried"  #: its batch had failed; only what is missing is done again


@dataclass(frozen=True, slots=True)
class Submission:
    """What a submission came to."""

    batch: str
    arrival: Arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which a batch is submitted."""

    origin: Origin = HERE
    anew: frozenset[str] = frozenset()  #: jobs (ids) that begin with their probe if it is retried


USUAL = Terms()


def unfinished(ledger: Ledger, batch: Batch, owner: str = "") -> tuple[str, State] | None:
    """Return id and state of the batch that this manifest is already, unless it was Successful.

    Two clients with one manifest have two batches: `owner` is whose is asked for.
    """
    found = ledger.newest(_key(batch, owner))
    return None if found is None or found[1] is State.SUCCESSFUL else found


def submit(
    ledger: Ledger,
    caller: Caller,
    batch: Batch,
    now: float,
    terms: Terms = USUAL,
) -> Submission:
    """Store `batch`; the same manifest again goes on with its unfinished batch (R6).

    A batch that Failed, or of which all that is left is held, gets fresh tries for what is missing;
    one that was Successful is done anew under the next number.
    """
    origin = terms.origin
    if found := unfinished(ledger, batch, origin.owner):
        id, state = found
        is_over = state.is_final or (is_held(ledger, id) and not _is_at_gates(ledger, id))
        if is_over:
            ledger.retry(id, sorted({*restarts(ledger, id), *terms.anew}))
        if origin.key:
            ledger.keep_key(origin.key, origin.body, id)
        return Submission(id, Arrival.RETRIED if is_over else Arrival.RESUMED)
    id = ledger.next_id(batch.name)
    whole, key = numbered(batch, id), _key(batch, origin.owner)
    ledger.accept(whole, key, _probes(caller, whole), _starts(whole, now), origin)
    log.info("batch %s: accepted", id, extra={"action": "batch_accepted"})
    return Submission(id, Arrival.NEW)


def is_held(ledger: Ledger, batch: str) -> bool:
    """Whether all that is left of a batch is on Hold, and not because a person paused it.

    Who paused it may let it go on while we wait; what waits at a gate waits for who looks at us.
    """
    standings = ledger.standings(batch)
    if not standings or standings[0].state is not State.HOLD:
        return False
    return {*ledger.paused(batch)} <= {part.id for part in standings if part.gate}


def _is_at_gates(ledger: Ledger, batch: str) -> bool:
    """Whether a person must resume what is on Hold: it has not failed, so no fresh try helps it."""
    gates = tuple(f"{part.id}/" for part in ledger.standings(batch) if part.gate)
    held = (task.id for task in ledger.tasks(batch) if task.state is State.HOLD)
    return all(id.startswith(gates) for id in held) if gates else False


def check_able(caller: Caller, batch: Batch, identities: Sequence[Identity]) -> None:
    """Refuse a batch with a job that no node can do; every lack at once (F-PROC-2)."""
    if faults := unable(caller, batch, identities):
        raise Refusal("\n".join(faults))


def unable(caller: Caller, batch: Batch, identities: Sequence[Identity]) -> tuple[str, ...]:
    """Return a sentence for each job that none of these nodes can do."""
    faults = []
    for job in batch.jobs:
        needs = caller.review(job).needs
        why = [lacks(job, needs, identity) for identity in identities]
        if why and all(why):
            said = list(dict.fromkeys(each for each in why if each))
            more = f"; and {len(said) - SAID_MAX} more reasons" if len(said) > SAID_MAX else ""
            faults.append(f"job {job.name!r}: {'; '.join(said[:SAID_MAX])}{more}")
    return tuple(faults)


def _probes(caller: Caller, batch: Batch) -> list[Task]:
    asked = ((job, caller.probe(job)) for job in batch.jobs)
    return [
        Task(id=task_id(job.id, Kind.PROBE), job=job, kind=Kind.PROBE, args=args, weight=1e9)
        for job, args in asked
        if args is not None
    ]


def _starts(batch: Batch, now: float) -> float:
    """Return when the batch may start (Unix seconds; 0: at once)."""
    if batch.not_before:
        when = datetime.fromisoformat(batch.not_before)
        return (when if when.tzinfo else when.astimezone()).astimezone(UTC).timestamp()
    return now + batch.delay_s if batch.delay_s else 0.0


def _key(batch: Batch, owner: str) -> str:
    """Return what the same manifest of the same client has again."""
    return f"{owner}:{digest(batch)}" if owner else digest(batch)


def restarts(ledger: Ledger, batch: str) -> tuple[str, ...]:
    """Return the jobs to probe and plan anew: their source failed them, or their plan did."""
    found = []
    for part in ledger.standings(batch):
        if part.level == "job" and part.state is State.FAILED:
            tasks = ledger.tasks(part.id)
            failed = [task for task in tasks if task.state is State.FAILED]
            if not failed or any(task.cause is Cause.SOURCE for task in failed):
                found.append(part.id)
    return tuple(found)


def begin_anew_what_is_gone(ledger: Ledger, storage: Storage, batch: str) -> frozenset[str]:
    """Plan open jobs anew whose accepted results are no longer on cluster storage.

    Returns the failed jobs (ids) of which the same is true: they begin anew when they are retried.
    """
    gone: set[str] = set()
    if storage.trouble():  # what cannot be seen now is not gone
        return frozenset()
    for part in ledger.standings(batch):
        if part.level != "job" or part.state is State.SUCCESSFUL:
            continue
        accepted = [task.id for task in ledger.tasks(part.id) if task.state is State.SUCCESSFUL]
        results = ledger.results(accepted).values()
        if all(storage.attempt(result.attempt).is_dir() for result in results):
            continue
        why = f"accepted results are gone from {storage.root}; begun anew"
        log.warning("job %s: %s", part.id, why, extra={"action": "job_replanned"})
        if part.state.is_final:
            gone.add(part.id)
        else:
            ledger.replan(part.id, {}, why)
    return frozenset(gone)
