"""Which nodes take new work, and which do not come back.  No I/O, no clock, no memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.model.node import Identity, Member, Report
from orchestrator.model.work import AttemptId

SUSPECT_LEAST_S = 5.0
SUSPECT_BEATS = 3
LOST_BEATS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is known of a node: what it said last, and how long ago that was."""

    member: Member | None = None  #: the life of its agent that counts; None: it was never seen
    report: Report | None = None
    silent_s: float = 0.0  #: since its beat last changed; never seen: since we began to look
    is_listed: bool = False  #: whether the engine shows it now
    double: Member | None = None  #: another machine that calls itself so, too (F33)
    held: frozenset[AttemptId] = frozenset()  #: open attempts that earlier lives had reported


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """What is the same in a whole cluster: that of its controller (F-ROLE-6)."""

    version: str
    python_minor: str
    plugins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What decides, besides a node's own word, whether it is given work."""

    ours: Ours | None = None  #: None: versions are not compared
    wanted: frozenset[str] | None = None  #: names; None: whoever comes
    guests: frozenset[str] = frozenset()  #: free nodes that were taken: wanted for a while
    paused: frozenset[str] = frozenset()  #: by a person
    inactive: frozenset[str] = frozenset()  #: by ``active: false``
    draining: Mapping[str, str] = field(default_factory=dict)  #: node -> what for
    evicting: frozenset[str] = frozenset()  #: what still runs there is ended: its time is over
    given_up: Mapping[str, str] = field(default_factory=dict)
    #: silent node -> proof, or a person's word, that it does not come back (R11)
    heartbeat_s: float = 0.5
    lost_after_s: float = 60.0

    @property
    def suspect_after_s(self) -> float:
        """Silence after which a node gets no new work."""
        return max(SUSPECT_LEAST_S, SUSPECT_BEATS * self.heartbeat_s)

    @property
    def lost_s(self) -> float:
        """Silence after which its work is given to others; never under five heartbeats."""
        return max(self.lost_after_s, LOST_BEATS * self.heartbeat_s)


def is_live(sight: Sight | None, gate: Gate) -> bool:
    """Whether a node is heard of."""
    return sight is not None and sight.is_listed and sight.silent_s <= gate.suspect_after_s


def closed(sights: Mapping[str, Sight], gate: Gate) -> Mapping[str, str]:
    """Return the nodes that take no new work, each with the reason; what runs there goes on."""
    reasons = {name: next(_closed(name, sight, gate), "") for name, sight in sights.items()}
    return {name: why for name, why in reasons.items() if why}


def lost(sights: Mapping[str, Sight], gate: Gate) -> Mapping[str, str]:
    """Return the nodes whose work is given to others, each with the reason (F-REC-6)."""
    found = {}
    for name, sight in sights.items():
        if is_live(sight, gate):
            continue
        if name in gate.given_up:
            found[name] = gate.given_up[name]
        elif sight.silent_s >= gate.lost_s:
            found[name] = f"node {name!r}: nothing was heard of it for {gate.lost_s:g} s"
    return found


def _closed(name: str, sight: Sight, gate: Gate) -> Iterator[str]:
    if gate.wanted is not None and name not in gate.wanted | gate.guests:
        yield "it is not a node of this cluster (any more)"
    if name in gate.paused:
        yield f"it is paused; resume it with: orchestrator resume {name}"
    if name in gate.inactive:
        yield "its manifest says active: false"
    if name in gate.draining:
        yield gate.draining[name]
    if sight.report is not None:
        if differs := difference(name, sight.report.identity, gate):
            yield differs
        if sight.report.unfit:
            yield sight.report.unfit
    if not is_live(sight, gate):
        yield f"it has been silent for {sight.silent_s:.0f} s"


BY_HAND = (
    "what `apply` installed was changed there; take the node out of the manifest, `apply`, put it "
    "back, `apply` again"
)
"""The fleet installs by itself what the controller has; what differs after that, somebody changed."""


def difference(name: str, identity: Identity, gate: Gate) -> str:
    """Return what differs from the controller, and what becomes of that; empty: nothing."""
    if gate.ours is None:
        return ""
    theirs, ours = identity, gate.ours
    if theirs.python_minor != ours.python_minor:
        return (
            f"it runs Python {theirs.python_minor or 'unknown'}, the controller "
            f"{ours.python_minor}; install Python {ours.python_minor} there, then `apply` again"
        )
    mend = "upgrade it there" if name in gate.guests else BY_HAND
    if theirs.version != ours.version:
        return f"it runs orchestrator {theirs.version}, the controller {ours.version}; {mend}"
    for plugin in sorted({*theirs.plugins, *ours.plugins}):
        there, here = theirs.plugins.get(plugin, "none"), ours.plugins.get(plugin, "none")
        if there != here:
            return f"its plugin {plugin} is {there}, the controller's {here}; {mend}"
    return ""
