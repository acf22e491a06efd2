"""Who is here, and for how long the others have been silent: from one look at the engine to the next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.decide.fleet import SUSPECT_LEAST_S, Sight
from orchestrator.model.node import Member, Report
from orchestrator.model.work import AttemptId
from orchestrator.system import now_s

GAP_MAX_S = 5.0
"""Of the time between two looks at most this counts as silence: while we slept, nobody was heard."""


@dataclass(slots=True)
class _Known:
    """A node since we know of it."""

    since: float  #: when its beat last changed; never seen: when we began to look
    member: Member | None = None
    report: Report | None = None
    is_listed: bool = False
    double: Member | None = None
    past: set[Member] = field(default_factory=set)  #: lives that have ended, while still listed
    told: set[AttemptId] = field(default_factory=set)  #: open ones that this life has reported
    held: set[AttemptId] = field(default_factory=set)  #: likewise, of earlier lives
    together: bool = False  #: it fell silent with most of the others


class Presence:
    """Remembers beats; a memory that may be lost, for then all silence begins anew (R10)."""

    def __init__(self, clock: Callable[[], float] = now_s) -> None:
        self._clock = clock
        self._last = clock()
        self._age = 0.0  #: seconds that we have been looking
        self._known: dict[str, _Known] = {}
        self._beats: dict[Member, tuple[int, float]] = {}  #: last one, when it was new

    def look(
        self, members: Mapping[Member, Report], attempts: Mapping[AttemptId, str]
    ) -> Mapping[str, Sight]:
        """Return each node as it is known, by name.

        `members`: what the engine shows; `attempts`: the open ones with the nodes they are on,
        which count as known from our first look on.
        """
        now = self._clock()
        self._age += min(max(0.0, now - self._last), GAP_MAX_S)
        self._last = now
        self._hear(members)
        by_node: defaultdict[str, list[Member]] = defaultdict(list)
        for member in members:
            by_node[member.node].append(member)
        for node in {*by_node, *attempts.values()} - self._known.keys():
            self._known[node] = _Known(self._age)
        on_node: defaultdict[str, set[AttemptId]] = defaultdict(set)
        for attempt, node in attempts.items():
            on_node[node].add(attempt)
        for node, known in self._known.items():
            self._renew(known, by_node[node], members)
            known.told &= on_node[node]
            known.held &= on_node[node]
            if known.report and known.is_listed:
                known.told |= on_node[node] & known.report.attempts.keys()
        return {node: self._sight(known) for node, known in self._known.items()}

    def forget(self, nodes: Iterable[str]) -> None:
        """Forget nodes that are no longer of interest."""
        for node in nodes:
            self._known.pop(node, None)

    def fell_together(self, nodes: Iterable[str]) -> None:
        """Remember of nodes that they fell silent with most others, until they are heard of."""
        for node in nodes:
            if known := self._known.get(node):
                known.together = True

    def _hear(self, members: Mapping[Member, Report]) -> None:
        before = self._beats
        self._beats = {}
        for member, report in members.items():
            beat, at = before.get(member, (None, self._age))
            self._beats[member] = (report.beat, at if beat == report.beat else self._age)

    def _renew(self, known: _Known, listed: list[Member], members: Mapping[Member, Report]) -> None:
        """Choose the life that counts.

        The newest of one machine; of two machines the one that was there first, as long as it is
        heard of: a stranger under its name gets nothing, and takes nothing away.
        """
        known.is_listed = False
        known.double = None
        known.past &= set(listed)
        for member in sorted(listed, key=lambda each: (each != known.member, each)):
            if member in known.past:
                continue
            if known.member in (None, member) or self._succeeds(known, members[member], members):
                self._adopt(known, member, members[member])
            else:
                known.double = member

    def _succeeds(self, known: _Known, report: Report, members: Mapping[Member, Report]) -> bool:
        """Whether this report is of the next life of a known node, not of another machine."""
        if known.member is None or known.report is None or known.member not in members:
            return True
        if report.identity.boot == known.report.identity.boot:
            return True
        _, heard = self._beats[known.member]
        return self._age - heard > SUSPECT_LEAST_S

    def _adopt(self, known: _Known, member: Member, report: Report) -> None:
        if known.member is not None and known.member != member:
            known.past.add(known.member)
            known.held |= known.told
            known.told = set()
        known.member, known.report, known.is_listed = member, report, True
        known.since = self._beats[member][1]

    def _sight(self, known: _Known) -> Sight:
        silent_s = self._age - known.since
        known.together &= not known.is_listed or silent_s > SUSPECT_LEAST_S
        return Sight(
            member=known.member,
            report=known.report,
            silent_s=silent_s,
            is_listed=known.is_listed,
            double=known.double,
            held=frozenset(known.held),
            together=known.together,
        )
