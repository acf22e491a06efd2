"""A cluster's dealings with free nodes: found, claimed one at a time, let go (F-MAN-4 to F-MAN-8).

What a turn does depends on what it sees alone: after a restart of the controller a free node that
still works here is a guest whose job is not known, and it goes when it is idle.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from orchestrator.decide.unmanaged import (
    Claim,
    Demand,
    Free,
    Guest,
    dismissed,
    free_name,
    leaving,
    next_claim,
)
from orchestrator.discovery.addresses import probed
from orchestrator.discovery.claim import Claimant, Joining, Lock, claim, seen
from orchestrator.discovery.protocol import Finding, Notice, Seen
from orchestrator.errors import Conflict, NodeError, OrchestratorError, Rejected
from orchestrator.model.node import AgentSettings, Member, Report
from orchestrator.model.talk import NodePhase, NodeView, Seats

log = logging.getLogger(__name__)

TURN_S = 1.0
PROBE_EVERY_S = 5.0
ASK_AGAIN_S = {Conflict: 3.0, Rejected: 60.0}
"""After a no; a node that did not answer at all is asked again after `UNREACHED_S`."""

UNREACHED_S = 5.0
ABSENT_S = 60.0
"""A guest that does not show up for so long is none any more; it frees itself (R17)."""

CERTIFICATE_HOURS = 24


class Hosting(Protocol):
    """The fleet, as far as guests go."""

    def welcome(self, name: str) -> None:
        """Give a guest work."""

    def farewell(self, name: str) -> None:
        """Give it no more."""


class Signer(Protocol):
    """The cluster's authority, as far as guests go."""

    @property
    def pem(self) -> bytes:
        """Its certificate."""

    def sign(
        self, request_pem: bytes, name: str, *, days: float = ..., hours: float = ...
    ) -> bytes:
        """Return a certificate; Rejected for what is no request."""

    def forget(self, name: str) -> None:
        """Stop watching the certificate of a guest that has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealings:
    """What it takes to deal with free nodes; every callable may be called from any thread."""

    claimant: Claimant
    version: str  #: of orchestrator: another one is not taken (F-ROLE-6)
    finding: Finding
    places: tuple[tuple[str, int], ...] = ()  #: given by hand, beyond the subnet
    key_of: Callable[[Notice, Lock], bytes | None]
    signer: Signer
    settings_of: Callable[[str, str], AgentSettings]
    #: by the name that it will have here, and the address that it was found at
    demand: Callable[[], Demand]
    members: Callable[[], Mapping[Member, Report]]
    dismiss: Callable[[Member, str], None]
    managed: Callable[[], frozenset[str]]  #: names of the nodes that are ours for good
    hosting: Hosting
    clock: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class _No:
    """A node that was not to be had."""

    until: float
    why: str


@dataclass(slots=True)
class _State:
    """All that changes, under the lock."""

    guests: dict[str, Guest] = field(default_factory=dict)  #: by name here
    seen_at: dict[str, float] = field(default_factory=dict)  #: by name; at first, the claim
    noes: dict[str, _No] = field(default_factory=dict)  #: by id
    seen: tuple[Seen, ...] = ()
    by_hand: tuple[Seen, ...] = ()
    probed_at: float | None = None


class Unmanaged:
    """Claims free nodes while there is work for them, from `open` to `close`."""

    def __init__(self, dealings: Dealings) -> None:
        self._with = dealings
        self._lock = threading.Lock()
        self._state = _State()
        self._closing = threading.Event()
        self._is_leaving = False
        self._thread = threading.Thread(target=self._run, name="unmanaged", daemon=True)

    def open(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop; guests go on, and are known again by who comes after us."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self._with.finding.close()

    def leave(self) -> None:
        """Take nobody any more, and let everybody go who has nothing left to do."""
        self._is_leaving = True

    def is_gone(self) -> bool:
        """Whether no guest is here."""
        return not self._guests()

    def turn(self) -> None:
        """Look once, and do what is to be done now: at most one claim."""
        self._find()
        demand = self._with.demand()
        if self._is_leaving:
            demand = Demand(busy=demand.busy)
        members = {member.node: member for member in self._with.members()}
        self._know(members, demand)
        guests = self._guests()
        for name in leaving(guests, demand):
            self._with.hosting.farewell(name)
        for name in dismissed(guests, demand):
            if name in members:
                self._with.dismiss(members[name], "its job is finished")
        if wish := self._wish(guests, demand):
            self._claim(wish)

    def views(self) -> tuple[NodeView, ...]:
        """Return the free nodes that are seen and not here; none is reserved (F-MAN-6)."""
        with self._lock:
            ours = {guest.id for guest in self._state.guests.values()}
            noes = {id: no.why for id, no in self._state.noes.items()}
            found = self._state.seen
        us = self._with.claimant.cluster
        others = [each for each in found if each.notice.id not in ours]
        return tuple(_view(each, noes) for each in others if each.notice.held_by != us)

    def _run(self) -> None:
        while not self._closing.wait(TURN_S):
            try:
                self.turn()
            except OrchestratorError as error:
                log.warning("free nodes: %s", error, extra={"action": "unmanaged_failed"})
            except Exception:  # one turn of the loop: the next one may go well
                log.exception("free nodes: a turn failed", extra={"action": "unmanaged_bug"})

    def _find(self) -> None:
        state, now = self._state, self._with.clock()
        due = state.probed_at is None or now >= state.probed_at + PROBE_EVERY_S
        by_hand = probed(self._with.places, seen) if due and self._with.places else state.by_hand
        with self._lock:
            if due:
                state.probed_at, state.by_hand = now, by_hand
            known = {each.notice.id: each for each in (*by_hand, *self._with.finding.seen())}
            state.seen = tuple(known.values())
            state.noes = {id: no for id, no in state.noes.items() if no.until > now}

    def _know(self, members: Mapping[str, Member], demand: Demand) -> None:
        """Compare who should be here with who is; a link that breaks for a moment costs nothing."""
        now, managed = self._with.clock(), self._with.managed()
        gone = []
        with self._lock:
            guests, seen_at = self._state.guests, self._state.seen_at
            for name, guest in list(guests.items()):
                if name in members:
                    guests[name], seen_at[name] = replace(guest, has_joined=True), now
                elif now > seen_at[name] + ABSENT_S or (
                    guest.has_joined and guest.job not in demand.unfinished
                ):
                    del guests[name], seen_at[name]
                    gone.append(name)
            for name in members.keys() - managed - guests.keys():
                guests[name] = Guest(id="", name=name, job="", services={}, has_joined=True)
                seen_at[name] = now
        for name in gone:
            self._with.hosting.farewell(name)
            self._with.signer.forget(name)

    def _wish(self, guests: Iterable[Guest], demand: Demand) -> Claim | None:
        with self._lock:
            free = [_free(each.notice) for each in self._state.seen]
            not_now = frozenset(self._state.noes)
        return next_claim(free, guests, demand, self._with.version, not_now)

    def _claim(self, wish: Claim) -> None:
        with self._lock:
            places = {each.notice.id: each.place for each in self._state.seen}
            taken = {*self._state.guests, *self._with.managed()}
        name = free_name(wish.node.name, taken)
        guest = Guest(id=wish.node.id, name=name, job=wish.job, services=wish.node.services)
        try:
            claim(
                places[wish.node.id],
                self._with.key_of,
                self._with.claimant,
                lambda _, request: self._joining(guest, places[guest.id][0], request),
            )
        except (Conflict, NodeError) as error:
            self._refused(guest, error)
            return
        log.info("took free node %r for %s", name, wish.job, extra={"action": "node_claimed"})

    def _joining(self, guest: Guest, address: str, request: bytes) -> Joining:
        """Return what the node joins with; it is a guest from now on, whatever we still hear."""
        certificate = self._with.signer.sign(request, guest.name, hours=CERTIFICATE_HOURS)
        with self._lock:
            self._state.guests[guest.name] = guest
            self._state.seen_at[guest.name] = self._with.clock()
        self._with.hosting.welcome(guest.name)
        return Joining(
            certificate=certificate.decode("ascii"),
            authority=self._with.signer.pem.decode("ascii"),
            settings=self._with.settings_of(guest.name, address),
        )

    def _refused(self, guest: Guest, error: OrchestratorError) -> None:
        wait_s = ASK_AGAIN_S.get(type(error), UNREACHED_S)
        with self._lock:
            self._state.noes[guest.id] = _No(self._with.clock() + wait_s, str(error))
            is_ours = guest.name in self._state.guests and not isinstance(error, Rejected)
            if not is_ours:
                self._state.guests.pop(guest.name, None)
        if not is_ours:
            self._with.hosting.farewell(guest.name)
        log.info("%s", error, extra={"action": "node_not_claimed"})

    def _guests(self) -> tuple[Guest, ...]:
        with self._lock:
            return tuple(self._state.guests.values())


def _free(notice: Notice) -> Free:
    return Free(
        id=notice.id,
        name=notice.name,
        services=notice.services,
        version=notice.version,
        held_by=notice.held_by,
    )


def _view(each: Seen, noes: Mapping[str, str]) -> NodeView:
    notice = each.notice
    held = f"taken by {notice.held_by} until its job ends" if notice.held_by else ""
    return NodeView(
        name=notice.name,
        host=each.host,
        address=each.address,
        phase=NodePhase.WAITING,
        why=held or noes.get(notice.id) or "free; taken when there is work for it",
        is_managed=False,
        cluster=notice.held_by,
        services={name: Seats(instances=count) for name, count in notice.services.items()},
        version=notice.version,
    )
