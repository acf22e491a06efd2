"""The controller of a cluster as a process: put together, turning until it is told to stop.

Over its whole life it holds the lock, the ledger, the authority and the local socket.  Scheduler,
engine, fleet and the API for other computers stand on what was applied (`Footing`): they begin with
the first `apply`, and are made anew when that changes.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack
from dataclasses import replace

from orchestrator.cli import offers
from orchestrator.cli.daemonlog import Keeping, logging_to
from orchestrator.cli.ground import Footing, footing
from orchestrator.cli.ledgercare import LedgerCare, opened
from orchestrator.cli.office import Firm, StandingOffice
from orchestrator.cli.options import Layout
from orchestrator.cli.plant import Ours, Plant, plant
from orchestrator.cli.roster import Roster
from orchestrator.cli.telling import Voice, notices
from orchestrator.cli.wishes import Wishes
from orchestrator.controller.access import Access
from orchestrator.controller.alarms import Unready
from orchestrator.controller.applying import restored
from orchestrator.controller.authority import Authority
from orchestrator.controller.vault import Vault
from orchestrator.decide.history import kept_s
from orchestrator.decide.reconcile import View
from orchestrator.errors import LedgerError, LedgerFull, OrchestratorError, Refusal
from orchestrator.ledger.lock import Lock
from orchestrator.ledger.protocol import Application
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.manifest.cluster import revision
from orchestrator.model.cluster import Cluster, PluginRules
from orchestrator.plugin.caller import Caller
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
        with opened(where.ledger) as ledger:
            Daemon(where, ledger, kept).run()
    except OrchestratorError as error:
        log.error("%s", error, extra={"action": "controller_failed"})  # one line
        raise
    except Exception as error:
        log.critical("%r", error, exc_info=True, extra={"action": "controller_failed"})
        raise
    log.info("controller of %s: ends", where.cluster, extra={"action": "controller_ends"})
    return 0


class Daemon:
    """One controller process over its ledger."""

    def __init__(self, where: Layout, ledger: SqliteLedger, kept: Keeping) -> None:
        self._where = where
        self._ledger = ledger
        self._care = LedgerCare(ledger, where.ledger)
        self._keeping = kept
        self._wishes = Wishes()
        stands = ledger.applied()
        self._rules = stands.cluster.plugins if stands else PluginRules()
        self._caller = Caller(offers.installed(self._rules))
        self._loading: threading.Thread | None = None  #: the plugins again
        self._authority = Authority.at(where.authority, where.cluster)
        self._access = Access(where.secrets)
        self._base: Footing | None = None  #: of what is built
        self._built: Plant | None = None
        self._roster = Roster(
            changed=self._wishes.look.set, end=self._wishes.end, is_other=self._is_other
        )
        vault = Vault(where.vault)
        self._notices = notices(
            Voice(
                name=where.cluster,
                ledger=ledger,
                plugins=self._caller.plugins,
                vault=vault,
                cluster=lambda: self._roster.cluster,
                views=self._roster.views,
            )
        )
        self._standing = StandingOffice(
            Firm(
                where=where,
                ledger=ledger,
                caller=self._caller,
                authority=self._authority,
                access=self._access,
                roster=self._roster,
                vault=vault,
                wishes=self._wishes,
                notices=lambda: (*self._notices.alarms(), *self._care.alarms()),
            )
        )

    def run(self) -> None:
        """Serve until it is asked to stop."""
        pem = self._authority.pem.decode("ascii")
        office = self._standing.office
        app = application(office, self._access, lambda: pem)
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
            restored(office.registrar)
            self._care.open()
            stack.callback(self._care.close)
            self._notices.open()
            stack.callback(self._notices.close)
            self._standing.announce(None)
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
            self._load(base.plugins)
            with plant(ours, base, stands.cluster) as built:
                self._base, self._built = base, built
                self._tune(stands.cluster)
                self._standing.move_in(built)
                try:
                    self._turn(built)
                finally:
                    self._base = self._built = None
                    self._roster.stand(None)
        except LedgerFull as error:  # what stands there is built again when it has room
            self._care.ran_full(error)
            self._roster.fail(str(error))
            self._wishes.look.wait(AGAIN_AFTER_S)
        except LedgerError:
            raise
        except OrchestratorError as error:
            log.error("%s", error, extra={"action": "not_standing"})  # one line
            self._roster.fail(str(error))
            self._wishes.look.wait(AGAIN_AFTER_S)

    def _load(self, rules: PluginRules) -> None:
        """Load the plugins that are now let in."""
        if rules != self._rules:
            self._caller.reload(offers.installed(rules))
            self._rules = rules
        offers.keep(self._where, rules)

    def _reload(self) -> None:
        """Load them again, as whoever applies something hopes that they are mended."""
        self._caller.reload(offers.installed(self._rules))

    def _turn(self, built: Plant) -> None:
        """Turn until the footing is another, the cluster has left, or it is asked to stop."""
        renewed, unready = time.monotonic(), Unready(self._ledger)

        def over(view: View) -> bool:
            nonlocal renewed
            late = unready.now(built.controller.hands.limits)
            self._notices.saw(view.storage_low, built.controller.lookout.alarms, late)
            if time.monotonic() - renewed >= RENEW_EVERY_S:
                renewed = time.monotonic()
                built.renew()
                self._standing.watch_certificates()
            if self._roster.is_leaving:
                if built.unmanaged:
                    built.unmanaged.leave()
                if built.is_gone() and self._roster.may_end(time.monotonic()):
                    self._left()
            self._care.tend()
            return self._is_over()

        while not self._is_over():
            try:
                built.controller.run(over, lambda view: None)
            except LedgerFull as error:
                self._care.ran_full(error)
                self._wishes.look.wait(AGAIN_AFTER_S)
            except LedgerError:
                raise
            except Exception:  # the loop: one pass
                log.exception("a look has failed", extra={"action": "look_failed"})
                self._wishes.look.wait(1.0)

    def _is_over(self) -> bool:
        """Whether it was asked to stop, or something was applied that stands elsewhere."""
        if self._wishes.stop:
            return True
        if not self._wishes.look.is_set():
            return False
        stands = self._ledger.applied()
        if stands is None or self._is_other(stands.cluster):
            return True
        if self._caller.plugins.are_amiss and not (self._loading and self._loading.is_alive()):
            self._loading = threading.Thread(target=self._reload, name="plugins", daemon=True)
            self._loading.start()
        self._tune(stands.cluster)
        self._wishes.look.clear()
        return False

    def _tune(self, cluster: Cluster) -> None:
        """Keep log and history, and count tries, as what was applied says."""
        self._keeping.tune(cluster.log_level, cluster.log_bytes_max)
        self._care.kept_s = kept_s(cluster)
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
