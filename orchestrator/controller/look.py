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
from orchestrator.controller.licensing import Licensing
from orchestrator.controller.presence import Presence
from orchestrator.controller.spaces import Spaces
from orchestrator.controller.storage import Storage
from orchestrator.controller.testimony import Hearing
from orchestrator.decide.active import OF_SEGMENTS, SEGMENTS, TARGETS, Active, active, full
from orchestrator.decide.blame import NOBODY, Now
from orchestrator.decide.crew import Crew, current, set_aside
from orchestrator.decide.fleet import Gate, Sight, closed, mass_alarm, mass_loss
from orchestrator.decide.licences import NO_LICENCES
from orchestrator.decide.place import SPARING, Needs, Past, Seats, needed, place
from orchestrator.decide.reconcile import Attempt, View, open_seats, spared, strangers
from orchestrator.engine.protocol import Engine
from orchestrator.errors import PluginError
from orchestrator.ledger.protocol import Ledger, Only
from orchestrator.model.cluster import Limits
from orchestrator.model.node import Member, Report
from orchestrator.model.work import Cause, Job, Kind, Service, Task, TaskId
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.hasty import NotYet

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
    licensing: Licensing | None = None  #: None: no licence is counted
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
        crew = self._crew(listed, attempts, now)
        low = self.storage.low()
        self._begin(crew, attempts, now, draining=draining)
        past = self._past(crew, attempts)
        lost, overdue = crew.lost, self.ledger.overdue(strangers(crew.members, attempts))
        taken = (*attempts, *spared(crew.members, overdue, lost).values())
        seats = open_seats(crew.members, taken, crew.closed, crew.quarantine.probing)
        kinds = frozenset() if draining else self.only or (SPARING if low else None)
        only = _only(kinds, active(each.task for each in attempts), crew.gate.limits)
        doubled = self._doubled(attempts, past.unseen)
        if self.licensing:
            self.licensing.see(taken, crew.gate.limits.licences)
        ready, past = self._ready(seats, only, now, past)
        if self.licensing:
            self.licensing.tell()
        return View(
            members=crew.members,
            attempts=attempts,
            travelling=travelling,
            ready=ready,
            unplanned=self._unplanned(),
            over=self.ledger.over(),
            storage_low=low,
            crowded=dict(self.spaces.why) if self.spaces else {},
            closed=crew.closed,
            lost=lost,
            gone=crew.gone,
            evicting=crew.gate.evicting,
            shut=crew.gate.shut,
            past=past,
            limits=crew.gate.limits,
            licences=self.licensing.now if self.licensing else NO_LICENCES,
            overdue=overdue,
            doubled=doubled,
            quarantine=crew.quarantine,
            set_aside=crew.aside,
            copying=tuple(self.copies.actions) if self.copies else (),
        )

    def _crew(
        self, listed: Mapping[Member, Report], attempts: Sequence[Attempt], now: float
    ) -> Crew:
        """Return who takes part, and tell the watch."""
        sights = self._sights(listed, attempts)
        gate = self.watch.gate() if self.watch else Gate()
        shut = closed(sights, gate) if sights else gate.shut
        aside = self.blames.stored() if self.blames else {}
        busy = _busy(attempts)
        there = frozenset(name for name in sights or () if name not in shut)
        when = Now(unix=now, there=there, busy=frozenset(busy), aside=frozenset(aside))
        quarantine = self.blames.look(sights or {}, when) if self.blames else NOBODY
        crew = Crew(
            members=listed if sights is None else current(sights),
            sights=set_aside(sights or {}, quarantine),
            gate=gate,
            closed={**quarantine.closed, **shut},
            quarantine=quarantine,
            aside=aside,
        )
        if self.watch and sights is not None:
            self.watch.saw(crew.sights, busy, crew.closed)
            self._forget(crew.sights, gate, busy.keys())
            self._alarm(crew.sights, gate)
        return crew

    def _begin(
        self, crew: Crew, attempts: Sequence[Attempt], now: float, *, draining: bool
    ) -> None:
        """Let those who remember from look to look begin this one."""
        if self.spaces:
            self.spaces.see(attempts, now)
        if self.copies:
            self.copies.see(crew.members, crew.closed, crew.gate.copy)
            if not draining:
                self.copies.early()

    def _past(self, crew: Crew, attempts: Sequence[Attempt]) -> Past:
        """Return what is known of earlier attempts before any task is looked at."""
        blind = self.copies.blind if self.copies else {}
        builds = self.builds.fixed(attempts, crew.members) if self.builds else {}
        return Past(builds=builds, unseen=crew.unheard, blind=blind)

    def _unplanned(self) -> tuple[Job, ...]:
        """Return the jobs that may be planned now."""
        jobs = self.ledger.unplanned()
        return self.copies.plannable(jobs) if self.copies else jobs

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
        the line is asked again without the jobs of which a task found no seat (only without its
        renders, if these hold a licence), and for more where tasks wait for word of their earlier
        attempts: that says nothing of their jobs.
        """
        room = sum(max(0, each.free.get(service, 0)) for each in seats)
        line: dict[TaskId, tuple[Task, Needs]] = {}
        only = replace(only, unlicensed=self.licensing.waiting()) if self.licensing else only
        limit = room
        for _ in range(ROUNDS_MAX):
            found = self.ledger.ready(service, limit, now, only)
            crowded = self.spaces.without_room(found) if self.spaces else frozenset()
            if self.copies:
                crowded |= self.copies.without_sight(found)
            line |= {
                task.id: (task, needs)
                for task in found
                if task.id not in line
                and task.job.id not in crowded
                and (needs := self._needs(task)) is not None
            }
            past = self._with_failures(past, found)
            seated = self._seated(line, service, seats, past)
            doubled = sum(task.id in past.doubled for task in found)
            unseated = [each for each in found if each.id not in seated | past.doubled]
            licensed = self.licensing.unseated(unseated) if self.licensing else frozenset()
            if len(seated) >= room or len(found) < limit or not (unseated or doubled):
                break
            only = _past_these(only, unseated, licensed)
            limit = max(room, ROUND_LEAST) + doubled
        return tuple(line.values()), past

    def _seated(
        self,
        line: Mapping[TaskId, tuple[Task, Needs]],
        service: Service,
        seats: Sequence[Seats],
        past: Past,
    ) -> set[TaskId]:
        """Return which tasks of a line find a seat."""
        licences = NO_LICENCES
        if self.licensing:
            self.licensing.learn(task for task, _ in line.values())
            licences = self.licensing.now
        asked = [(task, service, needs) for task, needs in line.values()]
        return {task.id for task, _ in place(asked, seats, past, licences)}

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

    def _needs(self, task: Task) -> Needs | None:
        """Return what a task needs of a node; None: its processor has not said yet."""
        try:
            return needed(task, self.caller.review(task.job))
        except PluginError:
            return {}  # its command will raise the same, and then it has an attempt to tell of
        except NotYet:
            return None


def _past_these(only: Only, unseated: Sequence[Task], licensed: frozenset[str]) -> Only:
    """Return what else is asked for, where tasks found no seat; `licensed`: jobs that hold some."""
    stuck = {
        task.job.id
        for task in unseated
        if task.kind is not Kind.RENDER or task.job.id not in licensed
    }
    return replace(only, passing=only.passing | stuck, unlicensed=only.unlicensed | licensed)


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
