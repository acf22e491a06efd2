"""`orchestrator storage`: what cluster storage holds, batch by batch, and cleaning it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from orchestrator.cli import screens
from orchestrator.cli.build import open_ledger
from orchestrator.cli.connect import Dial, connected, is_nothing_there
from orchestrator.cli.options import (
    CLUSTER,
    Layout,
    cluster_option,
    layout,
    output_option,
    state_option,
)
from orchestrator.cli.reading import NOTHING_YET, is_worked_on, storage_of
from orchestrator.cli.show import emit
from orchestrator.client.address import is_address
from orchestrator.controller.collect import Collector
from orchestrator.controller.keeper import collector
from orchestrator.controller.mark import noted
from orchestrator.controller.storage import Storage
from orchestrator.errors import OrchestratorError, Refusal
from orchestrator.ledger.lock import Lock
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.codec import dump
from orchestrator.model.talk import Cleaned, StorageView

COLUMNS = ("batch", "status", "size", "inputs", "attempts", "deleted")

T = TypeVar("T")


@click.group(name="storage", invoke_without_command=True)
@cluster_option
@state_option
@output_option
@click.pass_context
def command(ctx: click.Context, /, output: str, **options: Any) -> int:  # Any: click's own
    """Show what cluster storage holds: how much each batch takes, and when that is deleted."""
    if ctx.invoked_subcommand is not None:
        ctx.obj = options
        return 0
    return _show(output, options)


@command.command(name="show")
@cluster_option
@state_option
@output_option
@click.pass_context
def show(ctx: click.Context, /, output: str, **options: Any) -> int:
    """Show free space, trash, and how much each batch takes and until when."""
    return _show(output, _named(ctx, options))


@command.command(name="clean")
@click.argument("batch", required=False, default="")
@cluster_option
@state_option
@output_option
@click.pass_context
def clean(ctx: click.Context, /, batch: str, output: str, **options: Any) -> int:
    """Delete now what is due: old batches, leftovers, trash; with BATCH all that this one left.

    BATCH must be over. What was published stays; a batch that failed is then done from the start
    when it is tried again.
    """
    there = Dial.of(_named(ctx, options))
    where = _here(there)
    if where is None:
        with connected(there) as client:
            done = client.clean(batch)
    else:
        with _working(where) as worker:
            now = time.time()
            done = _told(
                worker, lambda: worker.clean_batch(batch, now) if batch else worker.clean(now)
            )
    emit(dump(done), output, lambda: _sentence(done))
    return 0


def table(view: StorageView) -> str:
    """Return a row a batch, and below it the disk in words."""
    rows: list[dict[str, object]] = [
        {
            "batch": share.batch,
            "status": share.state,
            "size": size(share.size_bytes),
            "inputs": size(share.input_bytes),
            "attempts": share.attempts,
            "deleted": share.goes[:16].replace("T", " ") or "not while it is open",
        }
        for share in view.batches
    ]
    listed = [screens.listed(COLUMNS, rows)] if rows else ["no batch has left anything there"]
    disk = (
        f"{view.path}: {size(view.free_bytes)} of {size(view.whole_bytes)} free, "
        f"{size(view.kept_free_bytes)} are kept free; {size(view.trash_bytes)} in the trash"
    )
    if view.other_bytes:
        disk += f", {size(view.other_bytes)} of attempts that the ledger does not know"
    return "\n".join(screens.text(line) for line in (*listed, disk, view.why) if line)


def size(count: int) -> str:
    """Return a number of bytes for people: ``1.5 GiB``."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def _show(output: str, options: dict[str, Any]) -> int:
    there = Dial.of(options)
    if is_nothing_there(there):
        emit({}, output, lambda: NOTHING_YET)
        return 0
    where = _here(there)
    if where is None:
        with connected(there) as client:
            view = client.stored()
    else:
        with SqliteLedger(where.ledger, read_only=True) as ledger:
            counted = collector(ledger, _storage(where, ledger))
            view = _told(counted, lambda: counted.view(counted.census(time.time())))
    emit(dump(view), output, lambda: table(view))
    return 0


def _here(dial: Dial) -> Layout | None:
    """Return where the state is that no controller works on; None: a controller is asked."""
    name = dial.cluster or CLUSTER
    if is_address(name):
        return None
    where = layout(dial.state, name)
    is_stopped = where.ledger.exists() and not is_worked_on(where)
    return where if name == CLUSTER or is_stopped else None


@contextmanager
def _working(where: Layout) -> Iterator[Collector]:
    """Lend who cleans, alone at the ledger; Refusal where a `run` works on it."""
    if not where.ledger.exists():
        raise Refusal(f"{where.root.parent}: {NOTHING_YET}")
    lock = Lock(where.lock)
    if not lock.take():
        raise Refusal(
            f"{where.root}: {lock.holder()} works on it, and cleans by itself; "
            "clean by hand when it has ended"
        )
    try:
        with open_ledger(where) as ledger:
            yield collector(ledger, _storage(where, ledger))
    finally:
        lock.release()


def _storage(where: Layout, ledger: SqliteLedger) -> Storage:
    root = storage_of(where, ledger)
    return Storage(root, noted(where.storage_token, root), owner=ledger.id)


def _told(worker: Collector, work: Callable[[], T]) -> T:
    """Do it; where the storage cannot be used that is the answer (exit 1)."""
    try:
        return work()
    except OSError as error:
        raise OrchestratorError(
            f"cluster storage {worker.storage.root}: {error.strerror or error}; see its mount and its rights"
        ) from error


def _sentence(done: Cleaned) -> str:
    if not done.attempts and not done.batches:
        return f"nothing was due; {size(done.freed_bytes)} freed"
    whole = f"{', '.join(done.batches)}: all of it is gone; " if done.batches else ""
    return screens.text(f"{whole}{done.attempts} attempts cleaned, {size(done.freed_bytes)} freed")


def _named(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a subcommand; what was said before its name counts where it has none."""
    before: dict[str, Any] = ctx.obj or {}
    return {**before, **{key: value for key, value in options.items() if value is not None}}
