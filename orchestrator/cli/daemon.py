"""The controller of a cluster as a process: put together, turning until it is told to stop.

Over its whole life it holds the lock, the ledger, the authority and the local socket.  Scheduler,
engine, fleet and the API for other computers stand on what was applied (`Footing`): they begin with
the first `apply`, and are made anew when that changes.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import FrameType

from orchestrator import __version__
from orchestrator.cli.about import About, write_about
from orchestrator.cli.daemonlog import Keeping, logging_to
from orchestrator.cli.ground import Footing, footing
from orchestrator.cli.options import Layout
from orchestrator.cli.plant import Ours, Plant, plant
from orchestrator.cli.roster import Roster
from orchestrator.cli.telling import Voice, notices
from orchestrator.controller.access import Access
from orchestrator.controller.applying import Registrar, restored
from orchestrator.controller.authority import Authority
from orchestrator.controller.counter import Premises
from orchestrator.controller.history import Historian
from orchestrator.controller.intake import Intake
from orchestrator.controller.office import Office
from orchestrator.controller.storage import Storage
from orchestrator.controller.vault import Vault
from orchestrator.decide.history import KEPT_S, kept_s
from orchestrator.decide.reconcile import View
from orchestrator.engine.dask.engine import InprocEngine
from orchestrator.engine.protocol import Engine
from orchestrator.errors import LedgerError, LedgerFull, OrchestratorError, Refusal
from orchestrator.ledger.backups import Backups, Copyist
from orchestrator.ledger.lock import Lock
from orchestrator.ledger.protocol import Application
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.manifest.cluster import revision
from orchestrator.model.cluster import Cluster
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins
from orchestrator.system import no_core_dumps
from orchestrator.web.app import application
from orchestrator.web.serve import Listening, Server

log = logging.getLogger(__name__)

RENEW_EVERY_S = 3600.0
"""How often our own certificates are looked at."""

AGAIN_AFTER_S = 5.0
"""After an `apply` that nothing could stand on, or where the ledger's disk is full."""


def serve(where: Layout) -> int:
    """Be the controller of this state until SIGTERM or Ctrl-C; return the exit code.

    2: another one runs on it, or it cannot listen; 1: the ledger cannot be written (R13).
    """
    lock = Lock(where.lock)
    if not lock.take():
        raise Refusal(
            f"cluster {where.cluster!r}: {lock.holder()} works on {where.root} already; "
            f"type: orchestrator controller stop {where.cluster}"
        )
    try:
        no_core_dumps()
        where.about.unlink(missing_ok=True)
        with logging_to(where.log) as kept:
            return _logged(where, kept)
    finally:
        lock.release()


def _logged(where: Layout, kept: Keeping) -> int:
    """Serve, and write down how it ended: nobody may be there to read stderr."""
    log.info("controller of %s: begins", where.cluster, extra={"action": "controller_begins"})
    try:
        with SqliteLedger(where.ledger) as ledger:
            Daemon(where, ledger, kept).run()
    except OrchestratorError as error:
        log.error("%s", error, extra={"action": "controller_failed"})  # one line
        raise
    except Exception as error:
        log.critical("%r", error, exc_info=True, extra={"action": "controller_failed"})
        raise
    log.info("controller of %s: ends", where.cluster, extra={"action": "controller_ends"})
    return 0


