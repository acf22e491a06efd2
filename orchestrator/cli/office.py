"""The office of a controller process: asked from the first moment on, whatever is built by then."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from orchestrator import __version__
from orchestrator.cli.about import About, write_about
from orchestrator.cli.options import Layout
from orchestrator.cli.plant import Plant
from orchestrator.cli.roster import Roster
from orchestrator.cli.wishes import Wishes
from orchestrator.controller.access import Access
from orchestrator.controller.applying import Registrar
from orchestrator.controller.authority import Authority
from orchestrator.controller.counter import Premises
from orchestrator.controller.intake import Intake
from orchestrator.controller.office import Office
from orchestrator.controller.storage import Storage
from orchestrator.controller.vault import Vault
from orchestrator.engine.dask.engine import InprocEngine
from orchestrator.engine.protocol import Engine
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.points import strangers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """What an office works with as long as its process lives."""

    where: Layout
    ledger: SqliteLedger
    caller: Caller
    authority: Authority
    access: Access
    roster: Roster
    vault: Vault
    wishes: Wishes
    notices: Callable[[], Sequence[str]]  #: what people should know, whatever is built


class StandingOffice:
    """An office that stands on nothing until something was applied, and then on what was built."""

    def __init__(self, firm: Firm) -> None:
        self._firm = firm
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self.office = _opened(firm)

    def announce(self, built: Plant | None) -> About:
        """Write down where we are reached."""
        authority = self._firm.authority
        said = About(
            pid=os.getpid(),
            started=self._started,
            version=__version__,
            host=built.host if built else "",
            port=built.api.port if built else 0,
            fingerprint=authority.fingerprint,
            scheduler=built.scheduler if built else "",
        )
        write_about(self._firm.where, said)
        return said

    def move_in(self, built: Plant) -> None:
        """Stand on what was built."""
        office = self.office
        office.engine = office.intake.engine = built.engine
        office.storage = office.intake.storage = built.storage
        office.keeper = built.keeper
        office.intake.spaces = built.controller.lookout.spaces
        office.intake.copies = built.controller.lookout.copies
        office.intake.licensing = built.controller.lookout.licensing
        office.intake.builds = built.builds
        office.wake = built.controller.wake
        built.controller.hands.submit_next = office.intake.onward
        office.alarms = built.alarms
        office.forgave = built.forgave
        said = self.announce(built)
        office.premises = office.registrar.premises = replace(
            office.premises, address=said.address, scheduler=said.scheduler
        )
        self.watch_certificates()
        self._firm.roster.stand(built.fleet, built.views)

    def watch_certificates(self) -> None:
        """Say when the first of our certificates ends, and where that is near (T12)."""
        authority, tls = self._firm.authority, self._firm.where.tls
        alarms = authority.expiring(datetime.now(UTC), tls)
        for each in alarms:
            log.warning("%s", each, extra={"action": "certificate_ends"})
        first = authority.first_end(tls)
        self.office.premises = self.office.registrar.premises = replace(
            self.office.premises, expires=first.isoformat(timespec="seconds"), alarms=alarms
        )


def _opened(firm: Firm) -> Office:
    """Return an office without an engine: until something is applied nothing can be done."""
    where, ledger, roster = firm.where, firm.ledger, firm.roster
    premises = Premises(
        name=where.cluster,
        id=firm.authority.id,
        version=__version__,
        log=where.log,
        strangers=strangers(),
    )
    engine: Engine = InprocEngine([], where.scratch)
    storage = Storage.at(where.storage)
    return Office(
        premises=premises,
        ledger=ledger,
        engine=engine,
        fleet=roster,
        storage=storage,
        registrar=Registrar(premises, ledger, roster, firm.access, firm.vault),
        intake=Intake(
            name=where.cluster,
            ledger=ledger,
            caller=firm.caller,
            engine=engine,
            storage=storage,
            views=roster.views,
            clock=time.time,
        ),
        wake=lambda: None,
        end=firm.wishes.end,
        notices=firm.notices,
    )
