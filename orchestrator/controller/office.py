"""The controller's counter: what a client may ask, its role checked, and who answers it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from orchestrator.controller.applying import Registrar
from orchestrator.controller.counter import Nodes, Premises, near, need, own_batch, sees
from orchestrator.controller.front import LogPart
from orchestrator.controller.intake import Intake
from orchestrator.controller.keeper import Keeper
from orchestrator.controller.parts import act, prioritize
from orchestrator.controller.storage import Storage
from orchestrator.decide.timeline import timeline
from orchestrator.engine.protocol import Engine
from orchestrator.errors import NotThere, Refusal
from orchestrator.ledger.history import history
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.record import AttemptRecord, Happening, Standing
from orchestrator.model.talk import (
    Applied,
    BatchView,
    Cleaned,
    Client,
    ClusterInfo,
    Leaving,
    NodePhase,
    NodeView,
    Preview,
    Role,
    Sheet,
    StorageView,
    Submitted,
    Verb,
    Wanted,
)
from orchestrator.model.work import AttemptId, Priority

LOG_BYTES = 64 << 10
CONTROLLER = "controller"
"""The name under which the controller's own log is asked for."""

log = logging.getLogger(__name__)


def _nobody() -> None:
    """Hear nothing: no node is set aside yet."""


@dataclass(slots=True, kw_only=True)
class Office:
    """Implements `front.Front` over what a running controller is made of."""

    premises: Premises
    ledger: Ledger
    engine: Engine
    fleet: Nodes
    storage: Storage
    registrar: Registrar
    intake: Intake
    wake: Callable[[], None]  #: the controller looks now
    end: Callable[[], None]  #: the controller stops, agents go on
    keeper: Keeper | None = None  #: None: nothing was applied yet
    forgave: Callable[[], None] = _nobody  #: hears that a node's quarantine was ended
    alarms: Callable[[], Sequence[str]] = tuple  #: nodes lost together, work that waits for long
    notices: Callable[[], Sequence[str]] = tuple  #: what was not sent, or that nobody hears of

    # -- the cluster

    def info(self, who: Client) -> ClusterInfo:
        """Return what the cluster is; to nobody only its name, id and version."""
        about, stands = self.premises, self.ledger.applied()
        kind = stands.cluster.kind.value if stands else about.kind
        if who.role is Role.NOBODY:
            return ClusterInfo(name=about.name, kind=kind, id=about.id, version=about.version)
        views = self.fleet.views()
        low = self.storage.low()
        info = ClusterInfo(
            name=about.name,
            kind=kind,
            id=about.id,
            version=about.version,
            display_name=stands.cluster.display_name if stands else "",
            revision=stands.revision if stands else "",
            commit=stands.commit if stands else "",
            applied=stands.at if stands else "",
            role=who.role,
            address=about.address,
            scheduler=about.scheduler,
            storage=str(self.storage.root),
            expires=about.expires,
            alarms=(*about.alarms, *((low,) if low else ()), *self.alarms(), *self.notices()),
            nodes=len(views),
            ready=sum(view.phase is NodePhase.READY for view in views),
            batches=self.ledger.unfinished(),
        )
        return replace(info, status_interval_s=stands.cluster.status_interval_s) if stands else info

    def preview(self, who: Client, wanted: Wanted) -> Preview:
        """Return what `apply` would do."""
        need(who, Role.ADMIN)
        return self.registrar.preview(wanted)

    def apply(self, who: Client, wanted: Wanted) -> Applied:
        """Store what is wanted and make it so."""
        need(who, Role.ADMIN)
        applied = self.registrar.apply(wanted)
        self.wake()
        return applied

    def leave(self, who: Client, leaving: Leaving) -> None:
        """End the cluster; Refusal while a batch is unfinished, unless it is to be now."""
        need(who, Role.ADMIN)
        unfinished = self.ledger.unfinished()
        if unfinished and not leaving.now and leaving.deadline_s is None:
            raise Refusal(
                f"cluster {self.premises.name}: {unfinished} of its batches are not over; wait, "
                "cancel them, or say --now or --deadline"
            )
        self.fleet.leave(leaving)

    def stop(self, who: Client) -> None:
        """Stop the controller."""
        need(who, Role.ADMIN)
        self.end()

    # -- storage

    def stored(self, who: Client) -> StorageView:
        """Return what cluster storage holds; of batches, those this client may see."""
        need(who, Role.USER)
        view = self._keeper().view()
        owners = {batch.id: batch.owner for batch in self.ledger.standings()}
        mine = (each for each in view.batches if sees(who, owners.get(each.batch, "")))
        return replace(view, batches=tuple(mine))

    def clean(self, who: Client, batch: str = "") -> Cleaned:
        """Clean cluster storage now, or take away all that one batch left."""
        if batch:
            own_batch(self.ledger, who, batch)
        else:
            need(who, Role.ADMIN)
        return self._keeper().clean(batch.partition("/")[0])

    def _keeper(self) -> Keeper:
        if self.keeper is None:
            raise Refusal(
                f"cluster {self.premises.name}: it has no storage yet; type: orchestrator apply FILE"
            )
        return self.keeper

    # -- batches

    def submit(self, who: Client, sheets: Sequence[Sheet], key: str) -> Submitted:
        """Store a batch."""
        need(who, Role.USER)
        came = self.intake.submit(who, sheets, key)
        self.wake()
        return came

    def batches(self, who: Client, mine: bool = False) -> tuple[Standing, ...]:
        """Return the batches this client may see, oldest first."""
        need(who, Role.USER)
        found = (each for each in self.ledger.standings() if sees(who, each.owner))
        return tuple(each for each in found if not mine or each.owner == who.owner)

    def batch(self, who: Client, id: str) -> BatchView:
        """Return one batch with all its parts."""
        name = own_batch(self.ledger, who, id)
        batch, tasks = self.ledger.batch(name), self.ledger.tasks(name)
        if batch is None:  # cannot be: it has an owner
            raise NotThere(f"{name!r}: no such batch")
        return BatchView(
            batch=batch,
            standings=self.ledger.standings(name),
            tasks=tasks,
            attempts=self.ledger.attempts(name),
            results=self.ledger.results([task.id for task in tasks]),
            paused=self.ledger.paused(name),
            refused=self.intake.refused(tasks),
            full=self.intake.full(),
        )

    def parts(self, who: Client, id: str) -> tuple[Standing, ...]:
        """Return how one batch stands, then its jobs and targets."""
        return self.ledger.standings(own_batch(self.ledger, who, id))

    def timeline(self, who: Client, id: str) -> tuple[Happening, ...]:
        """Return what happened to a part of a batch."""
        own_batch(self.ledger, who, id)
        return timeline(history(self.ledger, id), id)

    def act(self, who: Client, verb: Verb, id: str, now: bool = False) -> None:
        """Pause, resume, cancel or retry a part of a batch."""
        own_batch(self.ledger, who, id)
        act(self.ledger, self.storage, verb, id, now=now)
        self.wake()

    def prioritize(self, who: Client, id: str, priority: Priority) -> None:
        """Let a batch go before or behind others."""
        own_batch(self.ledger, who, id)
        prioritize(self.ledger, id, priority)
        self.wake()

    def log(self, who: Client, attempt: AttemptId, offset: int) -> LogPart:
        """Return a piece of an attempt's log: from storage, its node, or the last lines kept."""
        need(who, Role.USER)
        record = self.ledger.attempt(attempt)
        if record is None:
            raise NotThere(f"attempt {attempt!r}: there is none; `status` shows those there are")
        own_batch(self.ledger, who, record.task)
        data = self._log(record, max(0, offset))
        return LogPart(data, max(0, offset) + len(data))

    def _log(self, record: AttemptRecord, offset: int) -> bytes:
        try:
            with (self.storage.attempt(record.id) / "log").open("rb") as file:
                file.seek(offset)
                return file.read(LOG_BYTES)
        except OSError:
            pass
        for member in self.engine.look():
            if member.node == record.node and (data := self.engine.read(member, record.id, offset)):
                return data
        if record.closed and record.outcome:
            return record.outcome.log_tail.encode("utf-8", "replace")[offset:]
        return b""

    # -- nodes

    def nodes(self, who: Client) -> tuple[NodeView, ...]:
        """Return the nodes by name."""
        need(who, Role.USER)
        return tuple(sorted(self.fleet.views(), key=lambda view: view.name))

    def node_act(self, who: Client, verb: Verb, name: str, leaving: Leaving) -> NodeView:
        """Pause or resume a node; stored first, so that it holds over a restart."""
        need(who, Role.ADMIN)
        self._node(name)
        match verb:
            case Verb.PAUSE:
                self.ledger.pause_node(name)
                self.fleet.pause(name, leaving)
            case Verb.RESUME:
                self.ledger.resume_node(name)
                self.ledger.take_back(name, "a person resumed it")
                self.forgave()
                self.fleet.resume(name)
            case _:
                raise Refusal(f"node {name}: it can be paused and resumed; nothing else")
        self.wake()
        return self._node(name)

    def node_trust(self, who: Client, name: str, fingerprint: str) -> NodeView:
        """Take a host key for a node's."""
        need(who, Role.ADMIN)
        self._node(name)
        self.fleet.trust(name, fingerprint)
        return self._node(name)

    def node_lost(self, who: Client, name: str) -> NodeView:
        """Give a silent node up."""
        need(who, Role.ADMIN)
        self._node(name)
        self.fleet.lost(name)
        self.wake()
        return self._node(name)

    def node_log(self, who: Client, name: str) -> str:
        """Return the end of an agent's log, or of the controller's own."""
        need(who, Role.ADMIN)
        if name == CONTROLLER:
            return self._own_log()
        self._node(name)
        return self.fleet.log(name)

    def _own_log(self) -> str:
        try:
            with self.premises.log.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - LOG_BYTES))
                return file.read().decode("utf-8", "replace")
        except OSError as error:
            raise NotThere(f"log {self.premises.log}: {error.strerror}") from error

    def _node(self, name: str) -> NodeView:
        views = {view.name: view for view in self.fleet.views()}
        if name not in views:
            raise NotThere(f"node {name!r}: there is none; {near(name, sorted(views))}")
        return views[name]
