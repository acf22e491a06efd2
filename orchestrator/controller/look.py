"""Ledger and engine to one View: all that a decision may depend on, read at one place."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Protocol

from orchestrator.controller.blames import Blames
from orchestrator.controller.builds import TargetBuilds
from orchestrator.controller.copies import Copies
from orchestrator.controller.courier import Courier
from orchestrator.controller.presence import Presence
from orchestrator.controller.spaces import Spaces
from orchestrator.controller.storage import Storage
from orchestrator.controller.testimony import Hearing
from orchestrator.decide.active import OF_SEGMENTS, SEGMENTS, TARGETS, Active, active, full
from orchestrator.decide.blame import NOBODY, Now, Quarantine
from orchestrator.decide.fleet import Gate, Sight, closed, lost, mass_alarm, mass_loss, unheard
from orchestrator.decide.place import SPARING, Builds, Needs, Past, Seats, place
from orchestrator.decide.reconcile import Attempt, View, open_seats, spared, strangers
from orchestrator.engine.protocol import Engine
from orchestrator.errors import PluginError
from orchestrator.ledger.protocol import Ledger, Only
from orchestrator.model.cluster import Limits
from orchestrator.model.node import Member, Report
from orchestrator.model.work import AttemptId, Cause, Kind, Service, Task, TaskId
from orchestrator.plugin.caller import Caller

log = logging.getLogger(__name__)

ROUNDS_MAX = 8
"""So often the line is asked for what stands behind jobs that no free node can do."""

ROUND_LEAST = 16
"""So many tasks at least each of these further rounds looks at."""

BLAMED = frozenset({Cause.FAILED.value, Cause.CRASHED.value})

Line = tuple[tuple[Task, Needs], ...]


class Watch(Protocol):
    """Who decides which nodes take part; hears what each look saw."""

    def gate(self) -> Gate:
        """Return what decides now."""

    def saw(
        self,
        sights: Mapping[str, Sight],
        busy: Mapping[str, Mapping[str, int]],
        closed: Mapping[str, str],
    ) -> None:
        """Take what was seen: nodes, their open attempts by service, who is given nothing."""


@dataclass(slots=True)
class Lookout:
    """Reads; changes nothing."""

    ledger: Ledger
    engine: Engine
    courier: Courier
    caller: Caller
    storage: Storage
    only: frozenset[Kind] | None = None  #: of these kinds alone work is given out (a dry run)
    presence: Presence | None = None  #: None: who is listed is here
    watch: Watch | None = None  #: None: whoever is here takes part
    builds: TargetBuilds | None = None  #: None: one node, one build
    spaces: Spaces | None = None  #: None: room is not estimated
    blames: Blames | None = None  #: None: no node is set aside
    copies: Copies | None = None  #: None: every node sees what jobs read
    alarms: tuple[str, ...] = ()  #: of the last look: what people should know now
    hearing: Hearing = field(default_factory=Hearing)  #: whether the ledger has lost leases

    def look(self, now: float, draining: bool) -> View:
        """Return how things stand at `now` (Unix seconds).

        Reports are read before the ledger: what a report lists, the ledger knew before.
        """
        listed = self.engine.look()
        travelling = self.courier.travelling(listed)
        attempts = self.ledger.open_attempts()
        self.hearing.hear(self.ledger, listed)
        sights = self._sights(listed, attempts)
        members = listed if sights is None else _current(sights)
        gate = self.watch.gate() if self.watch else Gate()
        shut = closed(sights, gate) if sights else gate.shut
        aside = self.blames.stored() if self.blames else {}
        busy = _busy(attempts)
        there = frozenset(name for name in sights or () if name not in shut)
        when = Now(unix=now, there=there, busy=frozenset(busy), aside=frozenset(aside))
        quarantine = self.blames.look(sights or {}, when) if self.blames else NOBODY
        shut = {**quarantine.closed, **shut}
        if self.watch and sights is not None:
            sights = _set_aside(sights, quarantine)
            self.watch.saw(sights, busy, shut)
            self._forget(sights, gate, busy.keys())
            self._alarm(sights, gate)
        low = self.storage.low()
        if self.spaces:
            self.spaces.see(attempts, now)
        if self.copies:
            self.copies.see(members, shut, gate.copy)
            if not draining:
                self.copies.early()
        kinds = frozenset() if draining else self.only or (SPARING if low else None)
        unseen = unheard(sights, gate) if sights else frozenset()
        blind = self.copies.blind if self.copies else {}
        past = Past(builds=self._builds(attempts, members), unseen=unseen, blind=blind)
        gone = lost(sights, gate) if sights else {}
        overdue = self.ledger.overdue(strangers(members, attempts))
        taken = (*attempts, *spared(members, overdue, gone).values())
        seats = open_seats(members, taken, shut, quarantine.probing)
        only = _only(kinds, active(each.task for each in attempts), gate.limits)
        doubled = self._doubled(attempts, unseen)
        ready, past = self._ready(seats, only, now, past)
        unplanned = self.ledger.unplanned()
        if self.copies:
            unplanned = self.copies.plannable(unplanned)
        return View(
            members=members,
            attempts=attempts,
            travelling=travelling,
            ready=ready,
            unplanned=unplanned,
            over=self.ledger.over(),
            storage_low=low,
            crowded=dict(self.spaces.why) if self.spaces else {},
            closed=shut,
            lost=gone,
            gone=_gone(sights or {}),
            evicting=gate.evicting,
            shut=gate.shut,
            past=past,
            limits=gate.limits,
            overdue=overdue,
            doubled=doubled,
            quarantine=quarantine,
            set_aside=aside,
            copying=tuple(self.copies.actions) if self.copies else (),
        )

    def _doubled(self, attempts: Sequence[Attempt], unseen: Set[str]) -> frozenset[TaskId]:
        """Return the open tasks of which two attempts may run out of our sight (P3)."""
        silent = [each.task for each in attempts if each.node in unseen]
        awaited = self.ledger.awaited(silent) if silent else {}
        return frozenset(task for task, nodes in awaited.items() if unseen & {*nodes})

    def _alarm(self, sights: Mapping[str, Sight], gate: Gate) -> None:
        """Remember who fell silent together, and say it."""
        if self.presence and (together := mass_loss(sights, gate)):
            self.presence.fell_together(together)
        alarm = mass_alarm(sights, gate)
        if alarm and not self.alarms:
            log.warning("%s", alarm, extra={"action": "mass_loss"})
        self.alarms = (alarm,) if alarm else ()

    def _sights(
        self, listed: Mapping[Member, Report], attempts: Sequence[Attempt]
    ) -> Mapping[str, Sight] | None:
        if self.presence is None:
            return None
        return self.presence.look(listed, {each.id: each.node for each in attempts})

    def _forget(self, sights: Mapping[str, Sight], gate: Gate, busy: Set[str]) -> None:
        """Forget who is not here, not wanted, and has nothing of ours."""
        if self.presence and gate.wanted is not None:
            kept = gate.wanted | gate.guests | busy
            self.presence.forget(
                [n for n, s in sights.items() if not s.is_listed and n not in kept]
            )

    def _ready(
        self, seats: Sequence[Seats], only: Only, now: float, past: Past
    ) -> tuple[dict[Service, Line], Past]:
        """Return the next in line by service, and what is known of their earlier attempts."""
        lines: dict[Service, Line] = {}
        if only.kinds is not None and not only.kinds:
            return lines, past
        for service in Service:
            room = sum(max(0, each.free.get(service, 0)) for each in seats)
            if room > 0:
                lines[service], past = self._line(service, seats, only, now, past)
        return lines, past

    def _line(
        self,
        service: Service,
        seats: Sequence[Seats],
        only: Only,
        now: float,
        past: Past,
    ) -> tuple[Line, Past]:
        """Return the next tasks of a service, as many as there is room for.

        What no free node can do must not hold up what stands behind it: while there is room left,
        the line is asked again without the jobs of which a task found no seat, and for more where
        tasks wait for word of their earlier attempts: that says nothing of their jobs.
        """
        room = sum(max(0, each.free.get(service, 0)) for each in seats)
        line: dict[TaskId, tuple[Task, Needs]] = {}
        passing: frozenset[str] = frozenset()
        limit = room
        for _ in range(ROUNDS_MAX):
            found = self.ledger.ready(service, limit, now, replace(only, passing=passing))
            crowded = self.spaces.without_room(found) if self.spaces else frozenset()
            if self.copies:
                crowded |= self.copies.without_sight(found)
            line |= {
                task.id: (task, self._needs(task))
                for task in found
                if task.id not in line and task.job.id not in crowded
            }
            past = self._with_failures(past, found)
            asked = [(task, service, needs) for task, needs in line.values()]
            seated = {task.id for task, _ in place(asked, seats, past)}
            doubled = sum(task.id in past.doubled for task in found)
            unseated = {each.job.id for each in found if each.id not in seated | past.doubled}
            if len(seated) >= room or len(found) < limit or not (unseated or doubled):
                break
            passing |= unseated
            limit = max(room, ROUND_LEAST) + doubled
        return tuple(line.values()), past

    def _with_failures(self, past: Past, tasks: Sequence[Task]) -> Past:
        """Add where tasks failed, and which may still run; only those that did are looked up."""
        failed = {
            task.id: frozenset(
                record.node for record in self.ledger.attempts(task.id) if record.cause in BLAMED
            )
            for task in tasks
            if task.tries and task.id not in past.failed
        }
        awaited = self.ledger.awaited([task.id for task in tasks]) if past.unseen else {}
        doubled = {
            task for task, nodes in awaited.items() if sum(n in past.unseen for n in nodes) > 1
        }
        if not failed and doubled <= past.doubled:
            return past
        return replace(past, failed={**past.failed, **failed}, doubled=past.doubled | doubled)

    def _builds(
        self, attempts: Sequence[Attempt], members: Mapping[Member, Report]
    ) -> Mapping[str, Builds]:
        return self.builds.fixed(attempts, members) if self.builds else {}

    def _needs(self, task: Task) -> Needs:
        try:
            return self.caller.review(task.job).needs
        except PluginError:
            return {}  # its command will raise the same, and then it has an attempt to tell of


def _current(sights: Mapping[str, Sight]) -> dict[Member, Report]:
    """Return of each node that is listed the one life that counts."""
    return {
        sight.member: sight.report
        for sight in sights.values()
        if sight.is_listed and sight.member is not None and sight.report is not None
    }


def _set_aside(sights: Mapping[str, Sight], found: Quarantine) -> Mapping[str, Sight]:
    """Return the sights, with the reason of those that are set aside."""
    blames = found.blames
    return {
        name: replace(sight, set_aside=blames[name].why) if name in blames else sight
        for name, sight in sights.items()
    }


def _only(kinds: frozenset[Kind] | None, now: Active, limits: Limits) -> Only:
    """Return what the line is asked for: what no limit would let begin is not even read."""
    reached = full(now, limits)
    if SEGMENTS in reached:
        kinds = (frozenset(Kind) if kinds is None else kinds) - OF_SEGMENTS
    return Only(kinds=kinds, targets=now.targets if TARGETS in reached else None)


def _busy(attempts: Sequence[Attempt]) -> dict[str, Counter[str]]:
    """Return node -> service -> open attempts."""
    busy: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for attempt in attempts:
        busy[attempt.node][attempt.service.value] += 1
    return dict(busy)


def _gone(sights: Mapping[str, Sight]) -> frozenset[AttemptId]:
    """Return what earlier lives of nodes had reported, and their present ones do not."""
    return frozenset(
        attempt
        for sight in sights.values()
        if sight.is_listed and sight.report is not None
        for attempt in sight.held - sight.report.attempts.keys()
    )
