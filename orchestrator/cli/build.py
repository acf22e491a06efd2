"""This computer as a whole cluster in one process: ledger, engine, agent, controller (F-KIND-2)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.agent.identity import this_identity
from orchestrator.agent.spool import epoch_seen
from orchestrator.agent.table import AgentTable
from orchestrator.cli import ownhours
from orchestrator.cli.options import CLUSTER, Layout
from orchestrator.controller.act import Hands
from orchestrator.controller.blames import Blames
from orchestrator.controller.brief import Briefing, Paths, everywhere_alike
from orchestrator.controller.builds import TargetBuilds
from orchestrator.controller.copies import Copies
from orchestrator.controller.courier import Courier
from orchestrator.controller.keeper import kept
from orchestrator.controller.licensing import Licensing
from orchestrator.controller.look import Lookout, Watch
from orchestrator.controller.loop import Controller
from orchestrator.controller.onward import Onward
from orchestrator.controller.plan import Planner
from orchestrator.controller.presence import Presence
from orchestrator.controller.spaces import Spaces
from orchestrator.controller.storage import Storage
from orchestrator.controller.testimony import Hearing
from orchestrator.controller.visibility import Visibility
from orchestrator.decide.settle import Limits
from orchestrator.engine.dask.engine import InprocEngine
from orchestrator.engine.protocol import Engine
from orchestrator.errors import LedgerError, Refusal
from orchestrator.ledger.backups import Backups
from orchestrator.ledger.protocol import Ledger
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.node import Identity
from orchestrator.model.schedule import ALWAYS, WorkSchedule
from orchestrator.model.work import Service
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.hasty import Hasty
from orchestrator.plugin.manager import Plugins

SENDS_AT_ONCE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user or a Node document says about this computer."""

    programs: Mapping[str, str]
    instances: Mapping[str, int]
    storage: Path | None = None
    schedule: WorkSchedule = ALWAYS


def counts(instances: Mapping[Service, int | None]) -> dict[str, int]:
    """Return how many at once where it is said, 0 for a service that is off; the rest is auto."""
    said = {service: instances.get(service, 0) for service in Service}
    return {service.value: count for service, count in said.items() if count is not None}


@dataclass(frozen=True, slots=True)
class ThisComputer:
    """The whole cluster; close it by leaving `this_computer`."""

    controller: Controller
    ledger: Ledger
    caller: Caller
    storage: Storage
    table: AgentTable
    briefing: Briefing


def identity(layout: Layout, plugins: Plugins, wishes: Wishes) -> Identity:
    """Return what this computer is and can do."""
    checks = plugins.checks()
    said = {name: os.environ.get(f"ORCHESTRATOR_{name.upper()}", "") for name in checks}
    return this_identity(
        checks,
        paths={**{name: path for name, path in said.items() if path}, **wishes.programs},
        instances=wishes.instances,
        cache=layout.root / "programs.json",
    )


def open_ledger(layout: Layout) -> SqliteLedger:
    """Open the ledger for writing; one that was put back does not fall behind what the agent saw.

    A copy is made once a day.
    """
    ledger = SqliteLedger(layout.ledger, epoch_seen=epoch_seen(layout.spool))
    backups, now = Backups(layout.ledger), datetime.now(UTC)
    if ledger.writes > 1 and backups.is_due(now):
        with suppress(LedgerError):  # its work matters more
            backups.make(now)
    return ledger


@contextmanager
def this_computer(
    layout: Layout, ledger: Ledger, caller: Caller, identity: Identity, wishes: Wishes
) -> Iterator[ThisComputer]:
    """Build everything, open it, and close it at the end; running commands are left alone."""
    place = place_of(layout, ledger, wishes.storage)
    table = AgentTable(CLUSTER, identity, layout.spool)  # a host's name may change between runs
    engine = InprocEngine([table], layout.scratch)
    with (
        kept(ledger, place) as (storage, _),
        ThreadPoolExecutor(SENDS_AT_ONCE, "courier") as pool,
    ):
        frame = Frame(
            cluster=CLUSTER,
            ledger=ledger,
            engine=engine,
            caller=caller,
            storage=storage,
            pool=pool,
            watch=ownhours.watch(layout, wishes.schedule, identity),
        )
        controller, briefing = assemble(frame)
        controller.hands.submit_next = Onward(ledger, caller, controller.clock).submit
        engine.open(controller.wake)
        try:
            yield ThisComputer(controller, ledger, caller, storage, table, briefing)
        finally:
            engine.close()
            table.close()


def place_of(layout: Layout, ledger: Ledger, named: Path | None) -> Storage:
    """Return the place that is named, kept for later; Refusal while work lies in another one."""
    root = (named.expanduser().absolute() if named else layout.storage).resolve()
    if named is None or root == layout.storage.resolve():
        return Storage.known(root, layout.storage_token)
    if unfinished := [each.id for each in ledger.standings() if not each.state.is_final]:
        raise Refusal(
            f"--storage {named}: batch {unfinished[0]} is unfinished and lies in {layout.storage}; "
            "run it without --storage first, then name another place"
        )
    storage = Storage.known(root, layout.storage_token)
    part = layout.storage_note.with_suffix(".part")
    part.write_text(str(storage.root), "utf-8")
    part.replace(layout.storage_note)
    return storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a controller stands on: the same on one computer and on many."""

    cluster: str
    ledger: Ledger
    engine: Engine
    caller: Caller
    storage: Storage
    pool: ThreadPoolExecutor
    limits: Limits = field(default_factory=Limits)
    presence: Presence | None = None  #: of a cluster: who is silent for how long
    asking: ThreadPoolExecutor | None = None
    #: of a cluster: on its threads nodes are asked which files they see
    watch: Watch | None = None  #: of a cluster: which nodes take part
    builds: TargetBuilds | None = None  #: of a cluster: with which builds targets were begun
    is_shared: bool = False  #: whether a destination may be on cluster storage (F-STOR-7)
    paths: Paths = everywhere_alike  #: how each node calls the folders of manifests
    key: bytes = field(default=b"", repr=False)  #: of leases; empty: the node is this computer


def assemble(frame: Frame) -> tuple[Controller, Briefing]:
    """Return a controller over the given parts; the same on every engine and ledger."""
    ledger, engine, caller, storage = frame.ledger, frame.engine, frame.caller, frame.storage
    hasty = Hasty.beside(caller, lambda: controller.wake())
    briefing = Briefing(frame.cluster, ledger, caller, storage, frame.paths, frame.key)
    planner = Planner(ledger, hasty, storage, shows_storage=frame.is_shared)
    courier = Courier(engine, frame.pool, lambda: controller.wake())
    lookout = Lookout(
        ledger,
        engine,
        courier,
        hasty,
        storage,
        presence=frame.presence,
        watch=frame.watch,
        builds=frame.builds,
        spaces=Spaces(ledger, hasty, storage),
        hearing=Hearing(frame.key, frame.cluster),
        licensing=Licensing(ledger, caller),
    )
    hands = Hands(
        ledger,
        engine,
        courier,
        hasty,
        storage,
        replace(briefing, caller=hasty),
        planner,
        limits=frame.limits,
        builds=frame.builds,
    )
    if frame.asking:
        visibility = Visibility(engine, frame.asking, lambda: controller.wake(), frame.paths)
        lookout.copies = Copies(ledger, caller, visibility)
    if frame.presence:
        lookout.blames = hands.blames = Blames(ledger)
    controller = Controller(lookout, hands, clock=time.time)
    return controller, briefing