@dataclass(slots=True)
class Wishes:
    """What was asked of the process since it last looked."""

    stop: bool = False
    look: threading.Event = field(default_factory=threading.Event)

    def end(self) -> None:
        """Ask it to stop; from any thread, or a signal's handler."""
        self.stop = True
        self.look.set()

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Take SIGTERM and Ctrl-C for the wish to stop, until left."""

        def ask(number: int, frame: FrameType | None) -> None:
            self.end()

        before = {each: signal.signal(each, ask) for each in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


class Daemon:
    """One controller process over its ledger."""

    def __init__(self, where: Layout, ledger: SqliteLedger, kept: Keeping) -> None:
        self._where = where
        self._ledger = ledger
        self._keeping = kept
        self._kept_s: float = KEPT_S
        self._historian = Historian(ledger)
        self._copyist = Copyist(Backups(where.ledger))
        self._full = ""  #: a sentence: the ledger's disk was full when it was last written to
        self._full_at = 0  #: after so many writes
        self._wishes = Wishes()
        self._caller = Caller(Plugins.installed())
        self._authority = Authority.at(where.authority, where.cluster)
        self._access = Access(where.secrets)
        self._base: Footing | None = None  #: of what is built
        self._built: Plant | None = None
        self._roster = Roster(
            changed=self._wishes.look.set, end=self._wishes.end, is_other=self._is_other
        )
        self._vault = Vault(where.vault)
        self._notices = notices(
            Voice(
                name=where.cluster,
                ledger=ledger,
                plugins=self._caller.plugins,
                vault=self._vault,
                cluster=lambda: self._roster.cluster,
                views=self._roster.views,
            )
        )
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._office = self._opened()

    def run(self) -> None:
        """Serve until it is asked to stop."""
        pem = self._authority.pem.decode("ascii")
        app = application(self._office, self._access, lambda: pem)
        server = Server(app, Listening(local=self._where.socket))
        ours = Ours(
            where=self._where,
            ledger=self._ledger,
            authority=self._authority,
            caller=self._caller,
            access=self._access,
            notices=self._notices,
            serve=lambda listening: Server(app, listening),
        )
        with self._wishes.heard(), ExitStack() as stack:
            server.start()
            stack.callback(server.stop)
            stack.callback(self._where.about.unlink, missing_ok=True)
            restored(self._office.registrar)
            self._copyist.tend(datetime.now(UTC), begin=True)
            stack.callback(self._copyist.close)
            self._notices.open()
            stack.callback(self._notices.close)
            self._announce(None)
            while not self._wishes.stop:
                self._wishes.look.clear()
                self._stand(ours)

    def _stand(self, ours: Ours) -> None:
        """Work as what was applied says, until its footing changes or it is asked to stop."""
        stands = self._ledger.applied()
        if stands is None:
            self._wishes.look.wait()
            return
        try:
            base = footing(self._where, stands.cluster)
            with plant(ours, base, stands.cluster) as built:
                self._base, self._built = base, built
                self._tune(stands.cluster)
                self._move_in(built)
                try:
                    self._turn(built)
                finally:
                    self._base = self._built = None
                    self._roster.stand(None)
        except LedgerError:
            raise
        except OrchestratorError as error:
            log.error("%s", error, extra={"action": "not_standing"})  # one line
            self._roster.fail(str(error))
            self._wishes.look.wait(AGAIN_AFTER_S)

    def _turn(self, built: Plant) -> None:
        """Turn until the footing is another, the cluster has left, or it is asked to stop."""
        renewed = time.monotonic()

        def over(view: View) -> bool:
            nonlocal renewed
            self._notices.saw(view.storage_low, built.controller.lookout.alarms)
            if time.monotonic() - renewed >= RENEW_EVERY_S:
                renewed = time.monotonic()
                built.renew()
                self._watch_certificates()
            if self._roster.is_leaving:
                if built.unmanaged:
                    built.unmanaged.leave()
                if built.is_gone() and self._roster.may_end(time.monotonic()):
                    self._left()
            self._historian.tend(self._kept_s)
            self._tend_ledger()
            return self._is_over()

        while not self._is_over():
            try:
                built.controller.run(over, lambda view: None)
            except LedgerFull as error:
                self._wait_for_room(error)
            except LedgerError:
                raise
            except Exception:  # the loop: one pass
                log.exception("a look has failed", extra={"action": "look_failed"})
                self._wishes.look.wait(1.0)

    def _tend_ledger(self) -> None:
        """Copy it once a day; LedgerError where its disk failed under somebody else (R13)."""
        if self._ledger.failed:
            raise LedgerError(self._ledger.failed)
        if self._ledger.writes != self._full_at:
            self._full = ""
        self._copyist.tend(datetime.now(UTC))

    def _wait_for_room(self, error: LedgerFull) -> None:
        """Wait until it may be tried again: nothing was stored, so nothing was begun."""
        if not self._full:
            log.error("%s", error, extra={"action": "ledger_full"})
        self._full, self._full_at = f"{error}; nothing is begun until then", self._ledger.writes
        self._wishes.look.wait(AGAIN_AFTER_S)

    def _alarms(self) -> tuple[str, ...]:
        """Return what people should know of notices and of the ledger's disk."""
        return (*self._notices.alarms(), *((self._full,) if self._full else ()))

    def _is_over(self) -> bool:
        """Whether it was asked to stop, or something was applied that stands elsewhere."""
        if self._wishes.stop:
            return True
        if not self._wishes.look.is_set():
            return False
        stands = self._ledger.applied()
        if stands is None or self._is_other(stands.cluster):
            return True
        self._tune(stands.cluster)
        self._wishes.look.clear()
        return False

    def _tune(self, cluster: Cluster) -> None:
        """Keep log and history, and count tries, as what was applied says."""
        self._keeping.tune(cluster.log_level, cluster.log_bytes_max)
        self._kept_s = kept_s(cluster)
        if self._built:
            self._built.tune(cluster)

    def _is_other(self, cluster: Cluster) -> bool:
        """Whether a cluster stands on something else than what is built."""
        return self._base is not None and footing(self._where, cluster) != self._base

    def _left(self) -> None:
        """End a cluster that has no node any more: the next `apply` begins from nothing."""
        stands = self._ledger.applied()
        if stands is not None:
            empty = replace(stands.cluster, nodes=())
            self._ledger.apply(Application(revision=revision(empty), cluster=empty))
            for node in self._ledger.leaving_nodes():
                self._ledger.node_left(node.name)
        self._roster.forget()
        log.info("the cluster has ended", extra={"action": "cluster_ended"})
        self._wishes.end()

    def _opened(self) -> Office:
        """Return an office without an engine: until something is applied nothing can be done."""
        premises = Premises(
            name=self._where.cluster,
            id=self._authority.id,
            version=__version__,
            log=self._where.log,
        )
        engine: Engine = InprocEngine([], self._where.scratch)
        storage = Storage.at(self._where.storage)
        return Office(
            premises=premises,
            ledger=self._ledger,
            engine=engine,
            fleet=self._roster,
            storage=storage,
            registrar=Registrar(premises, self._ledger, self._roster, self._access, self._vault),
            intake=Intake(
                name=self._where.cluster,
                ledger=self._ledger,
                caller=self._caller,
                engine=engine,
                storage=storage,
                views=self._roster.views,
                clock=time.time,
            ),
            wake=lambda: None,
            end=self._wishes.end,
            notices=self._alarms,
        )

    def _move_in(self, built: Plant) -> None:
        """Let the office, which is asked already, stand on what was built."""
        office = self._office
        office.engine = office.intake.engine = built.engine
        office.storage = office.intake.storage = built.storage
        office.keeper = built.keeper
        office.intake.spaces = built.controller.lookout.spaces
        office.intake.copies = built.controller.lookout.copies
        office.intake.builds = built.builds
        office.wake = built.controller.wake
        office.alarms = built.alarms
        office.forgave = built.forgave
        said = self._announce(built)
        office.premises = office.registrar.premises = replace(
            office.premises, address=said.address, scheduler=said.scheduler
        )
        self._watch_certificates()
        self._roster.stand(built.fleet, built.views)

    def _watch_certificates(self) -> None:
        """Say when the first of our certificates ends, and where that is near (T12)."""
        alarms = self._authority.expiring(datetime.now(UTC), self._where.tls)
        for each in alarms:
            log.warning("%s", each, extra={"action": "certificate_ends"})
        first = self._authority.first_end(self._where.tls)
        self._office.premises = self._office.registrar.premises = replace(
            self._office.premises, expires=first.isoformat(timespec="seconds"), alarms=alarms
        )

    def _announce(self, built: Plant | None) -> About:
        """Write down where we are reached."""
        said = About(
            pid=os.getpid(),
            started=self._started,
            version=__version__,
            host=built.host if built else "",
            port=built.api.port if built else 0,
            fingerprint=self._authority.fingerprint,
            scheduler=built.scheduler if built else "",
        )
        write_about(self._where, said)
        return said
