"""What stands on an applied cluster's footing: scheduler, engine, fleet, controller, public API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from orchestrator.agent.identity import own_zone
from orchestrator.cli.build import SENDS_AT_ONCE, Frame, assemble
from orchestrator.cli.ground import Footing
from orchestrator.cli.guests import House, unmanaged
from orchestrator.cli.means import Shop, facing, means
from orchestrator.cli.options import Layout
from orchestrator.controller.access import Access
from orchestrator.controller.alarms import unready
from orchestrator.controller.authority import Authority
from orchestrator.controller.builds import TargetBuilds
from orchestrator.controller.edges import EdgeTimer
from orchestrator.controller.enlist import Ground
from orchestrator.controller.fleet import Fleet
from orchestrator.controller.hours import OpeningHours
from orchestrator.controller.keeper import Keeper, kept
from orchestrator.controller.loop import Controller
from orchestrator.controller.notices import Notices
from orchestrator.controller.presence import Presence
from orchestrator.controller.storage import Storage
from orchestrator.controller.testimony import lease_key
from orchestrator.controller.unmanaged import Unmanaged
from orchestrator.decide.settle import Limits
from orchestrator.engine.dask.child import SchedulerChild
from orchestrator.engine.dask.tls import TlsEngine
from orchestrator.engine.protocol import Engine, TlsFiles
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.cluster import Cluster
from orchestrator.model.talk import NodeView
from orchestrator.model.wire import SERVER_NAME
from orchestrator.plugin.caller import Caller
from orchestrator.web.listen import Address, Certificate
from orchestrator.web.serve import Listening, Server

ASKED_AT_ONCE = 8
"""So many nodes are asked at once which files they see; one that hangs takes four seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """What a controller process has over its whole life."""

    where: Layout
    ledger: Ledger
    authority: Authority
    caller: Caller
    access: Access
    notices: Notices
    serve: Callable[[Listening], Server]  #: the API somewhere, whatever stands behind it

    def files(self, name: str) -> TlsFiles:
        """Return certificate and key of one of our processes, renewed where it is time."""
        sans = [SERVER_NAME] if name == "api" else []
        return self.authority.issue(self.where.tls, name, sans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """All of it, at work."""

    engine: Engine
    storage: Storage
    keeper: Keeper
    fleet: Fleet
    unmanaged: Unmanaged | None  #: None: the cluster takes no free nodes
    controller: Controller
    scheduler: str  #: as ``tls://10.0.0.1:50000``
    host: str  #: where other computers reach the API
    api: Server
    ours: Ours
    builds: TargetBuilds

    def is_gone(self) -> bool:
        """Whether no node is left that a cluster which ends must wait for."""
        return self.fleet.is_gone() and (self.unmanaged is None or self.unmanaged.is_gone())

    def alarms(self) -> tuple[str, ...]:
        """Return what people should know now of nodes and of work that waits."""
        limits = self.controller.hands.limits
        return (*self.controller.lookout.alarms, *unready(self.ours.ledger, limits))

    def tune(self, cluster: Cluster) -> None:
        """Count tries and losses as the cluster now says."""
        self.controller.hands.limits = _limits(cluster)

    def forgave(self) -> None:
        """Take in that the quarantine of a node was ended by a person."""
        if blames := self.controller.lookout.blames:
            blames.failed()

    def views(self) -> tuple[NodeView, ...]:
        """Return the free nodes that are seen and not here."""
        return self.unmanaged.views() if self.unmanaged else ()

    def renew(self) -> None:
        """Renew the certificates that are due; the scheduler's process sees its own."""
        for name in ("scheduler", "client", "api"):
            self.ours.files(name)
        self.api.renew()


@contextmanager
def plant(ours: Ours, base: Footing, cluster: Cluster) -> Iterator[Plant]:
    """Build it and open it; at the end everything is closed, agents and runners go on."""
    where = ours.where
    with ExitStack() as stack:
        storage, keeper = stack.enter_context(
            kept(ours.ledger, Storage.known(base.storage, where.storage_token))
        )
        child = _scheduler(ours, base)
        address = child.start()
        stack.callback(child.stop)
        engine = TlsEngine(lambda: child.address, ours.files("client"), where.scratch)
        timer = EdgeTimer(lambda: controller.wake())
        hours = OpeningHours(edge=timer.arm, zone=own_zone())
        ways = means(_shop(ours, storage, address, base.host), hours)
        fleet = Fleet(cluster, replace(ways, tell=ours.notices.tell))
        builds = TargetBuilds(where.builds, ours.caller, ours.ledger)
        pool = stack.enter_context(ThreadPoolExecutor(SENDS_AT_ONCE, "courier"))
        asking = ThreadPoolExecutor(ASKED_AT_ONCE, "sights")
        stack.callback(asking.shutdown, wait=False, cancel_futures=True)
        frame = Frame(
            cluster=where.cluster,
            ledger=ours.ledger,
            engine=engine,
            caller=ours.caller,
            storage=storage,
            pool=pool,
            limits=_limits(cluster),
            presence=Presence(),
            asking=asking,
            watch=fleet,
            builds=builds,
            is_shared=True,
            paths=fleet.paths,
            key=lease_key(where.lease_key),
        )
        controller, _ = assemble(frame)
        engine.open(controller.wake)
        stack.callback(engine.close)
        api = stack.enter_context(_api(ours, base))
        timer.open()
        stack.callback(timer.close)
        fleet.open()
        stack.callback(fleet.close)
        guests = None
        if cluster.accept_unmanaged:
            guests = stack.enter_context(_guests(_house(ours, engine, fleet, ways.ground), cluster))
        yield Plant(
            engine=engine,
            storage=storage,
            keeper=keeper,
            fleet=fleet,
            unmanaged=guests,
            controller=controller,
            scheduler=address,
            host=_shown(base, cluster) or str(urlsplit(address).hostname),
            api=api,
            ours=ours,
            builds=builds,
        )


def _scheduler(ours: Ours, base: Footing) -> SchedulerChild:
    return SchedulerChild(
        ours.files("scheduler"),
        ours.where.root / "scheduler",
        host=base.host,
        ports=base.ports,
        on_exit=lambda why: ours.notices.tell("service-stopped", *why.split(": ", 1)),
    )


def _house(ours: Ours, engine: Engine, fleet: Fleet, ground: Ground) -> House:
    return House(
        ledger=ours.ledger,
        engine=engine,
        fleet=fleet,
        ground=ground,
        signer=ours.authority,
        access=ours.access,
        state=ours.where.root.parent,
    )


def _shown(base: Footing, cluster: Cluster) -> str:
    """Return the address that we tell people: the one that the nodes know, too."""
    if base.host:
        return base.host
    return next((host for node in cluster.nodes if (host := facing(node))), "")


@contextmanager
def _api(ours: Ours, base: Footing) -> Iterator[Server]:
    """Serve the API to other computers until left; its port is kept for the next time."""
    files = ours.files("api")
    api = ours.serve(
        Listening(
            local=None,
            address=Address(host=base.api_host, ports=_ports(ours.where, base)),
            certificate=Certificate(cert=files.certificate, key=files.key),
        )
    )
    api.start()
    try:
        ours.where.port.write_text(str(api.port), "ascii")
        yield api
    finally:
        api.stop()


@contextmanager
def _guests(house: House, cluster: Cluster) -> Iterator[Unmanaged]:
    """Look for free nodes until left."""
    guests = unmanaged(house, cluster)
    guests.open()
    try:
        yield guests
    finally:
        guests.close()


def _ports(where: Layout, base: Footing) -> Sequence[int]:
    """Return the ports to try; where the system picks, the last one first: clients know that."""
    if base.ports[0]:
        return base.api_ports
    with suppress(OSError, ValueError):
        return (int(where.port.read_text("ascii")), 0)
    return (0,)


def _shop(ours: Ours, storage: Storage, scheduler: str, host: str) -> Shop:
    return Shop(
        where=ours.where,
        ledger=ours.ledger,
        authority=ours.authority,
        plugins=ours.caller.plugins,
        storage=storage,
        scheduler=scheduler,
        host=host,
    )


def _limits(cluster: Cluster) -> Limits:
    recovery = cluster.recovery
    return Limits(tries_max=recovery.tries, losses_max=recovery.losses)
