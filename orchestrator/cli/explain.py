"""`orchestrator explain`: why something waits or failed, and what to do."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import click

from orchestrator.cli import screens
from orchestrator.cli.board import local
from orchestrator.cli.connect import Dial, looking
from orchestrator.cli.options import cluster_option, output_option, state_option
from orchestrator.cli.reading import Source, check_id
from orchestrator.cli.show import emit
from orchestrator.cli.timeline import happening_data, happenings, table
from orchestrator.client.records import RemoteRecords
from orchestrator.controller.storage import Storage
from orchestrator.decide.active import STORAGE
from orchestrator.decide.explain import Account, explain
from orchestrator.decide.scene import Scene
from orchestrator.errors import Refusal
from orchestrator.model.codec import dump
from orchestrator.model.record import AttemptRecord
from orchestrator.model.work import Kind, TaskId


@click.command(name="explain")
@click.argument("id")
@click.option("--timeline", is_flag=True, help="Show what happened to it, in order, instead.")
@cluster_option
@state_option
@output_option
def command(id: str, timeline: bool, output: str, **options: Any) -> int:  # Any: click's own
    """Say why the batch, job, target, segment or task ID stands as it does, and what to type next.

    Of what failed, every attempt is shown with its cause; of what waits, what it waits for; of what
    is done, where the file is.
    """
    with looking(Dial.of(options)) as source:
        check_id(source.records, id)
        if timeline:
            now = datetime.now(UTC).astimezone()
            told = [happening_data(each, now) for each in happenings(source, id)]
            emit(told, output, lambda: table(told))
            return 0
        seen = scene(source, id)
    accounts = [account_data(each, seen.now) for each in explain(seen, id)]
    emit(accounts, output, lambda: screens.accounts(accounts))
    return 0


def scene(source: Source, id: str) -> Scene:
    """Return the batch of `id` with its tasks and their attempts."""
    name, ledger = id.partition("/")[0], source.records
    batch = ledger.batch(name)
    if batch is None:
        raise Refusal(f"{name!r}: no such batch")
    tasks = {task.id: task for task in ledger.tasks(name)}
    attempts: defaultdict[TaskId, tuple[AttemptRecord, ...]] = defaultdict(tuple)
    for each in ledger.attempts(name):
        attempts[each.task] += (each,)
    return Scene(
        batch=batch,
        standings=ledger.standings(name),
        tasks=tasks,
        attempts=attempts,
        results=ledger.results([id for id, task in tasks.items() if task.kind is Kind.PUBLISH]),
        now=datetime.now(UTC).astimezone(),
        worked_on=source.worked_on,
        shut=source.shut,
        paused=frozenset(ledger.paused(name)),
        nodes=tuple(source.client.nodes()) if source.client else None,
        refused=ledger.refused(name) if isinstance(ledger, RemoteRecords) else {},
        full=ledger.full(name) if isinstance(ledger, RemoteRecords) else _full(source),
    )


def _full(source: Source) -> dict[str, str]:
    """Return why storage takes no new work, of this computer."""
    low = Storage(source.storage).low() if source.storage.exists() else ""
    return {STORAGE: low} if low else {}


def account_data(account: Account, now: datetime) -> dict[str, object]:
    """Return an account as plain data; every key is there, times are in the zone of `now`."""
    return {
        "id": account.id,
        "status": account.status.value,
        "why": account.why,
        "waitsFor": list(account.waits_for),
        "files": list(account.files),
        "tries": [
            {
                "attempt": each.id,
                "task": each.task,
                "node": each.node,
                "opened": local(each.opened, now),
                "closed": local(each.closed, now) or None,
                "accepted": each.accepted,
                "cause": each.cause or None,
                "why": each.why,
                "command": each.command,
                "outcome": dump(each.outcome),
            }
            for each in account.tries
        ],
        "alike": account.alike,
        "next": list(account.next),
    }
